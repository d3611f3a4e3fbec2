"""A face looked at otherwise: the same to people, and not quite the same to a network.

What somebody wrote into a picture for one network rarely survives both of these, while traces of forgery do. The mean
reading of both views is the hardened reading of `finegrained`.
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

JPEG_QUALITY = 75
BLUR_PX = 0.8

View = NDArray[np.uint8]


def saved(rgb: View) -> View:
    """Saved as JPEG and read again."""
    coded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    read = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), np.uint8)


def blurred(rgb: View) -> View:
    """Slightly out of focus."""
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), BLUR_PX), np.uint8)


VIEWS: Mapping[str, Callable[[View], View]] = {"saved": saved, "blurred": blurred}
