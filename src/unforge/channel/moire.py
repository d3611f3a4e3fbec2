"""Moire: the sub-pixels of a panel sampled by the colour filter array of a sensor. It is not drawn, it arises."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.channel import _linear
from unforge.channel._exposure import Optics, Panel, exposed
from unforge.channel._room import Room
from unforge.channel._screen import LAYOUTS, Box, Layout
from unforge.channel._sensor import FULL_SCALE, demosaiced
from unforge.channel._view import Matrix, View, inverse

PSF_PX = 0.5  # a sharp lens: what blurs a picture blurs its moire
SAMPLES_PX, ROLL_DEG = (1.3, 1.7), (1.0, 5.0)  # sensor pixels per picture pixel, and how the sensor is turned
EDGE_PX = 8
HEADROOM = 0.25  # stripes are brighter than the pixel that they belong to


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture on a panel of stripes, sampled and rectified; at less strength, the stripes are wider and overlap."""
    if strength <= 0:
        return rgb
    height, width = rgb.shape[:2]
    framed = cv2.copyMakeBorder(rgb, EDGE_PX, EDGE_PX, EDGE_PX, EDGE_PX, cv2.BORDER_REPLICATE)
    shown = np.ascontiguousarray(_linear.light(np.asarray(framed, np.uint8)).transpose(2, 0, 1))
    seen = _turned((framed.shape[1], framed.shape[0]), rng.uniform(*SAMPLES_PX), rng.uniform(*ROLL_DEG))
    signal = exposed(Panel(shown, _stripes(strength)), Room.dark(), seen, Optics(PSF_PX, 0.0, np.eye(3)))
    raw = np.clip(np.round(HEADROOM * FULL_SCALE * signal), 0, None).astype(np.uint16)
    sampled = demosaiced(raw).astype(np.float32) / np.float32(HEADROOM * FULL_SCALE)
    rectified = cv2.warpPerspective(
        sampled, seen.screen_to_photo, (framed.shape[1], framed.shape[0]), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    return _linear.picture(np.asarray(rectified, np.float32)[EDGE_PX : EDGE_PX + height, EDGE_PX : EDGE_PX + width])


def _stripes(depth: float) -> Layout:
    """Openings between the whole pixel (depth 0) and stripes of a third of it (depth 1)."""

    def narrowed(box: Box) -> Box:
        left, top, right, bottom = (
            whole + depth * (edge - whole) for whole, edge in zip((0.0, 0.0, 1.0, 1.0), box, strict=True)
        )
        return left, top, right, bottom

    red, green, blue = LAYOUTS["rgb"].boxes
    return Layout((narrowed(red), narrowed(green), narrowed(blue)))


def _turned(size_wh: tuple[int, int], scale: float, roll_deg: float) -> View:
    """A picture before a sensor that holds all of it."""
    cosine, sine = scale * np.cos(np.radians(roll_deg)), scale * np.sin(np.radians(roll_deg))
    width, height = size_wh
    photo_wh = (_even(cosine * width + sine * height), _even(sine * width + cosine * height))
    turn = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    homography: Matrix = (
        _moved((photo_wh[0] - 1) / 2, (photo_wh[1] - 1) / 2) @ turn @ _moved((1 - width) / 2, (1 - height) / 2)
    )
    middle = ((width - 1) / 2, (height - 1) / 2)
    return View(homography, inverse(homography), size_wh, photo_wh, 0.0, (*middle, 1.0), middle)


def _moved(right: float, down: float) -> Matrix:
    return np.array([[1.0, 0.0, right], [0.0, 1.0, down], [0.0, 0.0, 1.0]])


def _even(side: float) -> int:
    return 2 * int(np.ceil(side / 2)) + 2
