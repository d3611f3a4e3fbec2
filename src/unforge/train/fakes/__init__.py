"""Pseudo-fakes made from real faces: one file each, with `make(rgb, landmarks_px, rng, donors) -> Fake`."""

from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from unforge.plugins import Registry

# What a family may inject. The words of the report (explain/vocabulary.py) and the heads of the network follow them.
ARTEFACTS = ("colour", "sharpness", "compression", "geometry", "smoothing", "upsampling", "frequency")
# Where a family may have worked; "face" is everything larger than one part.
REGIONS = ("face", "eyes", "nose", "mouth")

Face = tuple[NDArray[np.uint8], NDArray[np.float32]]
"""A face crop (H, W, 3) and its mesh (468, 2) on it."""


@dataclass(frozen=True, slots=True)
class Fake:
    """A forged face and what is known about it.

    rgb: (H, W, 3) uint8, the forgery; real: (H, W, 3) uint8, the untouched partner of the same size.
    mask: (H, W) float32 in [0, 1], how much of each pixel was pasted.
    artefacts: what was injected, of ARTEFACTS; region: where, of REGIONS; told: whether these two are known at all.
    """

    rgb: NDArray[np.uint8]
    real: NDArray[np.uint8]
    mask: NDArray[np.float32]
    artefacts: tuple[str, ...]
    region: str = "face"
    told: bool = True


class Donors(Protocol):
    """Other people, for families that need one."""

    def near(self, landmarks_px: NDArray[np.float32], rng: np.random.Generator) -> Face:
        """A random one of those whose pose and shape are nearest to a mesh (468, 2); a crop of 224 px."""
        ...

    def again(self, landmarks_px: NDArray[np.float32], rng: np.random.Generator) -> Face | None:
        """Another moment of the very face that a mesh is of, or None where none is known."""
        ...


class Family(Protocol):
    """A way of forging; every random draw comes from `rng`, so that a seed forges the same again."""

    def make(
        self,
        rgb: NDArray[np.uint8],
        landmarks_px: NDArray[np.float32],
        rng: np.random.Generator,
        donors: Donors | None = None,
    ) -> Fake:
        """Forge a crop (H, W, 3) with its mesh on it; raises UsageError where donors are needed and None are given."""
        ...


_REGISTRY = Registry(__name__, __path__, "pseudo-fake")
available = _REGISTRY.available


def load(name: str) -> Family:
    """The family called `name`; raises UnknownName with the choices."""
    return cast(Family, _REGISTRY.module(name))
