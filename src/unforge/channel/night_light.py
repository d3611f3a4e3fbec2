"""A screen in its evening colours: blue falls most, green less. At full strength white has 3400 K."""

import cv2
import numpy as np
from numpy.typing import NDArray

# Code values of a black body of 3400 K in sRGB, from the CIE 1931 observer: #ffc184.
WHITE_3400_K = (1.0, 193 / 255, 132 / 255)


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The frame buffer as the display's colour ramp changes it."""
    if strength <= 0:
        return rgb
    gains = 1.0 - strength * (1.0 - np.array(WHITE_3400_K))
    table = np.round(np.arange(256)[:, None] * gains).astype(np.uint8)
    return np.asarray(cv2.LUT(rgb, table[None]), np.uint8)
