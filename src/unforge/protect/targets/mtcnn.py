"""MTCNN, three small networks in a row: what most Python pipelines for swapping and aligning faces begin with.

Held out: no cloak is optimised against it. The weights lie in the wheel of facenet-pytorch (MIT), which is read, never
imported: `pip install --no-deps facenet-pytorch==2.6.0`. Without it, or without torch, there is no such target.

Source: Zhang, Zhang, Li and Qiao, Joint face detection and alignment using multitask cascaded convolutional networks,
IEEE Signal Processing Letters 23 (2016), section II and figure 2.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.protect.targets import Picture, Points, Target

THRESHOLDS = (0.6, 0.7, 0.7)  # of the proposing, the refining and the last network
OVERLAPS = (0.7, 0.7, 0.7)  # above which boxes are one face: IoU, IoU, share of the smaller box
WITHIN_SCALE = 0.5  # the same among the proposals of one size
STEP = 0.709  # from one size of the picture to the next: half the area
SMALLEST_PX, SMALLEST_SHARE = 20, 1 / 24  # of faces; of the shorter side, which bounds the time on large pictures
CELL_PX, STRIDE_PX = 12, 2  # what one answer of the proposing network looks at, and how far it is to the next
REFINED_PX, LAST_PX = 24, 48

Boxes = NDArray[np.float32]  # (N, 5): xyxy in pixels of the picture, score
Weights = Mapping[str, Any]


def targets(folder: Path | None) -> tuple[Target, ...]:
    """The cascade where its weights and torch are installed; it needs no folder."""
    if find_spec("torch") is None or _weights_folder() is None:
        return ()
    return (Target("mtcnn", "detector", False, None, False, respond),)


def respond(rgb: Picture, mesh_px: Points) -> NDArray[np.float32]:
    """Boxes and probabilities (N, 5), the surest first; the mesh is not used."""
    proposed = _proposed(rgb)
    refined = _looked_at_again(rgb, proposed, "rnet", REFINED_PX, THRESHOLDS[1])
    refined = _distinct(refined, OVERLAPS[1])
    last = _looked_at_again(rgb, refined, "onet", LAST_PX, THRESHOLDS[2])
    return _distinct(last, OVERLAPS[2], of_smaller=True)


# The cascade


def _proposed(rgb: Picture) -> Boxes:
    """What the first network sees at every size of the picture."""
    smallest_px = max(SMALLEST_PX, SMALLEST_SHARE * min(rgb.shape[:2]))
    scale, found = CELL_PX / smallest_px, [np.empty((0, 5), np.float32)]
    while min(rgb.shape[:2]) * scale >= CELL_PX:
        found.append(_distinct(_proposed_at(rgb, scale), WITHIN_SCALE))
        scale *= STEP
    return _distinct(np.concatenate(found), OVERLAPS[0])


def _proposed_at(rgb: Picture, scale: float) -> Boxes:
    height, width = rgb.shape[:2]
    size_wh = (max(CELL_PX, round(width * scale)), max(CELL_PX, round(height * scale)))
    small = np.asarray(cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    scores, shifts = _pnet(_fed(small[None]))
    y, x = np.nonzero(scores[0] >= THRESHOLDS[0])
    corner = np.column_stack([x, y]) * STRIDE_PX
    ratio = np.array([width / size_wh[0], height / size_wh[1]])
    boxes = np.concatenate([corner * ratio, (corner + CELL_PX) * ratio], axis=1)
    return _moved(boxes, shifts[0][:, y, x].T, scores[0][y, x])


def _looked_at_again(rgb: Picture, boxes: Boxes, network: str, side_px: int, threshold: float) -> Boxes:
    """The boxes that the next network keeps, moved to where it sees the face."""
    squares = _squares(boxes)
    squares = squares[squares[:, 2] - squares[:, 0] >= 2.0]
    if not len(squares):
        return np.empty((0, 5), np.float32)
    scores, shifts = _judged(_fed(np.stack([_cut(rgb, square, side_px) for square in squares])), network)
    keep = scores >= threshold
    return _moved(squares[keep], shifts[keep], scores[keep])


def _moved(boxes: NDArray[np.floating], shifts: NDArray[np.floating], scores: NDArray[np.floating]) -> Boxes:
    """Boxes (N, 4) moved by shifts (N, 4), which are shares of their sides."""
    sides = boxes[:, 2:4] - boxes[:, :2]
    return np.column_stack([boxes[:, :4] + shifts * np.tile(sides, 2), scores]).astype(np.float32)


def _squares(boxes: Boxes) -> NDArray[np.float32]:
    """Squares (N, 4) around the middles of boxes, as large as their longer sides."""
    middles = (boxes[:, :2] + boxes[:, 2:4]) / 2.0
    halves = (boxes[:, 2:4] - boxes[:, :2]).max(axis=1, keepdims=True) / 2.0
    return np.concatenate([middles - halves, middles + halves], axis=1)


def _cut(rgb: Picture, square: NDArray[np.float32], side_px: int) -> Picture:
    """The part (side_px, side_px, 3) in a square; black beyond the picture, as the networks learned it."""
    height, width = rgb.shape[:2]
    x0, y0, x1, y1 = np.round(square).astype(int)
    part = np.zeros((max(1, y1 - y0), max(1, x1 - x0), 3), np.uint8)
    left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    if right > left and bottom > top:
        part[top - y0 : bottom - y0, left - x0 : right - x0] = rgb[top:bottom, left:right]
    return np.asarray(cv2.resize(part, (side_px, side_px), interpolation=cv2.INTER_AREA), np.uint8)


def _distinct(boxes: Boxes, most: float, *, of_smaller: bool = False) -> Boxes:
    """Non-maximum suppression: of boxes that overlap by more than `most`, the surest; the surest first."""
    boxes = boxes[np.argsort(-boxes[:, 4], kind="stable")]
    kept = []
    while len(boxes):
        kept.append(boxes[0])
        low, high = np.maximum(boxes[0, :2], boxes[:, :2]), np.minimum(boxes[0, 2:4], boxes[:, 2:4])
        inside = np.prod(np.clip(high - low, 0.0, None), axis=1)
        areas = np.prod(boxes[:, 2:4] - boxes[:, :2], axis=1)
        whole = np.minimum(areas[0], areas) if of_smaller else areas[0] + areas - inside
        same = inside > most * whole
        same[0] = True
        boxes = boxes[~same]
    return np.asarray(kept, np.float32).reshape(-1, 5)


# The networks


def _pnet(fed: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scores (N, h, w) and shifts (N, 4, h, w) of every place in pictures (N, 3, H, W)."""
    import torch
    from torch.nn import functional as F

    net = _weights("pnet")
    with torch.inference_mode():
        seen = F.max_pool2d(_layer(fed, net, 1), 2, ceil_mode=True)
        seen = _layer(_layer(seen, net, 2), net, 3)
        logits = F.conv2d(seen, net["conv4_1.weight"], net["conv4_1.bias"])
        shifts = F.conv2d(seen, net["conv4_2.weight"], net["conv4_2.bias"])
    return logits.softmax(dim=1)[:, 1].numpy(), shifts.numpy()


