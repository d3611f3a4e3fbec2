"""Colour blurred against noise, as phones do, with a standard deviation of up to 3 px; brightness stays."""

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture with Cb and Cr blurred by a Gaussian of 3 px x strength."""
    if strength <= 0:
        return rgb
    luma, *chroma = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb))
    planes = [
        luma,
        *(blurred(np.asarray(plane, np.float32), 3.0 * strength).round().astype(np.uint8) for plane in chroma),
    ]
    return np.asarray(cv2.cvtColor(cv2.merge(planes), cv2.COLOR_YCrCb2RGB), np.uint8)


def blurred(chroma: Plane, sigma_px: float) -> Plane:
    """One plane of chroma (H, W) without its fine detail."""
    return chroma if sigma_px <= 0 else np.asarray(cv2.GaussianBlur(chroma, (0, 0), sigma_px), np.float32)
