"""Less light in the corners, up to 40 %."""

import numpy as np
from numpy.typing import NDArray

from unforge.channel._linear import light, picture


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture with 40 % x strength of the light lost in its corners."""
    if strength <= 0:
        return rgb
    height, width = rgb.shape[:2]
    y, x = np.mgrid[0:height, 0:width] - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    left = kept((x * x + y * y) / ((width / 2) ** 2 + (height / 2) ** 2), 0.4 * strength)
    return picture(light(rgb) * left[..., None].astype(np.float32))


def kept(corner_share: NDArray[np.float64], loss: float) -> NDArray[np.float64]:
    """Share of the light that arrives, by squared distance from the middle, 1 in the corners."""
    return np.asarray(1.0 - loss * corner_share)
