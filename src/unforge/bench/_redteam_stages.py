"""What a gateway would have done with only some of its checks, from one decision with all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from unforge.evidence import Evidence
from unforge.moderate.decision import Action, band_of, most_severe
from unforge.moderate.policy import Policy

WRITING = ("contact", "toxic", "spam")
# In this order, each with those before it. What is written on pictures counts from the stage that reads it.
STAGES: Mapping[str, Sequence[str]] = {
    "hashes": ("known",),
    "codes": ("code",),
    "text": WRITING,
    "ocr": WRITING,
    "classifier": ("advert",),
    "evasion": ("adversarial",),
}


def by_stage(evidence: Sequence[Evidence], policy: Policy, context: str, has_picture: bool) -> dict[str, Action]:
    """The action after each stage."""
    heard: set[str] = set()
    acted = {}
    for stage, questions in STAGES.items():
        if not (stage == "text" and has_picture):
            heard.update(questions)
        acted[stage] = action([one for one in evidence if one.question in heard], policy, context)
    return acted


def action(evidence: Sequence[Evidence], policy: Policy, context: str) -> Action:
    """What the policy makes of these answers, as the gateway does."""
    bands = ((one.question, band_of(one, policy.thresholds.get(one.question))) for one in evidence)
    rules = [policy.rule(question, band, context) for question, band in bands]
    said = [rule.action for rule in rules if rule is not None]
    return most_severe(said) if said else policy.otherwise


def unhurried(policy: Policy) -> Policy:
    """The same policy, but every check is asked whatever was found before."""
    return replace(policy, stop_at=None)
