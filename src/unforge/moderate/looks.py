"""A picture as the picture classifier sees it: reduced, then looked at in several ways.

What somebody wrote into a picture to mislead the network seldom survives all of the ways alike (Xu et al., NDSS 2018),
so the middle of what they say is the answer, and how far they are apart is a sign of tampering (checks/evasion.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge import weights

CARD = "advert"
CLASSES = ("clean", "contact", "code", "banner")
SIDE_PX = 96
SMALLEST_PX = 48  # the shorter side of what is judged
JPEG_QUALITY = 75
BLUR_PX = 0.8
COARSE_LEVELS = 8  # 32 levels a channel are left: 5 bits

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]


def reduced(rgb: Picture) -> Picture:
    """(SIDE_PX, SIDE_PX, 3) of a picture (H, W, 3) of any size and shape, squeezed where it is not square."""
    smaller = min(rgb.shape[:2]) >= SIDE_PX
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, (SIDE_PX, SIDE_PX), interpolation=way), np.uint8)


def saved(rgb: Picture, quality: int = JPEG_QUALITY) -> Picture:
    """Saved as JPEG and read again."""
    coded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    read = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), np.uint8)


def coarse(rgb: Picture) -> Picture:
    """5 bits a channel, in the middle of each step."""
    return rgb // COARSE_LEVELS * COARSE_LEVELS + COARSE_LEVELS // 2


def blurred(rgb: Picture) -> Picture:
    """Slightly out of focus."""
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), BLUR_PX), np.uint8)


VIEWS: Mapping[str, Callable[[Picture], Picture]] = {
    "as it is": lambda rgb: rgb,
    "saved": saved,
    "coarse": coarse,
    "blurred": blurred,
}


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What the network says of N looks. logits: (N, len(CLASSES)); cells: (N, h, w) logits of advert at each place."""

    logits: Floats
    cells: Floats

    @property
    def scores(self) -> Floats:
        """(N,) log odds of any advert against a clean picture."""
        return scores(self.logits)


def scores(logits: Floats) -> Floats:
    """(...,) log odds of any advert against a clean picture, of (..., len(CLASSES)) logits."""
    return np.asarray(np.logaddexp.reduce(logits[..., 1:], axis=-1) - logits[..., 0], np.float64)


def through(look: Picture) -> list[Picture]:
    """A look (SIDE_PX, SIDE_PX, 3) through every one of VIEWS, in their order."""
    return [view(look) for view in VIEWS.values()]


def read(looks: Sequence[Picture] | NDArray[np.float32]) -> Answers:
    """What the network says of looks (SIDE_PX, SIDE_PX, 3) in 0..255."""
    rgb = np.ascontiguousarray(np.stack(list(looks)).astype(np.float32).transpose(0, 3, 1, 2))
    logits, cells = weights.session(CARD).run(["logits", "cells"], {"rgb": rgb})
    return Answers(np.asarray(logits, np.float64), np.asarray(cells[:, 0], np.float64))


def nothing(has_picture: bool) -> tuple[str, str]:
    """Why nothing was looked at, in English and Chinese."""
    if not has_picture:
        return "There is no picture, and this check looks at nothing else.", "没有画面，而该检查只看画面。"
    return (
        f"The picture is smaller than {SMALLEST_PX} px, too small for the picture classifier.",
        f"画面小于 {SMALLEST_PX} 像素，图片分类器无法判断。",
    )
