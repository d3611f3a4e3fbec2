"""Looks that nobody attacked, in every state that ordinary pictures are in, and looks that were attacked."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unforge import channel
from unforge.bench._adversarial_attacks import Views
from unforge.bench._adversarial_faces import Faces
from unforge.bench.network import Network

ON_THE_WAY = ("blur", "jpeg", "messenger", "noise", "resize", "sharpen")
SIGNS = "random signs"  # of the size of an attack, and no attack: the control
SIGNS_LEVELS = (2, 9)
STRENGTHS = (0.1, 0.7)


@dataclass(frozen=True, slots=True)
class Kind:
    """Views of one kind, as the network gets them; attacked or not."""

    name: str
    attacked: bool
    views: Views


def ordinary(faces: Faces, network: Network, seed: int) -> Iterator[Kind]:
    """Every look as it is, and again in each state of ON_THE_WAY and under random signs."""
    rng = np.random.default_rng(seed)
    views = faces.views(network)
    for name, fake in (("untouched", False), ("forged", True)):
        chosen = np.flatnonzero(faces.fake == fake)
        if len(chosen):
            yield Kind(name, False, [views[n] for n in chosen])
    for state in (*ON_THE_WAY, SIGNS):
        yield Kind(state, False, _in_state(faces, network, state, rng))


def _in_state(faces: Faces, network: Network, state: str, rng: np.random.Generator) -> Views:
    if state == SIGNS:
        return [_signs(view, int(rng.integers(*SIGNS_LEVELS)), rng) for view in faces.views(network)]
    changed = [channel.load(state).apply(crop, float(rng.uniform(*STRENGTHS)), rng) for crop in faces.crops]
    return [network.view(crop, mesh) for crop, mesh in zip(changed, faces.landmarks_px, strict=True)]


def signed(views: Views, levels: int, seed: int) -> Views:
    """Views under random signs of so many grey levels."""
    rng = np.random.default_rng(seed)
    return [_signs(view, levels, rng) for view in views]


def _signs(view: NDArray[np.uint8], levels: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    return np.asarray(np.clip(view + rng.choice([-levels, levels], view.shape), 0, 255), np.uint8)
