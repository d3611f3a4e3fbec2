"""A white that is not white: red and blue gained by up to 20 % too much or too little."""

import numpy as np
from numpy.typing import NDArray

from unforge.channel._linear import light, picture


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture with wrong gains of red and blue, of 10 to 20 % x strength; which way is drawn."""
    if strength <= 0:
        return rgb
    signs, sizes = rng.choice((-1.0, 1.0), 2), rng.uniform(0.1, 0.2, 2)
    return picture(light(rgb) * gains(strength * signs * sizes).astype(np.float32))


def gains(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) gains of linear light with these errors (2,) of red and blue."""
    return np.array([1.0 + errors[0], 1.0, 1.0 + errors[1]])
