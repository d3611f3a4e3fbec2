"""Pictures with a face, made from the one public-domain portrait that a dependency ships."""

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

FACE_BOX = (178, 69, 273, 177)  # around the mesh of the portrait, found once and seen to be right
FACE_PX = 108


def portrait() -> NDArray[np.uint8]:
    """The astronaut (512, 512, 3)."""
    return np.asarray(data.astronaut(), np.uint8)


def scene(size_wh: tuple[int, int], *faces: tuple[int, int, int], background: int = 118) -> NDArray[np.uint8]:
    """A grey noisy picture with the portrait's head in it, once for each (centre x, centre y, face side in px)."""
    width, height = size_wh
    rng = np.random.default_rng(5)
    picture = rng.integers(background - 12, background + 12, (height, width, 3), dtype=np.uint8)
    for x, y, side_px in faces:
        scale = side_px / FACE_PX
        head = cv2.resize(portrait()[0:300, 75:375], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        left, top = x - head.shape[1] // 2, y - round(123 * scale)
        inside = np.s_[max(top, 0) : min(top + head.shape[0], height), max(left, 0) : min(left + head.shape[1], width)]
        picture[inside] = head[
            inside[0].start - top : inside[0].stop - top, inside[1].start - left : inside[1].stop - left
        ]
    return picture
