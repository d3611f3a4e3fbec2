"""OpenCV's cascade of Haar features for frontal faces: no network, no gradient, and still in many old pipelines.

Held out: no cloak is optimised against it. Source: Viola & Jones, CVPR 2001; Lienhart & Maydt, ICIP 2002.
"""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.protect.targets import Picture, Points, Target

STEP = 1.1  # from one size of the window to the next
NEIGHBOURS = 4  # hits that a face needs; their number is the score
SMALLEST_SHARE = 1 / 10  # of the shorter side: smaller windows cost most of the time
LONG_SIDE_PX = 640  # larger pictures are reduced first, as video pipelines do


def targets(folder: Path | None) -> tuple[Target, ...]:
    """The cascade in OpenCV's wheel; it needs no folder."""
    return (Target("haar", "detector", False, None, False, respond),)


def respond(rgb: Picture, mesh_px: Points) -> NDArray[np.float32]:
    """Boxes and number of hits (N, 5), the surest first; the mesh is not used."""
    scale = min(1.0, LONG_SIDE_PX / max(rgb.shape[:2]))
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    if scale < 1.0:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    smallest_px = max(24, round(SMALLEST_SHARE * min(grey.shape)))
    boxes_xywh, hits = _cascade().detectMultiScale2(
        cv2.equalizeHist(grey), scaleFactor=STEP, minNeighbors=NEIGHBOURS, minSize=(smallest_px, smallest_px)
    )
    xywh = np.asarray(boxes_xywh, np.float32).reshape(-1, 4) / scale
    rows = np.column_stack([xywh[:, :2], xywh[:, :2] + xywh[:, 2:], np.asarray(hits, np.float32).reshape(-1)])
    # OpenCV searches on several threads, so that equal answers may come in another order.
    return rows[np.lexsort((*rows[:, :4].T, -rows[:, 4]))].astype(np.float32)


@cache
def _cascade() -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"))
