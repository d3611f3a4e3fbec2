"""BlazeFace as a target: each of the two networks alone, on the whole picture."""

import numpy as np
from numpy.typing import NDArray

from unforge import weights
from unforge.faces import find
from unforge.protect.targets import Picture, Points, Target


def target(name: str, detector: find.Detector) -> Target:
    """One of the networks that phones, browsers and most landmark pipelines look for faces with."""

    def respond(rgb: Picture, mesh_px: Points) -> NDArray[np.float32]:
        seen = find.alone(detector, rgb)
        return np.concatenate([seen.boxes_px, seen.scores[:, None]], axis=1)

    return Target(
        name=name,
        kind="detector",
        is_trained_here=False,
        network=weights.card(detector.name).path,
        may_train=True,
        respond=respond,
    )
