"""Figures with their intervals, as protocols count them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unforge import metrics
from unforge.bench.record import Value, measured

ROUNDS = metrics.ROUNDS
SEED = 0
INTERVALS = "95 % intervals: Wilson score for rates (tpr, fpr, abstained), bootstrap for the rest"

Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


def bootstrapped(statistic: Callable[[Indices], float], strata: ArrayLike) -> Value:
    """A statistic of resampled members, with its bootstrap interval; strata: (N,) class of each."""
    n = len(np.asarray(strata))
    return measured(statistic(np.arange(n)), metrics.interval(statistic, strata, rounds=ROUNDS, seed=SEED), n)


def paired_difference(
    first: Callable[[Indices], float], second: Callable[[Indices], float], strata: ArrayLike
) -> Value:
    """first - second over the same resamples: both have seen the same files."""
    whole = np.arange(len(np.asarray(strata)))
    bounds = metrics.difference(first, second, strata, rounds=ROUNDS, seed=SEED)
    return measured(first(whole) - second(whole), bounds, len(whole))


def mean(values: ArrayLike) -> Value:
    """The mean of independent values; nan among them are left out."""
    numbers = np.asarray(values, np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return Value(None, None, None, 0)
    return bootstrapped(lambda drawn: float(numbers[drawn].mean()), np.zeros(len(numbers)))


def auc(scores: Floats, fakes: Flags) -> Value:
    """Area under the operating curve."""
    return bootstrapped(lambda drawn: metrics.auc(scores[drawn], fakes[drawn]), fakes)


def auc_difference(first: Floats, second: Floats, fakes: Flags) -> Value:
    """How much larger the area of the first scores is than that of the second, on the same files."""
    return paired_difference(
        lambda drawn: metrics.auc(first[drawn], fakes[drawn]),
        lambda drawn: metrics.auc(second[drawn], fakes[drawn]),
        fakes,
    )


def rate(of: Flags, among: Flags) -> Value:
    """Share of `of` among `among`, both (N,), with its Wilson interval; n counts those among whom it is taken."""
    hits, n = int((of & among).sum()), int(among.sum())
    return measured(hits / n if n else float("nan"), metrics.wilson(hits, n), n)
