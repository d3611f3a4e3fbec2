"""What a platform does about what was found: (question, band, context) -> action, written as TOML.

    name = "label"                 which policy this is; its version is the SHA-256 of what it says
    otherwise = "allow"            where no rule speaks
    on_error = "review"            for files that cannot be read; never "allow"
    stop_at = "remove"             optional: from this action on, the dearer checks are not asked any more
    contexts = ["post", "satire"]  words that items may come with

    [[rule]]
    question = "manipulated"
    band = "found"                 found, inconclusive, no_evidence, not_assessable or missing
    context = "satire"             optional; goes before the same rule without one
    action = "allow"               allow, label, reduce, review, remove or report
    reason.en = "..."              what the person concerned is told
    reason.zh = "..."

    [thresholds.contact]           optional: instead of the check's own, on the scale of its llr
    found = 4.0
    no_evidence = -1.0

Of each answer the rule that fits best speaks; of all that speak, the most severe action is taken. Suspicion of evasion
can send an item to people, and no further: a policy that would remove for it is refused.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unforge.errors import PolicyError
from unforge.moderate.checks import QUESTIONS
from unforge.moderate.decision import ACTIONS, BANDS, Action, Band, PolicyName, Thresholds, most_severe

SHIPPED = Path(__file__).parent / "policies"
LANGUAGES = ("en", "zh")
MILD_ENOUGH: tuple[Action, ...] = ("allow", "label", "review")  # for suspicion of evasion

_FIELDS = {"name", "otherwise", "on_error", "stop_at", "contexts", "rule", "thresholds"}
_RULE_FIELDS = {"question", "band", "context", "action", "reason"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a policy. context: "" for any. reason: by language."""

    question: str
    band: Band
    action: Action
    context: str
    reason: Mapping[str, str]

    def __str__(self) -> str:
        where = f" in {self.context}" if self.context else ""
        return f"{self.question} {self.band}{where} -> {self.action}"


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that was found to make sense."""

    name: str
    version: str
    rules: tuple[Rule, ...]
    contexts: tuple[str, ...] = ()
    otherwise: Action = "allow"
    on_error: Action = "review"
    stop_at: Action | None = None
    thresholds: Mapping[str, Thresholds] = field(default_factory=dict)

    @property
    def called(self) -> PolicyName:
        return PolicyName(self.name, self.version)

    def rule(self, question: str, band: Band, context: str) -> Rule | None:
        """The rule for this answer: the one for its context if there is one, else the one for any."""
        fitting = {rule.context: rule for rule in self.rules if (rule.question, rule.band) == (question, band)}
        return fitting.get(context) or fitting.get("")

    def stops(self, actions: Sequence[Action]) -> bool:
        """Whether what was found so far is enough."""
        return self.stop_at is not None and ACTIONS.index(most_severe(actions)) >= ACTIONS.index(self.stop_at)


def shipped() -> tuple[str, ...]:
    """Names of the policies that come along."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.toml")))


def load(named: str | Path, questions: Sequence[str] = QUESTIONS) -> Policy:
    """A policy by its name or from a file. Raises PolicyError, naming every mistake.

    questions: those that checks answer here.
    """
    path = SHIPPED / f"{named}.toml" if str(named) in shipped() else Path(named)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        choices = ", ".join(shipped())
        raise PolicyError(f"policy {named}: expected a TOML file, or one of {choices}; {error}") from error
    try:
        return parse(tomllib.loads(text), questions)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"policy {named}: expected TOML; {error}") from error
    except PolicyError as error:
        raise PolicyError(f"policy {named}: {error}") from error


def parse(said: Mapping[str, Any], questions: Sequence[str] = QUESTIONS) -> Policy:
    """A policy from plain values. Raises PolicyError, naming every mistake."""
    mistakes = _Mistakes()
    mistakes.unknown("", said, _FIELDS)
    name = mistakes.text("name", said.get("name"))
    contexts = mistakes.texts("contexts", said.get("contexts", []))
    otherwise = mistakes.one_of("otherwise", said.get("otherwise", "allow"), ACTIONS)
    on_error = mistakes.one_of("on_error", said.get("on_error", "review"), ACTIONS[1:])
    stop_at = said.get("stop_at")
    if stop_at is not None:
        mistakes.one_of("stop_at", stop_at, ACTIONS[1:])
    rules = _rules(said.get("rule", []), questions, contexts, mistakes)
    thresholds = _thresholds(said.get("thresholds", {}), questions, mistakes)
    mistakes.tell()
    return Policy(name, _version(said), rules, contexts, otherwise, on_error, stop_at, thresholds)


