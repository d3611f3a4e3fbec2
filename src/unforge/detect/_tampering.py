"""What tells a face that was tampered with to mislead a network from an ordinary one: figures of single looks.

How far the reading moves when the look is saved again or blurred (feature squeezing: Xu, Evans and Qi, NDSS 2018), how
sure the moved reading is, and how fine noise is spread over scales, colours and channels: noise that follows a gradient
is neither a camera's nor a coder's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCALES = 3
LEAST_LEVELS = 0.2  # of noise; below, a logarithm tells of rounding
NAMES = (
    *("shift_saved", "shift_blurred", "sure"),
    *(
        f"{way}_{plane}_{scale}"
        for scale in range(SCALES)
        for way in ("down", "across", "diagonal")
        for plane in ("grey", "red", "blue")
    ),
    *("red_green", "green_blue", "red_blue"),
)

Floats = NDArray[np.float64]
View = NDArray[np.uint8]


def figures(views: Sequence[View], logits: Floats) -> Floats:
    """(N, F) in the order of NAMES, of views (S, S, 3) and what the network reads (N, 3): as it is, saved, blurred."""
    shifts = np.log1p(np.abs(logits[:, :1] - logits[:, 1:]))
    sure = np.abs(logits[:, 1:].mean(axis=1, keepdims=True))
    noise = np.stack([np.concatenate([_noise(view), _agreement(view)]) for view in views])
    return np.hstack([shifts, sure, noise])


def scores(found: Floats, line: Mapping[str, Any]) -> Floats:
    """(N,) raw scores of figures (N, F). line: `mean`, `spread` and `slopes` of each figure, and `offset`."""
    mean, spread, slopes = (np.array(line[name], np.float64) for name in ("mean", "spread", "slopes"))
    return np.asarray((found - mean) / spread @ slopes + float(line["offset"]), np.float64)


def _noise(view: View) -> Floats:
    """Mean detail at each scale in log grey levels, down, across and along diagonals, of grey, red and blue."""
    rgb = view.astype(np.float32)
    planes = np.stack([rgb.mean(axis=2), rgb[..., 0] - rgb[..., 1], rgb[..., 2] - rgb[..., 1]], axis=2)
    found = []
    for _ in range(SCALES):
        mean, *details = _haar(planes)
        found += [np.log(np.abs(detail).mean(axis=(0, 1)) + LEAST_LEVELS) for detail in details]
        planes = mean
    return np.concatenate(found).astype(np.float64)


def _agreement(view: View) -> Floats:
    """How far the finest diagonal detail of two channels agrees: 1 in grey detail, 0 in noise of each channel's own."""
    diagonal = _haar(view.astype(np.float32))[3].reshape(-1, 3).astype(np.float64)
    spread = diagonal.T @ diagonal / len(diagonal) + LEAST_LEVELS**2 * np.eye(3)
    deviations = np.sqrt(np.diag(spread))
    agreement = spread / np.outer(deviations, deviations)
    return np.array([agreement[0, 1], agreement[1, 2], agreement[0, 2]])


def _haar(planes: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """One step of Haar's transform of (2 H, 2 W, C): mean, and detail down, across and along the diagonals."""
    a, b, c, d = planes[0::2, 0::2], planes[0::2, 1::2], planes[1::2, 0::2], planes[1::2, 1::2]
    return (a + b + c + d) / 4.0, (a + b - c - d) / 2.0, (a - b + c - d) / 2.0, (a - b - c + d) / 2.0
