"""From raw scores to calibrated likelihood ratios, with a cap and thresholds that the calibration set can carry."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import norm

from unforge.errors import UsageError
from unforge.weights.calibration import Calibration

REFITS = 100
RIDGE = 1e-3
FPR = 0.01
MISSED = 0.2  # share of the forgeries that may fall under "no evidence"
FEW_OF_A_KIND = 8
FEW = 100  # below this many reals a 1 % quantile is the maximum, and a normal fit says more


@dataclass(frozen=True, slots=True)
class Scored:
    """Raw scores of one kind of material; every kind weighs the same within its class, however many there are.

    strata: of each score, where calibration goes by quality.
    """

    kind: str
    fake: bool
    scores: NDArray[np.float64]
    strata: tuple[str, ...] = ()

    def within(self, stratum: str) -> "Scored":
        """The members of one stratum."""
        chosen = [name == stratum for name in self.strata]
        return Scored(self.kind, self.fake, self.scores[chosen])


def fit(material: Sequence[Scored], seed: int = 1) -> Calibration:
    """Platt's line through balanced classes, so that log odds are log likelihood ratios.

    The cap is ln of the smaller class's effective size (Kish): |log10 LR| <= log10 n. The threshold for "manipulated"
    lies where at most 1 % of every kind of real passes; kinds with fewer than 100 members count by a normal fit or
    their maximum, whichever is higher. The 95 % interval comes from refits on resampled sets.
    Raises UsageError if a class is missing. Source: Platt (1999), eq. 1; van Leeuwen and Brümmer (2007) for the LLR.
    """
    for fake in (False, True):
        if not any(len(part.scores) for part in material if part.fake == fake):
            raise UsageError(f"calibration: expected reals and fakes; got no {'fakes' if fake else 'reals'}")
    material = [part for part in material if len(part.scores)]
    slope, intercept = _line(material)
    rng = np.random.default_rng(seed)
    refits = tuple(_line([_resampled(part, rng) for part in material]) for _ in range(REFITS))
    cap = math.log(max(2.0, min(_effective(material, fake) for fake in (False, True))))
    reals = [part.scores for part in material if not part.fake]
    fakes = np.concatenate([slope * part.scores + intercept for part in material if part.fake])
    high = max(slope * highest_percent(scores) + intercept for scores in reals)
    low = float(np.quantile(fakes, MISSED))
    return Calibration(
        slope=slope,
        intercept=intercept,
        cap=cap,
        reals=sum(len(scores) for scores in reals),
        fakes=len(fakes),
        refits=refits,
        llr_manipulated=high,
        llr_no_evidence=min(low, 0.0),
        threshold_fpr=FPR,
    )


def by_stratum(material: Sequence[Scored], strata: Sequence[str], fewest: int) -> dict[str, Calibration]:
    """A calibration for each stratum; one with fewer than `fewest` of a class takes the calibration of all.

    Kinds of which a stratum holds next to nothing count with the largest kind of their class there: two clips must not
    weigh as much as a hundred stills.
    """
    whole = fit(material)
    found = {}
    for name in strata:
        part = _joined([scored.within(name) for scored in material])
        sizes = [sum(len(scored.scores) for scored in part if scored.fake == fake) for fake in (False, True)]
        found[name] = fit(part) if min(sizes) >= fewest else whole
    return found


def _joined(material: Sequence[Scored]) -> list[Scored]:
    kept = []
    for fake in (False, True):
        kinds = sorted((part for part in material if part.fake == fake), key=lambda part: -len(part.scores))
        largest, *others = kinds
        few = [part.scores for part in others if len(part.scores) < FEW_OF_A_KIND]
        kept.append(Scored(largest.kind, fake, np.concatenate([largest.scores, *few])))
        kept += [part for part in others if len(part.scores) >= FEW_OF_A_KIND]
    return kept


def platt(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept of the line whose logistic is the probability of a label among such as these."""
    signs = np.where(labels, 1.0, -1.0)
    return _fitted(scores, signs, np.full(len(scores), 1.0 / len(scores)))


def highest_percent(scores: NDArray[np.float64], share: float = FPR) -> float:
    """The score that a share of reals like these reach."""
    top = float(np.quantile(scores, 1.0 - share, method="higher"))
    if len(scores) >= FEW or len(scores) < 2:
        return top
    return max(top, float(scores.mean() + norm.ppf(1.0 - share) * scores.std(ddof=1)))


def thresholds(material: Sequence[Scored], calibration: Calibration, shares: Sequence[float]) -> dict[str, float]:
    """The llr that at most such a share of every kind of real reaches, by name: `fpr_3_percent`."""
    reals = [part.scores for part in material if not part.fake and len(part.scores)]
    return {
        f"fpr_{100 * share:.0f}_percent": max(
            calibration.slope * highest_percent(scores, share) + calibration.intercept for scores in reals
        )
        for share in shares
    }


def _line(material: Sequence[Scored]) -> tuple[float, float]:
    """Weighted logistic regression with a slight pull of the slope towards 1."""
    scores = np.concatenate([part.scores for part in material])
    signs = np.concatenate([np.full(len(part.scores), 1.0 if part.fake else -1.0) for part in material])
    return _fitted(scores, signs, np.concatenate([_weights(part, material) for part in material]))


def _fitted(
    scores: NDArray[np.float64], signs: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, float]:
    def cost(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margins = signs * (line[0] * scores + line[1])
        pull = line[0] - 1.0
        slopes = -weights * signs * expit(-margins)
        value = float(weights @ np.logaddexp(0.0, -margins)) + 0.5 * RIDGE * pull**2
        return value, np.array([slopes @ scores + RIDGE * pull, slopes.sum()])

    slope, intercept = minimize(cost, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    return float(slope), float(intercept)


def _weights(part: Scored, material: Sequence[Scored]) -> NDArray[np.float64]:
    kinds = sum(other.fake == part.fake for other in material)
    return np.full(len(part.scores), 1.0 / kinds / len(part.scores))


def _effective(material: Sequence[Scored], fake: bool) -> float:
    """Kish's effective sample size of one class under the weights of the fit."""
    weights = np.concatenate([_weights(part, material) for part in material if part.fake == fake])
    return float(weights.sum() ** 2 / (weights**2).sum())


def _resampled(part: Scored, rng: np.random.Generator) -> Scored:
    return Scored(part.kind, part.fake, rng.choice(part.scores, len(part.scores)))
