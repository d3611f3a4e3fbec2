"""Colour filters that let neighbouring colours pass, as those of a sensor do."""

import numpy as np
from numpy.typing import NDArray

from unforge.channel._linear import light, picture

# Light of red, green and blue (columns) that passes the red, green and blue filter (rows).
FILTERS = ((0.86, 0.12, 0.02), (0.07, 0.86, 0.07), (0.02, 0.14, 0.84))


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture behind such filters; a camera that is not corrected shows it like this, at strength 1."""
    if strength <= 0:
        return rgb
    mixed = np.eye(3) + strength * (np.array(FILTERS) - np.eye(3))
    return picture(light(rgb) @ mixed.T.astype(np.float32))
