"""How well scores put "yes" above "no", whatever their scale."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unforge.errors import ShapeError, UsageError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Roc:
    """Operating points, from the strictest threshold to the loosest; the first is (0, 0), the last (1, 1).

    fpr, tpr: (P,) rates of "no" and of "yes" with a score at or above the threshold.
    thresholds: (P,) scores, falling; the first is +inf.
    """

    fpr: Floats
    tpr: Floats
    thresholds: Floats


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Chance that a random "yes" scores above a random "no", ties counting half; nan if a class is missing.

    scores: (N,) finite; labels: (N,) bool. Raises ShapeError.
    Source: Hanley & McNeil 1982; computed from mid-ranks (Mann-Whitney U).
    """
    scores, labels = paired(scores, labels)
    n_yes, n_no = int(labels.sum()), int((~labels).sum())
    if n_yes == 0 or n_no == 0:
        return float("nan")
    u = _mid_ranks(scores)[labels].sum() - n_yes * (n_yes + 1) / 2.0
    return float(u / (n_yes * n_no))


def roc(scores: ArrayLike, labels: ArrayLike) -> Roc:
    """Every operating point that some threshold reaches.

    Raises ShapeError, and UsageError if a class is missing.
    """
    scores, labels = paired(scores, labels)
    n_yes, n_no = int(labels.sum()), int((~labels).sum())
    if n_yes == 0 or n_no == 0:
        raise UsageError(f"an operating curve needs both classes; got {n_yes} yes and {n_no} no")
    order = np.argsort(-scores, kind="stable")
    falling, hits = scores[order], labels[order]
    last_of_tie = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    tpr = np.cumsum(hits)[last_of_tie] / n_yes
    fpr = np.cumsum(~hits)[last_of_tie] / n_no
    return Roc(np.append(0.0, fpr), np.append(0.0, tpr), np.append(np.inf, falling[last_of_tie]))


def tpr_at_fpr(scores: ArrayLike, labels: ArrayLike, fpr: float) -> float:
    """The highest rate of "yes" found by a threshold whose false-positive rate is at most `fpr`.

    No point is interpolated: only thresholds that the data can hold count.
    """
    curve = roc(scores, labels)
    return float(curve.tpr[curve.fpr <= fpr].max())


def average_precision(scores: ArrayLike, labels: ArrayLike) -> float:
    """Mean of the precision at the rank of every "yes", ties counted together; nan if a class is missing.

    The chance level is the share of "yes". Source: Manning, Raghavan and Schütze, Introduction to Information
    Retrieval, 2008, section 8.4; not interpolated.
    """
    scores, labels = paired(scores, labels)
    n_yes = int(labels.sum())
    if n_yes in (0, len(labels)):
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    falling, hits = scores[order], labels[order]
    last_of_tie = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    found = np.cumsum(hits)[last_of_tie]
    precision = found / (last_of_tie + 1.0)
    return float((np.diff(found, prepend=0) * precision).sum() / n_yes)


def eer(scores: ArrayLike, labels: ArrayLike) -> float:
    """Equal error rate: where the line between neighbouring operating points meets misses = false alarms."""
    curve = roc(scores, labels)
    gap = (1.0 - curve.tpr) - curve.fpr  # falls from 1 to -1
    after = int(np.argmax(gap <= 0))
    before = after - 1
    share = gap[before] / (gap[before] - gap[after])
    return float(curve.fpr[before] + share * (curve.fpr[after] - curve.fpr[before]))


def paired(values: ArrayLike, labels: ArrayLike) -> tuple[Floats, Flags]:
    """Both as arrays of one length (N,). Raises ShapeError if they are not, or if a value is not finite."""
    numbers, flags = np.asarray(values, np.float64), np.asarray(labels, np.bool_)
    if numbers.ndim != 1 or numbers.shape != flags.shape:
        raise ShapeError("values and labels", expected="two arrays (N,)", got=(numbers.shape, flags.shape))
    if not np.isfinite(numbers).all():
        raise ShapeError("values", expected="finite numbers", got=numbers[~np.isfinite(numbers)][:3].tolist())
    return numbers, flags


def _mid_ranks(scores: Floats) -> Floats:
    """Ranks from 1; equal scores share the mean of their ranks."""
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean_rank: Floats = last - (counts - 1) / 2.0
    ranks: Floats = mean_rank[group]
    return ranks
