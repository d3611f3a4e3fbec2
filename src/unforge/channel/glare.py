"""A lamp mirrored in the panel: a bright round spot, at its worst as bright as the panel's white."""

import numpy as np
from numpy.typing import NDArray

from unforge.channel._linear import light, picture

RADIUS = 0.06  # of the panel's width, standard deviation


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture with a reflection of this brightness at a place that is drawn."""
    if strength <= 0:
        return rgb
    height, width = rgb.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    spot = strength * reflected(x, y, (width, height), (rng.random(), rng.random()))
    return picture(light(rgb) + spot[..., None].astype(np.float32))


def reflected(
    x: NDArray[np.float64], y: NDArray[np.float64], size_wh: tuple[int, int], at: tuple[float, float]
) -> NDArray[np.float64]:
    """Light at pixels (x, y) by a lamp of 1 whose image lies at these fractions of the panel's sides."""
    width, height = size_wh
    away = (x - at[0] * width) ** 2 + (y - at[1] * height) ** 2
    return np.asarray(np.exp(-away / (2.0 * (RADIUS * width) ** 2)))
