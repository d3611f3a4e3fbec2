"""Whether a map shows the right place."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unforge.errors import ShapeError


def iou(mask: ArrayLike, truth: ArrayLike, threshold: float = 0.5) -> float:
    """Shared area over joint area of two masks, each cut at `threshold`; 1.0 if both are empty.

    mask, truth: (H, W) in [0, 1]. Raises ShapeError if their shapes differ.
    """
    said, true = _same_size(mask, truth)
    said_inside, true_inside = said >= threshold, true >= threshold
    joint = int((said_inside | true_inside).sum())
    return float((said_inside & true_inside).sum() / joint) if joint else 1.0


def points_at(heat: ArrayLike, truth: ArrayLike, threshold: float = 0.5) -> bool:
    """Whether the hottest place lies inside of the true mask: one round of the pointing game.

    Source: Zhang et al., Top-down neural attention by excitation backprop, ECCV 2016, section 4.2.
    """
    said, true = _same_size(heat, truth)
    return bool(true.flat[int(said.argmax())] >= threshold)


def energy_inside(heat: ArrayLike, truth: ArrayLike, threshold: float = 0.5) -> float:
    """Share of a map's sum that lies inside the true mask; nan for a map that is 0 everywhere.

    heat: (H, W), not negative. Source: Wang et al., Score-CAM, CVPR workshops 2020, section 4.3.
    """
    said, true = _same_size(heat, truth)
    if said.min() < 0.0:
        raise ShapeError("heat", expected="no value under 0", got=float(said.min()))
    total = float(said.sum())
    return float(said[true >= threshold].sum()) / total if total > 0.0 else float("nan")


def _same_size(first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    one, two = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.ndim != 2 or one.shape != two.shape or one.size == 0:
        raise ShapeError("masks", expected="two arrays (H, W) of one size", got=(one.shape, two.shape))
    return one, two
