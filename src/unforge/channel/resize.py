"""Made smaller and large again, down to a third."""

import cv2
import numpy as np
from numpy.typing import NDArray

KERNELS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture reduced to 1 / (1 + 2 x strength) and brought back, with random kernels each way."""
    if strength <= 0:
        return rgb
    height, width = rgb.shape[:2]
    scale = 1.0 / (1.0 + 2.0 * strength)
    small_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    down, up = KERNELS[rng.integers(2)], KERNELS[rng.integers(1, 4)]
    small = cv2.resize(rgb, small_wh, interpolation=down)
    return np.asarray(cv2.resize(small, (width, height), interpolation=up), np.uint8)
