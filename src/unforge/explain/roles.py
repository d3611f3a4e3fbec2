"""What part an answer took in the verdict: it counted, it was shown for information, or it could not judge."""

from collections.abc import Iterable, Sequence
from typing import Literal

from unforge import weights
from unforge.evidence import Evidence
from unforge.explain.vocabulary import lane
from unforge.verdict import votes

QUESTION = "manipulated"  # what verdicts are about

Role = Literal["counted", "shown", "abstained"]
ROLES: tuple[Role, ...] = ("counted", "shown", "abstained")


def role(answer: Evidence) -> Role:
    """Context that abstains is shown, too: that nothing in it speaks of forgery is no failure to judge.

    An answer to another question than the verdict's never counts.
    """
    if answer.abstained:
        return "shown" if lane(answer.source).is_context else "abstained"
    if answer.question != QUESTION:
        return "shown"
    return "counted" if votes(answer) and answer.source not in weights.trust().silent else "shown"


def of_role(evidence: Iterable[Evidence], wanted: Role) -> list[Evidence]:
    """The answers of one role, the strongest first."""
    return [answer for answer in strongest_first(evidence) if role(answer) == wanted]


def strongest_first(evidence: Iterable[Evidence]) -> Sequence[Evidence]:
    """What counted before what is shown before what could not judge; each from loud to quiet, equals as they came."""
    return sorted(evidence, key=lambda answer: (ROLES.index(role(answer)), answer.abstained, -abs(answer.llr)))
