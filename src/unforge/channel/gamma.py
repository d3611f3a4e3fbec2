"""A panel whose curve is not the one that the picture was made for, and whose black is not black."""

import cv2
import numpy as np
from numpy.typing import NDArray

MEANT = 2.2


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture as a panel shows it with gamma 2.2 + 0.6 x strength and 2 % x strength of its white in the black."""
    if strength <= 0:
        return rgb
    shown = light(np.arange(256) / 255.0, MEANT + 0.6 * strength, 0.02 * strength)
    return np.asarray(cv2.LUT(rgb, np.round(255.0 * shown ** (1.0 / MEANT)).astype(np.uint8)), np.uint8)


def light(code: NDArray[np.float64], gamma: float, black: float) -> NDArray[np.float64]:
    """Light in [black, 1] of code values in [0, 1]."""
    return np.asarray(black + (1.0 - black) * code**gamma)