def _judged(fed: Any, network: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scores (N,) and shifts (N, 4) of squares (N, 3, S, S)."""
    import torch
    from torch.nn import functional as F

    net = _weights(network)
    pools = (3, 3) if network == "rnet" else (3, 3, 2)
    with torch.inference_mode():
        for n, side in enumerate(pools, 1):
            fed = F.max_pool2d(_layer(fed, net, n), side, 2, ceil_mode=True)
        dense = len(pools) + 2
        # The weights are of a program that stores pictures column by column.
        flat = _layer(fed, net, dense - 1).permute(0, 3, 2, 1).flatten(1)
        flat = F.linear(flat, net[f"dense{dense}.weight"], net[f"dense{dense}.bias"])
        flat = F.prelu(flat, net[f"prelu{dense}.weight"])
        logits, shifts = (
            F.linear(flat, net[f"dense{dense + 1}_{n}.weight"], net[f"dense{dense + 1}_{n}.bias"]) for n in (1, 2)
        )
    return logits.softmax(dim=1)[:, 1].numpy(), shifts.numpy()


def _layer(fed: Any, net: Weights, n: int) -> Any:
    from torch.nn import functional as F

    return F.prelu(F.conv2d(fed, net[f"conv{n}.weight"], net[f"conv{n}.bias"]), net[f"prelu{n}.weight"])


def _fed(pictures: NDArray[np.uint8]) -> Any:
    """Pictures (N, H, W, 3) as the networks take them, (N, 3, H, W) in [-1, 1]."""
    import torch

    return torch.from_numpy((pictures.astype(np.float32).transpose(0, 3, 1, 2) - 127.5) / 128.0)


@cache
def _weights(name: str) -> Weights:
    import torch

    folder = _weights_folder()
    if folder is None:
        raise RuntimeError("expected the distribution facenet-pytorch; it was there when the target was made")
    return {key: value.float() for key, value in torch.load(folder / f"{name}.pt", weights_only=True).items()}


def _weights_folder() -> Path | None:
    """Where the installed distribution keeps its weights; None where it is not installed."""
    try:
        folder = Path(str(distribution("facenet-pytorch").locate_file("facenet_pytorch/data")))
    except PackageNotFoundError:
        return None
    return folder if all((folder / f"{name}.pt").is_file() for name in ("pnet", "rnet", "onet")) else None
