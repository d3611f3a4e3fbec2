"""What the gateway says of one item; schema `unforge.decision/1`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from unforge.evidence import Evidence, Region
from unforge.report import ErrorFacts

SCHEMA = "unforge.decision/1"

Action = Literal["allow", "label", "reduce", "review", "remove", "report"]
ACTIONS: tuple[Action, ...] = get_args(Action)  # from the mildest to the most severe
Band = Literal["found", "inconclusive", "no_evidence", "not_assessable", "missing"]
BANDS: tuple[Band, ...] = get_args(Band)


def most_severe(actions: Iterable[Action]) -> Action:
    """The last of these on the ladder; `allow` where there are none."""
    return max(actions, key=ACTIONS.index, default="allow")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on an answer counts as found, and up to where as no evidence, on the scale of its llr."""

    found: float
    no_evidence: float


def band_of(evidence: Evidence, thresholds: Thresholds | None = None) -> Band:
    """The band of one answer.

    thresholds: instead of the check's own. An answer whose fact `band` names the band of a verdict keeps it, because a
    verdict knows more than its number. `missing` means that the check could not run for want of something, which its
    fact `missing` names; `not_assessable` that there was nothing for it to judge.
    """
    if evidence.facts.get("missing"):
        return "missing"
    if evidence.abstained:
        return "not_assessable"
    if "band" in evidence.facts:
        said = str(evidence.facts["band"])
        return "found" if said == "manipulated" else _known(said)
    if thresholds is None:
        facts = evidence.facts
        thresholds = Thresholds(
            float(facts.get("llr_manipulated", float("inf"))), float(facts.get("llr_no_evidence", float("-inf")))
        )
    if evidence.llr >= thresholds.found:
        return "found"
    return "no_evidence" if evidence.llr <= thresholds.no_evidence else "inconclusive"


def _known(said: str) -> Band:
    return next((band for band in BANDS if band == said), "inconclusive")


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the original something stands; None where the medium has no such place.

    start_s, end_s: in a film. box_px: in the displayed picture. start_char, end_char: in the text as it came in,
    or, with a box, in what was read there.
    """

    start_s: float | None = None
    end_s: float | None = None
    box_px: tuple[int, int, int, int] | None = None
    start_char: int | None = None
    end_char: int | None = None

    @classmethod
    def of(cls, region: Region, is_film: bool) -> "Place":
        start, end = region.facts.get("start_char"), region.facts.get("end_char")
        return cls(
            region.start_s if is_film else None,
            region.end_s if is_film else None,
            region.box_px,
            None if start is None else int(start),
            None if end is None else int(end),
        )

    def to_dict(self) -> dict[str, Any]:
        box_px = None if self.box_px is None else list(self.box_px)
        plain = {name: getattr(self, name) for name in self.__slots__} | {"box_px": box_px}
        return {name: value for name, value in plain.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an action was taken: what was asked, what was found, by which rule, and where one can look.

    rule: words of the policy, e.g. "contact found -> review". note: by language.
    """

    question: str
    source: str
    band: Band
    action: Action
    rule: str
    llr: float
    note: Mapping[str, str]
    places: tuple[Place, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "question": self.question,
            "source": self.source,
            "band": self.band,
            "action": self.action,
            "rule": self.rule,
            "llr": round(self.llr, 4),
            "note": dict(self.note),
            "places": [place.to_dict() for place in self.places],
        }


@dataclass(frozen=True, slots=True)
class PolicyName:
    """Which policy spoke. version: the first digits of the SHA-256 of what it says."""

    name: str
    version: str

    def to_dict(self) -> dict[str, str]:
        return {"name": self.name, "version": self.version}


@dataclass(frozen=True, slots=True)
class Shadow:
    """What another policy would have done, on the same evidence."""

    policy: PolicyName
    action: Action


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything that is said of one item.

    reasons: those of the action first. evidence: of every check that was asked. limits: what was not looked at, and
    why, by language. marks: labels, manifests and fields that the file carries, for the reviewer. elapsed_s: of each
    stage, by check, and of all under "all". error: set where the file could not be read; its action is that of the
    policy for such files.
    """

    item: str
    action: Action
    policy: PolicyName
    reasons: tuple[Reason, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    limits: Mapping[str, Sequence[str]] = field(default_factory=dict)
    context: str = ""
    path: str | None = None
    sha256: str | None = None
    marks: Mapping[str, str | float] = field(default_factory=dict)
    shadow: Shadow | None = None
    error: ErrorFacts | None = None
    elapsed_s: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values in the order of the schema."""
        shadow = self.shadow
        return {
            "schema": SCHEMA,
            "item": self.item,
            "path": self.path,
            "sha256": self.sha256,
            "context": self.context,
            "action": self.action,
            "reasons": [reason.to_dict() for reason in self.reasons],
            "evidence": [_evidence(one) for one in self.evidence],
            "limits": {language: list(said) for language, said in self.limits.items()},
            "marks": dict(self.marks),
            "policy": self.policy.to_dict(),
            "shadow": None if shadow is None else {"policy": shadow.policy.to_dict(), "action": shadow.action},
            "error": None if self.error is None else {"code": self.error.code, "message": self.error.message},
            "elapsed_s": {name: round(value, 4) for name, value in self.elapsed_s.items()},
        }

    def to_json(self) -> str:
        """One line."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)


def _evidence(one: Evidence) -> dict[str, Any]:
    return {
        "question": one.question,
        "source": one.source,
        "llr": round(one.llr, 4),
        "abstained": one.abstained,
        "note": one.note,
        "facts": dict(one.facts),
    }
