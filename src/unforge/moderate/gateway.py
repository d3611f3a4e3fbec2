"""The gateway: an item goes through the checks, cheap ones first, and a policy says what is done about it."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from unforge.errors import MediaError
from unforge.evidence import Evidence
from unforge.moderate import checks, limits
from unforge.moderate.checks import Check, Setup
from unforge.moderate.decision import Action, Band, Decision, Place, Reason, Shadow, band_of, most_severe
from unforge.moderate.item import Item
from unforge.moderate.limits import Limit
from unforge.moderate.policy import Policy
from unforge.report import ErrorFacts

OTHERWISE = "otherwise"


class Gateway:
    """Decides on one item after the other; keeps nothing of them.

    policy: the one that counts. shadow: another one that is asked on the same evidence and does nothing; while there is
    one, no check is left out. names: the checks, all by default. Raises UnknownName for a check that is not there.
    """

    def __init__(
        self,
        policy: Policy,
        setup: Setup | None = None,
        *,
        shadow: Policy | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        chosen = checks.available() if names is None else tuple(dict.fromkeys(names))
        in_order = sorted(chosen, key=lambda name: (checks.cost_ms(name), name))
        self.policy, self.shadow = policy, shadow
        self.checks: tuple[Check, ...] = tuple(checks.load(name, setup or Setup()) for name in in_order)

    def decide(self, item: Item) -> Decision:
        """The decision on an item; a file that cannot be read never comes out as `allow`."""
        run = _Run(item, self.policy, self.shadow)
        try:
            _ = item.stills
        except MediaError as error:
            run.error = ErrorFacts(error.code, error.message)
            run.item = replace(item, path=None)  # what came along with the file is looked at all the same
        run.hear(item.handed)
        run.ask(self.checks)
        return run.decision()


@dataclass
class _Run:
    """One item on its way."""

    item: Item
    policy: Policy
    shadow: Policy | None
    started: float = field(default_factory=time.perf_counter)
    evidence: list[Evidence] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    elapsed_s: dict[str, float] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    error: ErrorFacts | None = None

    def __post_init__(self) -> None:
        self.path = None if self.item.path is None else str(self.item.path)

    def hear(self, handed: Sequence[Evidence]) -> None:
        """What others found out."""
        for answer in handed:
            self._take(answer)

    def ask(self, of: Sequence[Check]) -> None:
        """One check after the other, until the policy has heard enough."""
        self.elapsed_s["reading the file"] = time.perf_counter() - self.started
        for check in of:
            if self.shadow is None and self.policy.stops([reason.action for reason in self.reasons]):
                self.left_out.append(check.name)
                continue
            begun = time.perf_counter()
            self._take(check.examine(self.item))
            self.elapsed_s[check.name] = time.perf_counter() - begun

    def _take(self, answer: Evidence) -> None:
        self.evidence.append(answer)
        reason = _reason(answer, self.policy, self.item)
        if reason is not None:
            self.reasons.append(reason)

    def decision(self) -> Decision:
        facts = self.item.facts
        action = self._action(self.policy)
        self.elapsed_s["all"] = time.perf_counter() - self.started
        return Decision(
            item=self.item.name,
            action=action,
            policy=self.policy.called,
            reasons=tuple(sorted(self.reasons, key=lambda reason: reason.action != action)),
            evidence=tuple(self.evidence),
            limits=limits.told(self._limits()),
            context=self.item.context,
            path=self.path,
            sha256=None if facts is None else facts.sha256,
            marks={} if facts is None else limits.marks(facts),
            shadow=None if self.shadow is None else Shadow(self.shadow.called, self._action(self.shadow)),
            error=self.error,
            elapsed_s=self.elapsed_s,
        )

    def _action(self, policy: Policy) -> Action:
        """The most severe of what the rules say; without any the policy's `otherwise`."""
        rules = [policy.rule(one.question, _band(one, policy), self.item.context) for one in self.evidence]
        said = [rule.action for rule in rules if rule is not None]
        if self.error is not None:
            said.append(policy.on_error)
        return most_severe(said) if said else policy.otherwise

    def _limits(self) -> Iterator[Limit]:
        yield from limits.of_evidence(self.evidence)
        yield from limits.of_item(self.item, self.policy.contexts)
        if self.left_out:
            yield limits.left_out(self.left_out)


def _band(answer: Evidence, policy: Policy) -> Band:
    return band_of(answer, policy.thresholds.get(answer.question))


def _reason(answer: Evidence, policy: Policy, item: Item) -> Reason | None:
    """What the policy makes of an answer; None where no rule speaks of it."""
    band = _band(answer, policy)
    rule = policy.rule(answer.question, band, item.context)
    if rule is None:
        return None
    note = {"en": answer.note, "zh": str(answer.facts.get("note_zh", answer.note))}
    is_film = item.facts is not None and item.facts.kind == "video"
    places = tuple(Place.of(region, is_film) for region in answer.regions)
    return Reason(answer.question, answer.source, band, rule.action, str(rule), answer.llr, note, places)
