"""Evidence weighed to a verdict: the only place where answers are fused."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
    llr_manipulated, llr_no_evidence: from where on the bands of these names hold, None where that was not measured.
    rates: what was measured of all examiners together, where it was: `threshold_fpr`, `calibration_reals`,
        `calibration_fakes`, `max_abs_llr`.
    """

    question: str
    band: Band
    probability: float | None
    interval: tuple[float, float] | None
    llr: float | None
    prior: float
    llr_manipulated: float | None = None
    llr_no_evidence: float | None = None
    rates: Mapping[str, float] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True)
class Voices:
    """How the answers of some sources become one: llr = offset + sum of weight x llr, never beyond the cap.

    Learned for these sources speaking together (train/fusion.py): detectors that look at the same pixels are not
    independent, and whoever is left speaks louder when another abstains. rates: as on a Verdict.
    """

    weights: Mapping[str, float]
    offset: float = 0.0
    cap: float = math.inf
    llr_manipulated: float = math.inf
    llr_no_evidence: float = -math.inf
    rates: Mapping[str, float] = field(default_factory=dict)

    def llr(self, said: Mapping[str, float]) -> float:
        """The fused likelihood ratio of what each source said; sources that are not among the weights are not heard."""
        heard = math.fsum(weight * said[source] for source, weight in self.weights.items() if source in said)
        return min(self.cap, max(-self.cap, self.offset + heard))


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom to believe, and how far.

    voices: for every set of sources that may speak together. silent: sources that were measured and add nothing; they
    are shown, not heard. weak: sources that alone may move a verdict to `inconclusive` at most.
    """

    voices: Mapping[frozenset[str], Voices]
    silent: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()

    def of(self, sources: Iterable[str]) -> Voices | None:
        """The voices of these sources together, the silent ones left out; None where they were never learned."""
        return self.voices.get(frozenset(sources) - self.silent)

    def llr(self, said: Mapping[str, float]) -> float | None:
        """What sources together say of one person or moment; None where nobody who is heard spoke."""
        heard = [source for source in said if source not in self.silent]
        if not heard:
            return None
        return (self.of(heard) or Voices(shared_voice(heard))).llr(said)


def shared_voice(sources: Iterable[str]) -> dict[str, float]:
    """Weights for sources of which nothing was learned: all together have one voice, whoever is asked.

    Their likelihood ratios then come out as a geometric mean, which is right if they say the same thing twice and
    cautious if they do not.
    """
    spoke = list(sources)
    return {source: 1.0 / len(spoke) for source in spoke}


def votes(answer: Evidence) -> bool:
    """Whether an answer may move a verdict: it did not abstain, and its calibration supports more than nothing."""
    return not answer.abstained and _number(answer, "max_abs_llr", math.inf) > 0.0


def weigh(
    evidence: Iterable[Evidence],
    question: str = "manipulated",
    prior: float = 0.5,
    trust: Trust | None = None,
) -> Verdict:
    """Fuse evidence on one question into a verdict.

    prior: probability of "yes" before looking, strictly between 0 and 1.
    trust: learned fusion. Where it does not know the sources that spoke, all share one voice, and the strictest of
        their own thresholds hold.
    The band follows from the evidence alone, never from the prior: its thresholds are error rates measured on a
    calibration set, and an error rate knows no prior. A weak source that stands alone for "yes" makes it `inconclusive`
    at most.
    Raises UsageError for a prior outside of its range.
    """
    if not 0.0 < prior < 1.0:
        raise UsageError(f"prior: expected a probability between 0 and 1, both excluded; got {prior}")
    trust = trust or Trust({})
    answers = [answer for answer in evidence if answer.question == question and votes(answer)]
    heard = [answer for answer in answers if answer.source not in trust.silent]
    if not heard:
        return Verdict(question, "not_assessable", None, None, None, prior)
    voices = trust.of(answer.source for answer in heard) or _unlearned(heard)
    llr, low, high = (voices.llr(_said(heard, fact)) for fact in (None, "llr_low", "llr_high"))
    return Verdict(
        question,
        _band(llr, voices, heard, trust.weak),
        posterior(llr, prior),
        (posterior(min(low, llr), prior), posterior(max(high, llr), prior)),
        llr,
        prior,
        _known(voices.llr_manipulated),
        _known(voices.llr_no_evidence),
        voices.rates,
    )


def _known(threshold: float) -> float | None:
    return threshold if math.isfinite(threshold) else None


def _said(answers: Sequence[Evidence], fact: str | None) -> dict[str, float]:
    return {answer.source: answer.llr if fact is None else _number(answer, fact, answer.llr) for answer in answers}


def _unlearned(answers: Sequence[Evidence]) -> Voices:
    """One shared voice and the strictest thresholds; without thresholds nobody may decide."""
    return Voices(
        shared_voice(answer.source for answer in answers),
        llr_manipulated=max(_number(answer, "llr_manipulated", math.inf) for answer in answers),
        llr_no_evidence=min(_number(answer, "llr_no_evidence", -math.inf) for answer in answers),
    )


def _band(llr: float, voices: Voices, answers: Sequence[Evidence], weak: frozenset[str]) -> Band:
    if llr >= voices.llr_manipulated:
        supporters = [answer.source for answer in answers if voices.weights.get(answer.source, 0.0) * answer.llr > 0.0]
        alone = len(supporters) < 2 and weak.issuperset(supporters)
        return "inconclusive" if alone else "manipulated"
    return "no_evidence" if llr <= voices.llr_no_evidence else "inconclusive"


def _number(answer: Evidence, fact: str, otherwise: float) -> float:
    value = answer.facts.get(fact, otherwise)
    return float(value)
