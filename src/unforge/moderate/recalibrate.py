"""What people decided, as a set to learn from: thresholds for the next policy.

Only what was reviewed has an answer, and it was reviewed because something was found or appealed; so a threshold from
reviews keeps the share of false alarms *among what reaches people*, and says nothing of what was never shown to them.
It is written into a draft of the policy, which runs in shadow beside the old one until somebody puts it in charge.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from unforge.errors import NotApplicable
from unforge.moderate.decision import Thresholds
from unforge.moderate.queue import Case

FEWEST = 20  # items that people let pass: with fewer, no quantile of them means anything


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """thresholds: of one question. passed, restricted: how many reviewed items are behind them. rate: as asked for."""

    thresholds: Thresholds
    passed: int
    restricted: int
    rate: float


def recalibrated(cases: Iterable[Case], rate: float) -> dict[str, Recalibrated]:
    """New thresholds by question, from closed cases.

    rate: share of the items that people let pass which may still be found, in (0, 1). The threshold is the conformal
    quantile (Vovk, Gammerman and Shafer, Algorithmic learning in a random world, 2005): of n such items, the
    ceil((n + 1)(1 - rate))-th smallest llr; the next one like them then lies above it with probability `rate` at most.
    Raises NotApplicable where no question has enough of them for that.
    """
    passed, restricted = _by_question(cases)
    enough = max(FEWEST, math.ceil(1.0 / rate) - 1)
    found = {
        question: Recalibrated(_thresholds(llrs, rate), len(llrs), len(restricted[question]), rate)
        for question, llrs in sorted(passed.items())
        if len(llrs) >= enough
    }
    if not found:
        most = max((len(llrs) for llrs in passed.values()), default=0)
        raise NotApplicable(
            f"recalibrating at a rate of {rate:g} needs {enough} reviewed items that were let pass, for one question "
            f"at least; there are {most}; review more, or ask for a higher rate"
        )
    return found


def as_toml(found: Mapping[str, Recalibrated]) -> str:
    """Tables for a policy."""
    lines = []
    for question, one in found.items():
        lines += [
            f"[thresholds.{question}]  # {one.passed} let pass, {one.restricted} restricted; rate {one.rate:g}",
            f"found = {one.thresholds.found:.4f}",
            f"no_evidence = {one.thresholds.no_evidence:.4f}",
            "",
        ]
    return "\n".join(lines)


def _by_question(cases: Iterable[Case]) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    passed: defaultdict[str, list[float]] = defaultdict(list)
    restricted: defaultdict[str, list[float]] = defaultdict(list)
    for case in cases:
        if case.state != "closed":
            continue
        to = passed if case.action == "allow" else restricted
        for answer in case.decision["evidence"]:
            if not answer["abstained"]:
                to[answer["question"]].append(float(answer["llr"]))
    return passed, restricted


def _thresholds(llrs: list[float], rate: float) -> Thresholds:
    ranked = sorted(llrs)
    found = ranked[math.ceil((len(ranked) + 1) * (1.0 - rate)) - 1]
    middle = ranked[len(ranked) // 2]
    above = math.nextafter(found, math.inf)  # found is what lies above the quantile, not on it
    return Thresholds(above, min(middle, math.nextafter(above, -math.inf)))
