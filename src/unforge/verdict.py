"""Evidence weighed to a verdict: the only place where answers are fused."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from unforge.errors import UsageError
from unforge.evidence import Evidence

Band = Literal["manipulated", "inconclusive", "no_evidence", "not_assessable"]
BANDS: tuple[Band, ...] = get_args(Band)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the evidence amounts to.

    probability: posterior of "yes" under `prior`, None when nothing could be assessed.
    interval: 95 % interval of that probability, from the uncertainty of the calibration.
    llr: the fused natural-log likelihood ratio.
    """

    question: str
    band: Band
    probability: float | None
    interval: tuple[float, float] | None
    llr: float | None
    prior: float


def posterior(llr: float, prior: float) -> float:
    """Probability of "yes" after evidence of strength `llr` (Bayes' rule in log odds)."""
    log_odds = math.log(prior / (1.0 - prior)) + llr
    if log_odds >= 0:
        return 1.0 / (1.0 + math.exp(-log_odds))
    return math.exp(log_odds) / (1.0 + math.exp(log_odds))


def any_of(llrs: Sequence[float]) -> float:
    """LLR that at least one of several people is forged, when one is and nobody is suspected beforehand.

    The mean of the likelihood ratios: more people are more chances of a false alarm, and this pays for them.
    """
    largest = max(llrs)
    return largest + math.log(math.fsum(math.exp(llr - largest) for llr in llrs) / len(llrs))


def shared_voice(evidence: Iterable[Evidence]) -> dict[str, float]:
    """Trust for examiners that look at the same pixels: all who could judge share one voice, whoever is asked.

    Their likelihood ratios then come out as a geometric mean, which is right if they say the same thing twice and
    cautious if they do not.
    """
    spoke = [answer.source for answer in evidence if not answer.abstained]
    return {source: 1.0 / len(spoke) for source in spoke}


def weigh(
    evidence: Iterable[Evidence],
    question: str = "manipulated",
    prior: float = 0.5,
    trust: Mapping[str, float] | None = None,
) -> Verdict:
    """Fuse evidence on one question into a verdict.

    prior: probability of "yes" before looking, strictly between 0 and 1.
    trust: fusion weight in [0, 1] by source; examiners that see the same pixels are not independent, so their weights
        are learned together. A source that is not named counts in full.
    The band follows from the evidence alone, never from the prior: its thresholds are error rates measured on a
    calibration set (facts `llr_manipulated`, `llr_no_evidence`), and an error rate knows no prior.
    Raises UsageError for a prior or a trust outside of its range.
    """
    if not 0.0 < prior < 1.0:
        raise UsageError(f"prior: expected a probability between 0 and 1, both excluded; got {prior}")
    weights = dict(trust or {})
    if any(not 0.0 <= weight <= 1.0 for weight in weights.values()):
        raise UsageError(f"trust: expected weights in [0, 1]; got {weights}")
    answers = [
        (answer, weights.get(answer.source, 1.0))
        for answer in evidence
        if answer.question == question and not answer.abstained
    ]
    if not answers:
        return Verdict(question, "not_assessable", None, None, None, prior)
    llr = math.fsum(weight * answer.llr for answer, weight in answers)
    low = math.fsum(weight * _number(answer, "llr_low", answer.llr) for answer, weight in answers)
    high = math.fsum(weight * _number(answer, "llr_high", answer.llr) for answer, weight in answers)
    interval = (posterior(min(low, llr), prior), posterior(max(high, llr), prior))
    return Verdict(question, _band(llr, answers), posterior(llr, prior), interval, llr, prior)


def _band(llr: float, answers: list[tuple[Evidence, float]]) -> Band:
    """The strictest thresholds among those who spoke with weight; without thresholds nobody may decide."""
    speakers = [answer for answer, weight in answers if weight > 0]
    upper = max((_number(answer, "llr_manipulated", math.inf) for answer in speakers), default=math.inf)
    lower = min((_number(answer, "llr_no_evidence", -math.inf) for answer in speakers), default=-math.inf)
    if llr >= upper:
        return "manipulated"
    return "no_evidence" if llr <= lower else "inconclusive"


def _number(answer: Evidence, fact: str, otherwise: float) -> float:
    value = answer.facts.get(fact, otherwise)
    return float(value)
