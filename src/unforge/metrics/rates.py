"""How far a share may be believed."""

from statistics import NormalDist

from unforge.errors import UsageError


def wilson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Score interval of a rate of `hits` in `n` independent trials; both bounds are nan for no trial.

    Resampling says [0, 0] of 0 in 14, as if nothing were left to learn; this says [0, 0.215]. Raises UsageError.
    Source: Wilson, Journal of the American Statistical Association 22 (1927), pages 209-212; recommended for small
    sets by Brown, Cai and DasGupta, Statistical Science 16 (2001), section 5.
    """
    if not 0 <= hits <= n or not 0.0 < level < 1.0:
        raise UsageError(f"rate: expected 0 <= hits <= n and a level in (0, 1); got {hits} of {n} at {level}")
    if n == 0:
        return float("nan"), float("nan")
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    rate, shrink = hits / n, 1.0 + z * z / n
    centre = (rate + z * z / (2 * n)) / shrink
    half = z / shrink * (rate * (1.0 - rate) / n + (z / (2 * n)) ** 2) ** 0.5
    # The bounds at 0 and n hits are 0 and 1 exactly; rounding must not leave them.
    return (0.0 if hits == 0 else centre - half), (1.0 if hits == n else centre + half)