def _rules(said: Any, questions: Sequence[str], contexts: Sequence[str], mistakes: "_Mistakes") -> tuple[Rule, ...]:
    if not isinstance(said, list):
        mistakes.add(f"rule: expected [[rule]] tables, got {said!r}")
        return ()
    rules = [rule for n, one in enumerate(said, 1) if (rule := _rule(f"rule {n}", one, questions, contexts, mistakes))]
    seen: dict[tuple[str, str, str], int] = {}
    for n, rule in enumerate(rules, 1):
        first = seen.setdefault((rule.question, rule.band, rule.context), n)
        if first != n:
            mistakes.add(f"rule {n}: speaks of the same as rule {first} ({rule}); keep one")
    return tuple(rules)


def _rule(
    place: str, said: Any, questions: Sequence[str], contexts: Sequence[str], mistakes: "_Mistakes"
) -> Rule | None:
    if not isinstance(said, Mapping):
        mistakes.add(f"{place}: expected a table, got {said!r}")
        return None
    mistakes.unknown(f"{place}: ", said, _RULE_FIELDS)
    question = mistakes.one_of(f"{place}: question", said.get("question"), questions)
    band = mistakes.one_of(f"{place}: band", said.get("band"), BANDS)
    action = mistakes.one_of(f"{place}: action", said.get("action"), ACTIONS)
    context = mistakes.one_of(f"{place}: context", said.get("context", ""), ("", *contexts))
    if question == "adversarial" and action in ACTIONS and action not in MILD_ENOUGH:
        choices = ", ".join(MILD_ENOUGH)
        mistakes.add(f"{place}: expected one of {choices} for question adversarial, because suspicion of evasion is "
                     f"for people to judge; got {action}")  # fmt: skip
    return Rule(question, band, action, context, _reason(place, said.get("reason"), action, mistakes))


def _reason(place: str, said: Any, action: Action, mistakes: "_Mistakes") -> dict[str, str]:
    """Whoever is concerned by more than `allow` is told why, in both languages."""
    found = {language: said.get(language) for language in LANGUAGES} if isinstance(said, Mapping) else {}
    told = {language: text for language, text in found.items() if isinstance(text, str) and text.strip()}
    if len(told) < len(LANGUAGES) and action != "allow":
        mistakes.add(f"{place}: expected reason.en and reason.zh, what the person concerned is told; got {said!r}")
    return told


def _thresholds(said: Any, questions: Sequence[str], mistakes: "_Mistakes") -> dict[str, Thresholds]:
    if not isinstance(said, Mapping):
        mistakes.add(f"thresholds: expected a table for each question, got {said!r}")
        return {}
    found = {}
    for question, numbers in said.items():
        place = f"thresholds.{question}"
        mistakes.one_of(place, question, questions)
        given = numbers if isinstance(numbers, Mapping) else {}
        values: list[Any] = [given.get(one) for one in ("no_evidence", "found")]
        if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in values) or len(given) != 2:
            mistakes.add(f"{place}: expected two numbers, found and no_evidence; got {numbers!r}")
        elif not values[0] < values[1]:
            mistakes.add(f"{place}: expected no_evidence below found; got {values[0]} and {values[1]}")
        else:
            found[question] = Thresholds(float(values[1]), float(values[0]))
    return found


def _version(said: Mapping[str, Any]) -> str:
    """Of what is said, not of how it is written: comments and blanks change nothing."""
    plain = json.dumps(said, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(plain.encode()).hexdigest()[:12]


class _Mistakes:
    """All of them at once: whoever writes a policy mends it in one go."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, mistake: str) -> None:
        self._found.append(mistake)

    def unknown(self, place: str, said: Mapping[str, Any], fields: set[str]) -> None:
        for name in sorted(set(said) - fields):
            self.add(f"{place}unknown field {name!r}; expected {', '.join(sorted(fields))}")

    def one_of(self, place: str, value: Any, choices: Sequence[str]) -> Any:
        if value not in choices:
            named = ", ".join(choice for choice in choices if choice)
            self.add(f"{place}: expected one of {named or 'none, because none is declared'}; got {value!r}")
        return value

    def text(self, place: str, value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            self.add(f"{place}: expected some text; got {value!r}")
        return str(value)

    def texts(self, place: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            self.add(f"{place}: expected a list of words; got {value!r}")
            return ()
        return tuple(value)

    def tell(self) -> None:
        """Raises PolicyError if there was any."""
        if self._found:
            raise PolicyError("\n  ".join(["it cannot be used:", *self._found]) if self._found[1:] else self._found[0])
