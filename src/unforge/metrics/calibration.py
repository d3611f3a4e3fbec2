"""Whether a number means what it says.

Probabilities are stated at some prior. Where a set holds the classes in other shares than that prior, weigh
the samples (`balance`), or the make-up of the set is measured instead of the calibration.
"""

import numpy as np
from numpy.typing import ArrayLike

from unforge.errors import ShapeError
from unforge.metrics.ranking import Flags, Floats, paired

_SMALLEST = 1e-12  # keeps the logarithm finite for a probability of exactly 0 or 1


def balance(labels: ArrayLike, prior: float = 0.5) -> Floats:
    """Weights (N,) that make "yes" weigh `prior` of the whole and "no" the rest; they sum to 1.

    A class that is missing leaves its share out; the rest is scaled up.
    """
    flags = np.asarray(labels, np.bool_)
    n_yes, n_no = max(int(flags.sum()), 1), max(int((~flags).sum()), 1)
    weights: Floats = np.where(flags, prior / n_yes, (1.0 - prior) / n_no)
    return weights / weights.sum() if len(weights) else weights


def log_loss(probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean of -ln(probability given to what was true), in nats; ln 2 = 0.693 is knowing nothing.

    probabilities: (N,) in [0, 1]; labels: (N,) bool; weights: (N,) or None for equal. Raises ShapeError.
    """
    chances, flags, shares = _weighed(probabilities, labels, weights)
    given = np.where(flags, chances, 1.0 - chances)
    return float(-(shares * np.log(np.maximum(given, _SMALLEST))).sum())


def brier(probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean squared distance between probability and truth; 0.25 is knowing nothing (Brier 1950)."""
    chances, flags, shares = _weighed(probabilities, labels, weights)
    return float((shares * (chances - flags) ** 2).sum())


def ece(probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None, n_bins: int = 10) -> float:
    """Expected calibration error: mean gap between stated and observed frequency over `n_bins` equal bins.

    Source: Naeini et al., AAAI 2015. On small sets it is biased upwards: read it beside the log loss.
    """
    chances, flags, shares = _weighed(probabilities, labels, weights)
    bins = np.minimum((chances * n_bins).astype(np.int64), n_bins - 1)
    gaps = np.bincount(bins, weights=shares * (chances - flags), minlength=n_bins)
    return float(np.abs(gaps).sum())


def cllr(llr: ArrayLike, labels: ArrayLike) -> float:
    """Cost of log-likelihood ratios in bits; 0 is perfect, 1 is saying nothing. nan if a class is missing.

    llr: (N,) natural-log likelihood ratios yes:no. Both classes weigh the same whatever their number.
    Source: Brümmer & du Preez, Computer Speech & Language 20 (2006), eq. 18.
    """
    ratios, flags = paired(llr, labels)
    if flags.all() or not flags.any():
        return float("nan")
    miss = np.logaddexp(0.0, -ratios[flags]).mean()
    false_alarm = np.logaddexp(0.0, ratios[~flags]).mean()
    return float((miss + false_alarm) / (2.0 * np.log(2.0)))


def _weighed(probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, Flags, Floats]:
    chances, flags = paired(probabilities, labels)
    if len(chances) == 0 or chances.min() < 0.0 or chances.max() > 1.0:
        raise ShapeError("probabilities", expected="(N,) in [0, 1], N >= 1", got=chances.shape)
    shares = np.ones(len(chances)) if weights is None else np.asarray(weights, np.float64)
    if shares.shape != chances.shape or shares.min() < 0.0 or shares.sum() <= 0.0:
        raise ShapeError("weights", expected=f"{chances.shape}, >= 0 and not all 0", got=shares.shape)
    return chances, flags, shares / shares.sum()
