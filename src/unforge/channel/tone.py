"""A phone's tone curve: dark made darker and bright brighter around the middle."""

import cv2
import numpy as np
from numpy.typing import NDArray


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture after an S-shaped curve of this strength."""
    if strength <= 0:
        return rgb
    table = 255.0 * curved(np.linspace(0.0, 1.0, 256, dtype=np.float32), strength)
    return np.asarray(cv2.LUT(rgb, np.asarray(table.round(), np.uint8)), np.uint8)


def curved(code: NDArray[np.float32], contrast: float) -> NDArray[np.float32]:
    """Code values c in [0, 1], mixed with 3 c^2 - 2 c^3 by this share; the latter has a slope of 1.5 at 0.5."""
    return np.asarray((1 - contrast) * code + contrast * code * code * (3 - 2 * code), np.float32)
