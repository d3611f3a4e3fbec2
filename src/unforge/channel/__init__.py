"""What happens to a picture on its way: one file per effect, each with `apply(rgb, strength, rng)`.

rgb: (H, W, 3) uint8, returned in the same shape and type; strength in [0, 1], where 0 changes nothing and 1 is the
worst that still passes on real platforms; rng decides whatever is random.

`photograph` is an effect, too, and holds the whole way from a screen to a camera's file. Files with a leading
underscore are parts of it.
"""

from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from unforge.plugins import Registry


class Effect(Protocol):
    """One thing that happens to a picture."""

    def apply(self, rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]: ...


_REGISTRY = Registry(__name__, __path__, "channel effect")
available = _REGISTRY.available


def load(name: str) -> Effect:
    """The effect called `name`; raises UnknownName with the choices."""
    return cast(Effect, _REGISTRY.module(name))
