"""Light of the room that the front of a panel scatters over the picture."""

import numpy as np
from numpy.typing import NDArray

from unforge.channel._linear import light, picture


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture with up to 10 % of its white added everywhere, at the same white."""
    if strength <= 0:
        return rgb
    added = 0.1 * strength
    return picture((light(rgb) + np.float32(added)) / np.float32(1.0 + added))
