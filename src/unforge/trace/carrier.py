"""The carrier: what of a photograph may be ink, and what is the picture itself.

The ink is in blue alone; what a screen shows is mostly in all three colours. So blue is predicted from red and green
around every pixel by least squares (the guided filter with a colour guide; He, Sun & Tang, ECCV 2010, equations 14 to
16, with two channels as the guide), and what the prediction leaves is the carrier. It is brought to the same loudness
everywhere and clipped, so that no bright corner outvotes the rest.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.errors import ShapeError

SIGMA_PX = 4.0  # of the neighbourhood that predicts; about a chip
QUIETEST = 1.0  # grey levels of the carrier below which loudness is not made up for
LOUDEST = 2.0  # times the loudness around, where it is clipped
BLACK, WHITE = 8, 252  # grey levels at which a sensor says nothing any more

Plane = NDArray[np.float32]


def carrier(rgb: NDArray[np.uint8]) -> Plane:
    """The carrier (H, W) of a picture (H, W, 3): positive where blue is less than red and green let expect."""
    _check(rgb)
    red, green, blue = (np.ascontiguousarray(rgb[..., n]).astype(np.float32) for n in range(3))
    red_mean, green_mean, blue_mean = _around(red), _around(green), _around(blue)
    rr = _around(red * red) - red_mean**2 + SIGMA_PX
    gg = _around(green * green) - green_mean**2 + SIGMA_PX
    rg = _around(red * green) - red_mean * green_mean
    rb = _around(red * blue) - red_mean * blue_mean
    gb = _around(green * blue) - green_mean * blue_mean
    det = rr * gg - rg * rg
    by_red, by_green = (gg * rb - rg * gb) / det, (rr * gb - rg * rb) / det
    expected = by_red * (red - red_mean) + by_green * (green - green_mean)
    return _level(expected - (blue - blue_mean), rgb)


def grey_carrier(rgb: NDArray[np.uint8]) -> Plane:
    """The carrier (H, W) of a copy without colour: what is darker than its surroundings."""
    _check(rgb)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return _level(_around(grey) - grey, rgb)


def _level(plane: Plane, rgb: NDArray[np.uint8]) -> Plane:
    loudness = np.sqrt(cv2.GaussianBlur(plane * plane, (0, 0), 2.0 * SIGMA_PX) + QUIETEST**2)
    levelled = np.clip(plane / loudness, -LOUDEST, LOUDEST)
    levelled[(rgb.max(axis=2) < BLACK) | (rgb.min(axis=2) > WHITE)] = 0.0
    return np.asarray(levelled, np.float32)


def _around(plane: Plane) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), SIGMA_PX), np.float32)


def _check(rgb: NDArray[np.uint8]) -> None:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ShapeError("rgb", expected="(H, W, 3) uint8", got=f"{rgb.shape} {rgb.dtype}")
