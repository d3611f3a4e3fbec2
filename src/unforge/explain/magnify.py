"""A look through a magnifier: the place where marked and unmarked meet, enlarged, its differences exaggerated.

Such a view persuades more than labels do (Josephs, Fosco and Oliva, "Artifact magnification on deepfake videos
increases human detection and subjective confidence", 2023). It is no photograph any more and is labelled as that.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.explain import locate

TIMES = 3  # enlarged so many times
GAIN = 3  # differences from the neighbourhood are so many times as large
NEAR_PX = 4.0  # standard deviation of what counts as neighbourhood
CALM_LEVELS = 3.0  # fine detail of skin in good light; hair has several times as much and hides whatever is there

Picture = NDArray[np.uint8]
Box = tuple[int, int, int, int]


def magnified(rgb: Picture, heat: NDArray[np.float32]) -> tuple[Picture, Box]:
    """The most telling third of a crop (S, S, 3), as large as the crop, and its place there as x0, y0, x1, y1."""
    side_px = rgb.shape[0]
    x0, y0, x1, y1 = box_px = window(rgb, heat)
    picture = rgb.astype(np.float32)
    near = cv2.GaussianBlur(picture, (0, 0), NEAR_PX)
    shown = (near + GAIN * (picture - near))[y0:y1, x0:x1]
    enlarged = cv2.resize(shown, (side_px, side_px), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(np.round(enlarged), 0, 255), np.uint8), box_px


def window(rgb: Picture, heat: NDArray[np.float32]) -> Box:
    """The square of a third of the crop, x0 y0 x1 y1, that is looked at.

    Its middle is marked and its halves are marked and not, because a difference shows only beside what it differs
    from; of such places the calmest, because hair hides it.
    """
    side_px = rgb.shape[0]
    size_px = side_px // TIMES
    sized = locate.on_crop(heat, side_px)
    grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.float32)
    share, busy = (
        cv2.blur(picture, (size_px, size_px), borderType=cv2.BORDER_REPLICATE)
        for picture in (sized, np.abs(grey - cv2.GaussianBlur(grey, (0, 0), NEAR_PX)))
    )
    telling = share * (1.0 - share) / (1.0 + busy / CALM_LEVELS)
    telling[sized < min(locate.MARKED, float(sized.max()))] = -1.0
    low, high = size_px // 2, side_px - (size_px - size_px // 2)
    y, x = np.unravel_index(int(np.argmax(telling)), telling.shape)
    x0, y0 = (int(np.clip(v, low, high)) - low for v in (x, y))
    return x0, y0, x0 + size_px, y0 + size_px
