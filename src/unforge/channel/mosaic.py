"""One colour in each pixel: sampled through a colour filter array (RGGB), and the other two interpolated."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.channel._linear import light, picture
from unforge.channel._sensor import FULL_SCALE, SITES, demosaiced


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture mixed with what is left of it after mosaic and interpolation."""
    if strength <= 0:
        return rgb
    height, width = rgb.shape[:2]
    even = cv2.copyMakeBorder(rgb, 2, 2 + height % 2, 2, 2 + width % 2, cv2.BORDER_REPLICATE)
    linear = light(np.asarray(even, np.uint8))
    raw = np.empty(linear.shape[:2], np.uint16)
    for row, column, colour in SITES:
        raw[row::2, column::2] = np.round(FULL_SCALE * linear[row::2, column::2, colour])
    filtered = demosaiced(raw).astype(np.float32) / FULL_SCALE
    mixed = np.asarray(linear + strength * (filtered - linear), np.float32)
    return picture(mixed[2 : 2 + height, 2 : 2 + width])
