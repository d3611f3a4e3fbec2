"""Defocus, Gaussian up to 2.5 px."""

import cv2
import numpy as np
from numpy.typing import NDArray


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture blurred with sigma = 2.5 px x strength."""
    if strength <= 0:
        return rgb
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), 2.5 * strength), np.uint8)
