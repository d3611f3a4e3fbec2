"""Many spans of one film, one answer: pure arithmetic over likelihood ratios.

Of all spans any one may be the forged one, each as likely as the others beforehand. The likelihood ratio of the film
is then the mean of those of its spans, weighted by time: more spans are more chances of a false alarm, and the mean
pays for them. (The same rule as `verdict.any_of` for people.)
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from unforge.evidence import Evidence, Region
from unforge.verdict import any_of

SPAN_S = 12.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What one examiner says of one span, with the 95 % interval of its calibration."""

    start_s: float
    llr: float
    low: float
    high: float

    @property
    def end_s(self) -> float:
        return self.start_s + SPAN_S


def of_film(quick: Sequence[Answer], closely: Sequence[Answer]) -> Answer:
    """What is said of the film: what was said closely of some spans, and where they are not what the quick looks said.

    Of neither kind do two overlap, and there is at least one answer in all.
    """
    left = [(one, SPAN_S - sum(overlap_s(one, other) for other in closely)) for one in quick]
    weighted = [(one, SPAN_S) for one in closely] + [(one, left_s) for one, left_s in left if left_s > 0.0]
    llr = _mean([(one.llr, left_s) for one, left_s in weighted])
    low = _mean([(one.low, left_s) for one, left_s in weighted])
    high = _mean([(one.high, left_s) for one, left_s in weighted])
    return Answer(0.0, llr, min(low, llr), max(high, llr))


def overlap_s(one: Answer, other: Answer) -> float:
    return max(0.0, min(one.end_s, other.end_s) - max(one.start_s, other.start_s))


def _mean(llrs: Sequence[tuple[float, float]]) -> float:
    """The log of the mean likelihood ratio, of (llr, weight)."""
    largest = max(llr for llr, _ in llrs)
    total = math.fsum(weight for _, weight in llrs)
    return largest + math.log(math.fsum(weight * math.exp(llr - largest) for llr, weight in llrs) / total)


def from_looks(looks: Sequence[Region], start_s: float) -> Answer | None:
    """What an examiner's single looks amount to over a span: the mean of a person's looks, then anybody; None of none.

    How sure that is was never measured, so its interval has no width.
    """
    people: dict[int | None, list[float]] = {}
    for region in looks:
        people.setdefault(region.track, []).append(region.llr)
    if not people:
        return None
    llr = any_of([math.fsum(llrs) / len(llrs) for llrs in people.values()])
    return Answer(start_s, llr, llr, llr)


def from_answer(answer: Evidence, start_s: float) -> Answer | None:
    """What an examiner said of a span that it looked at closely; None where it abstained."""
    if answer.abstained:
        return None
    low, high = (_number(answer.facts, name, answer.llr) for name in ("llr_low", "llr_high"))
    return Answer(start_s, answer.llr, low, high)


def strictest(answers: Sequence[Evidence]) -> dict[str, float]:
    """The thresholds and limits that hold for all of these answers of one examiner."""
    rules: dict[str, Callable[[list[float]], float]] = {
        "llr_manipulated": max,
        "llr_no_evidence": min,
        "threshold_fpr": max,
        "max_abs_llr": max,
        "calibration_reals": min,
        "calibration_fakes": min,
    }
    found = {}
    for name, rule in rules.items():
        values = [float(answer.facts[name]) for answer in answers if name in answer.facts]
        if values:
            found[name] = float(rule(values))
    return found


def _number(facts: Mapping[str, float | str], name: str, otherwise: float) -> float:
    return float(facts.get(name, otherwise))
