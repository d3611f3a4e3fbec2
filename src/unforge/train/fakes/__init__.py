"""Pseudo-fakes made from real faces: one file each, with `make(rgb, landmarks_px, rng) -> Fake`."""

from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from unforge.plugins import Registry


@dataclass(frozen=True, slots=True)
class Fake:
    """A forged face and what is known about it.

    rgb: (H, W, 3) uint8, the forgery; real: (H, W, 3) uint8, the untouched partner of the same size.
    mask: (H, W) float32 in [0, 1], how much of each pixel was pasted; artefacts: what was injected.
    """

    rgb: NDArray[np.uint8]
    real: NDArray[np.uint8]
    mask: NDArray[np.float32]
    artefacts: tuple[str, ...]


class Family(Protocol):
    """A way of forging."""

    def make(self, rgb: NDArray[np.uint8], landmarks_px: NDArray[np.float32], rng: np.random.Generator) -> Fake: ...


_REGISTRY = Registry(__name__, __path__, "pseudo-fake")
available = _REGISTRY.available


def load(name: str) -> Family:
    """The family called `name`; raises UnknownName with the choices."""
    return cast(Family, _REGISTRY.module(name))
