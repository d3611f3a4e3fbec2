"""A lens out of focus: every point of light becomes a disc of up to 4 px radius."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.channel._linear import light, picture

FINE = 8  # points along a pixel's side that measure how much of it lies in the disc


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture with its light spread over discs of 4 px x strength."""
    if strength <= 0:
        return rgb
    blurred = cv2.filter2D(light(rgb), -1, disc(4.0 * strength), borderType=cv2.BORDER_REPLICATE)
    return picture(np.asarray(blurred, np.float32))


def disc(radius_px: float) -> NDArray[np.float32]:
    """(2n + 1, 2n + 1) share of every pixel in a disc around the middle one, with sum 1."""
    reach = int(np.ceil(radius_px))
    along = (np.arange((2 * reach + 1) * FINE) + 0.5) / FINE - reach - 0.5
    inside = (along**2 + along[:, None] ** 2 <= max(radius_px, 0.5) ** 2).astype(np.float32)
    cells = inside.reshape(2 * reach + 1, FINE, 2 * reach + 1, FINE).sum(axis=(1, 3))
    return np.asarray(cells / cells.sum(), np.float32)
