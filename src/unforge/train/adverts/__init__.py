"""Pictures of offers, with and without an advert laid over them: one file for each kind of overlay or writing.

An advert is what somebody laid flat over a picture to lead buyers elsewhere: a contact, a code, a banner. Ordinary
writing stands in the scene or beside it: signs, labels, a photographer's mark, a border. Every random draw comes from
`rng`, so that a seed draws the same picture again.
"""

from dataclasses import dataclass
from functools import cache
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from unforge.plugins import Registry
from unforge.train.adverts._words import Words


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture (H, W, 3) uint8 and how much of each pixel is advert, (H, W) float32 in [0, 1]."""

    rgb: NDArray[np.uint8]
    mask: NDArray[np.float32]


class Kind(Protocol):
    """A way of writing on pictures. CLASS: what the picture then is, of `moderate.looks.CLASSES`."""

    CLASS: str

    def draw(self, rgb: NDArray[np.uint8], words: Words, rng: np.random.Generator) -> Drawn:
        """Write on a picture (H, W, 3), which is left as it was."""
        ...


_REGISTRY = Registry(__name__, __path__, "kind of overlay")
available = _REGISTRY.available


@cache
def load(name: str) -> Kind:
    """The kind called `name`; raises UnknownName with the choices."""
    return cast(Kind, _REGISTRY.module(name))


@cache
def of_class(name: str) -> tuple[str, ...]:
    """The kinds after which a picture is of this class."""
    return tuple(kind for kind in available() if name == load(kind).CLASS)
