"""Brightness smoothed against noise where there is no edge, as phones do; colour stays."""

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

NEIGHBOURHOOD_PX, SIGMA_PX = 5, 1.5


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture with its luma averaged among neighbours that differ by less than about 30 levels x strength."""
    if strength <= 0:
        return rgb
    luma, *chroma = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb))
    smooth = smoothed(np.asarray(luma, np.float32), 30.0 * strength).round().astype(np.uint8)
    return np.asarray(cv2.cvtColor(cv2.merge([smooth, *chroma]), cv2.COLOR_YCrCb2RGB), np.uint8)


def smoothed(luma: Plane, range_levels: float) -> Plane:
    """Luma (H, W) after a bilateral filter (Tomasi and Manduchi, ICCV 1998) of 5 px and this range."""
    if range_levels <= 0:
        return luma
    return np.asarray(cv2.bilateralFilter(luma, NEIGHBOURHOOD_PX, range_levels, SIGMA_PX), np.float32)
