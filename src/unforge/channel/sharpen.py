"""Sharpened brightness: an unsharp mask of 1.2 px, gain up to 1.5."""

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

SIGMA_PX = 1.2


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture with its luma sharpened by a gain of 1.5 x strength."""
    if strength <= 0:
        return rgb
    luma, *chroma = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb))
    sharp = np.clip(sharpened(np.asarray(luma, np.float32), 1.5 * strength).round(), 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(cv2.merge([sharp, *chroma]), cv2.COLOR_YCrCb2RGB), np.uint8)


def sharpened(luma: Plane, gain: float) -> Plane:
    """Luma (H, W) with what a blur of 1.2 px would take away added `gain` times."""
    if gain <= 0:
        return luma
    return np.asarray(
        cv2.addWeighted(luma, 1.0 + gain, cv2.GaussianBlur(luma, (0, 0), SIGMA_PX), -gain, 0.0), np.float32
    )
