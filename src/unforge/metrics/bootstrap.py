"""How far a figure would move on another set of the same size.

Percentile bootstrap; source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unforge.errors import ShapeError

Indices = NDArray[np.intp]
Statistic = Callable[[Indices], float]
"""Takes the (N,) indices of a resample, gives the figure for it; nan where that resample has none."""

ROUNDS = 2000  # enough for a 95 % interval that is stable in its second digit


def interval(
    statistic: Statistic, strata: ArrayLike, *, level: float = 0.95, rounds: int = ROUNDS, seed: int = 0
) -> tuple[float, float]:
    """Lower and upper bound of `statistic` over resamples drawn with replacement within each stratum.

    strata: (N,) the class of every sample, so that a resample keeps the make-up of the set. Samples must be
    independent of each other: resample clips, not the frames of a clip.
    Both bounds are nan if no resample gives a figure. Raises ShapeError.
    """
    values = np.array([statistic(drawn) for drawn in _resamples(strata, rounds, seed)])
    return _bounds(values, level)


def difference(
    first: Statistic,
    second: Statistic,
    strata: ArrayLike,
    *,
    level: float = 0.95,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> tuple[float, float]:
    """Bounds of `first - second` over the same resamples: two models on the same files (paired)."""
    values = np.array([first(drawn) - second(drawn) for drawn in _resamples(strata, rounds, seed)])
    return _bounds(values, level)


def _resamples(strata: ArrayLike, rounds: int, seed: int) -> Indices:
    """(rounds, N) indices."""
    classes = np.asarray(strata)
    if classes.ndim != 1 or len(classes) == 0:
        raise ShapeError("strata", expected="(N,), N >= 1", got=classes.shape)
    members = [np.flatnonzero(classes == value) for value in np.unique(classes)]
    rng = np.random.default_rng(seed)
    drawn = [group[rng.integers(len(group), size=(rounds, len(group)))] for group in members]
    return np.concatenate(drawn, axis=1)


def _bounds(values: NDArray[np.float64], level: float) -> tuple[float, float]:
    found = values[np.isfinite(values)]
    if len(found) == 0:
        return float("nan"), float("nan")
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(found, [tail, 1.0 - tail])
    return float(low), float(high)
