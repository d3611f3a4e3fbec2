"""Forgeries of a stretch of film that tell themselves between frames: one file each, `make(clip, rng) -> Clip`."""

from typing import Protocol, cast

import numpy as np

from unforge.plugins import Registry
from unforge.train.clips import Clip


class TemporalFamily(Protocol):
    """A way of forging a stretch; every random draw comes from `rng`, so that a seed forges the same again."""

    def make(self, clip: Clip, rng: np.random.Generator) -> Clip:
        """The forged stretch: the same moments, the same size."""
        ...


_REGISTRY = Registry(__name__, __path__, "temporal pseudo-fake")
available = _REGISTRY.available


def load(name: str) -> TemporalFamily:
    """The family called `name`; raises UnknownName with the choices."""
    return cast(TemporalFamily, _REGISTRY.module(name))
