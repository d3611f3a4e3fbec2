"""JPEG compression, quality 100 down to 25."""

import cv2
import numpy as np
from numpy.typing import NDArray


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture after one JPEG round at quality 100 - 75 x strength (4:2:0)."""
    if strength <= 0:
        return rgb
    quality = round(100 - 75 * strength)
    coded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    bgr = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
