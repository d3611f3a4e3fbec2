"""Barrel or cushion: a lens that moves points towards or away from the middle by up to 5 % of the radius."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.channel._view import bent


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture through a lens with a distortion of 5 % x strength in the corners; which way is drawn."""
    if strength <= 0:
        return rgb
    height, width = rgb.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    from_x, from_y = bent(x, y, (width, height), 0.05 * strength * rng.choice((-1.0, 1.0)))
    moved = cv2.remap(
        rgb, from_x.astype(np.float32), from_y.astype(np.float32), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.uint8)
