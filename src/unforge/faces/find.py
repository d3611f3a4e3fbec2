"""Where are faces: BlazeFace full-range, then short-range, over the whole picture and over tiles of it."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge import weights

SCORE = 0.5
OVERLAP = 0.3  # boxes of one face overlap by more, as IoU
SMALLEST_PX = 16.0  # below this a face is a handful of pixels: nothing about it can be judged


@dataclass(frozen=True, slots=True)
class Detector:
    """One BlazeFace network: its card, input side in pixels and anchor grids as (cells, anchors per cell)."""

    name: str
    side_px: int
    grids: tuple[tuple[int, int], ...]


FULL = Detector("face_detection_full_range", 192, ((48, 1),))
SHORT = Detector("face_detection_short_range", 128, ((16, 2), (8, 6)))


@dataclass(frozen=True, slots=True)
class Found:
    """Candidate faces of one picture, best first.

    boxes_px: (N, 4) float32 xyxy; eyes_px: (N, 2, 2) float32, the eye at the picture's left first; scores: (N,).
    """

    boxes_px: NDArray[np.float32]
    eyes_px: NDArray[np.float32]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)


Window = tuple[int, int, int, int]  # x0, y0, x1, y1 in the picture


def find(rgb: NDArray[np.uint8], windows: tuple[Window, ...] = ()) -> Found:
    """Faces in a picture (H, W, 3) uint8.

    windows: further parts of the picture to look at more closely, e.g. `tiles` or the surroundings of a known face.
    The short-range network looks only where the full-range one saw nothing: it knows faces that fill the picture.
    Candidates still have to pass the mesh (faces/mesh.py), which rejects most false ones.
    """
    height, width = rgb.shape[:2]
    rows = [_look(FULL, rgb, window) for window in ((0, 0, width, height), *windows)]
    if not sum(len(row) for row in rows):
        rows = [_look(SHORT, rgb, (0, 0, width, height))]
    return _found(np.concatenate(rows))


def alone(detector: Detector, rgb: NDArray[np.uint8]) -> Found:
    """What one network by itself finds in a whole picture (H, W, 3) uint8, as programs run it that have no other."""
    height, width = rgb.shape[:2]
    return _found(_look(detector, rgb, (0, 0, width, height)))


def tiles(size_wh: tuple[int, int], n: int) -> tuple[Window, ...]:
    """n x n overlapping windows that cover a picture; each is 1.25 times the n-th part of the long side."""
    width, height = size_wh
    side = round(max(size_wh) / n * 1.25)

    def starts(length: int) -> list[int]:
        if length <= side:
            return [0]
        count = -(-(length - side) // round(side / 1.25)) + 1
        return [round(step) for step in np.linspace(0, length - side, count)]

    return tuple((x, y, min(x + side, width), min(y + side, height)) for y in starts(height) for x in starts(width))


def _look(detector: Detector, rgb: NDArray[np.uint8], window: Window) -> NDArray[np.float32]:
    """Candidates in one window: rows of box (4), two eyes (4) and score, in pixels of the picture."""
    x0, y0, x1, y1 = window
    fed, scale, pad = _letterbox(rgb[y0:y1, x0:x1], detector.side_px)
    session = weights.session(detector.name)
    outputs = session.run(None, {session.get_inputs()[0].name: fed})
    regressors, logits = sorted(outputs, key=lambda output: -output.shape[-1])
    scores = 1.0 / (1.0 + np.exp(-np.clip(logits[0, :, 0], -80.0, 80.0)))
    keep = scores > SCORE
    places, numbers = anchors(detector)[keep], regressors[0][keep] / detector.side_px
    centres, half = numbers[:, :2] + places, numbers[:, 2:4] / 2.0
    points = np.concatenate(
        [centres - half, centres + half, numbers[:, 4:6] + places, numbers[:, 6:8] + places], axis=1
    ).reshape(-1, 4, 2)
    points_px = (points * detector.side_px - pad) / scale + np.array([x0, y0])
    return np.concatenate([points_px.reshape(-1, 8), scores[keep, None]], axis=1).astype(np.float32)


def _letterbox(rgb: NDArray[np.uint8], side_px: int) -> tuple[NDArray[np.float32], float, NDArray[np.float64]]:
    height, width = rgb.shape[:2]
    scale = side_px / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    pad = np.array([(side_px - size[0]) // 2, (side_px - size[1]) // 2], np.float64)
    fed = np.zeros((1, side_px, side_px, 3), np.float32)
    left, top = int(pad[0]), int(pad[1])
    fed[0, top : top + size[1], left : left + size[0]] = small.astype(np.float32) / 127.5 - 1.0
    return fed, scale, pad


@cache
def anchors(detector: Detector) -> NDArray[np.float64]:
    """(A, 2) anchor centres in [0, 1], row by row, all anchors of a cell together."""
    rows = []
    for cells, count in detector.grids:
        y, x = np.divmod(np.repeat(np.arange(cells * cells), count), cells)
        rows.append((np.stack([x, y], axis=1) + 0.5) / cells)
    return np.concatenate(rows)


def _found(rows: NDArray[np.float32]) -> Found:
    merged = _merge(rows)
    merged = merged[np.minimum(merged[:, 2] - merged[:, 0], merged[:, 3] - merged[:, 1]) >= SMALLEST_PX]
    return Found(merged[:, :4], merged[:, 4:8].reshape(-1, 2, 2), merged[:, 8])


def _merge(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weighted non-maximum suppression: overlapping candidates become their mean, weighted by score."""
    rows = rows[np.argsort(-rows[:, 8], kind="stable")]
    merged = []
    while len(rows):
        same = overlap(rows[0, :4], rows[:, :4]) > OVERLAP
        same[0] = True
        group = rows[same]
        mean = np.average(group[:, :8], axis=0, weights=group[:, 8])
        merged.append(np.append(mean, group[0, 8]))
        rows = rows[~same]
    return np.asarray(merged, np.float32).reshape(-1, 9)


def overlap(box_px: NDArray[np.float32], boxes_px: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much a box (4,) covers each of boxes (N, 4): IoU, or the share of the smaller box if that is nested in it.

    Views at different scales see one face in boxes of different size; plain IoU would keep both.
    """
    low, high = np.maximum(box_px[:2], boxes_px[:, :2]), np.minimum(box_px[2:], boxes_px[:, 2:])
    inside = np.prod(np.clip(high - low, 0, None), axis=1)
    own = np.prod(box_px[2:] - box_px[:2])
    others = np.prod(boxes_px[:, 2:] - boxes_px[:, :2], axis=1)
    nested = inside / np.maximum(np.minimum(own, others), 1e-6) > 0.8
    iou = inside / np.maximum(own + others - inside, 1e-6)
    return np.asarray(np.where(nested, np.maximum(iou, 0.5), iou), np.float32)
