"""Policies: what they refuse to start with, and which rule speaks."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unforge.errors import PolicyError
from unforge.moderate import policy
from unforge.moderate.decision import ACTIONS, BANDS, most_severe

TOLD = {"en": "because", "zh": "因为"}


def a_rule(**other: Any) -> dict[str, Any]:
    return {"question": "contact", "band": "found", "action": "remove", "reason": TOLD} | other


def a_policy(*rules: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {"name": "ours", "contexts": ["satire"], "rule": list(rules)} | other


@pytest.mark.parametrize("name", policy.shipped())
def test_shipped_policies_start(name: str) -> None:
    found = policy.load(name)
    assert found.name == name
    assert found.rules
    assert found.on_error != "allow"


def test_two_policies_come_along_and_they_differ_on_forged_media() -> None:
    label, remove = (policy.load(name).rule("manipulated", "found", "post") for name in ("label", "remove"))
    assert label is not None
    assert remove is not None
    assert (label.action, remove.action) == ("label", "remove")


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (a_policy(a_rule(question="rudeness")), "question"),
        (a_policy(a_rule(band="certain")), "band"),
        (a_policy(a_rule(action="delete")), "action"),
        (a_policy(a_rule(context="listing")), "context"),
        (a_policy(a_rule(reason={"en": "only English"})), "reason.zh"),
        (a_policy(a_rule(threshold=3)), "threshold"),
        (a_policy(a_rule(), a_rule(action="label")), "same as rule 1"),
        (a_policy(on_error="allow"), "on_error"),
        (a_policy(otherwise="maybe"), "otherwise"),
        (a_policy(stop_at="allow"), "stop_at"),
        (a_policy(thresholds={"contact": {"found": 1.0}}), "thresholds.contact"),
        (a_policy(thresholds={"contact": {"found": 1.0, "no_evidence": 2.0}}), "below"),
        (a_policy(thresholds={"rudeness": {"found": 1.0, "no_evidence": 0.0}}), "thresholds.rudeness"),
        (a_policy(name=""), "name"),
        (a_policy(contexts="satire"), "contexts"),
        (a_policy(rule="remove all"), "rule"),
        (a_policy(surprise=1), "surprise"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(said: dict[str, Any], named: str) -> None:
    with pytest.raises(PolicyError, match=named):
        policy.parse(said)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(PolicyError) as refused:
        policy.parse(a_policy(a_rule(question="rudeness"), a_rule(action="delete")))
    assert "rudeness" in str(refused.value)
    assert "delete" in str(refused.value)


@pytest.mark.parametrize("action", ["reduce", "remove", "report"])
def test_suspicion_of_evasion_only_leads_to_people(action: str) -> None:
    with pytest.raises(PolicyError, match="adversarial"):
        policy.parse(a_policy(a_rule(question="adversarial", action=action)))
    assert policy.parse(a_policy(a_rule(question="adversarial", action="review"))).rules


def test_the_rule_for_a_context_goes_before_the_one_for_any() -> None:
    found = policy.parse(a_policy(a_rule(), a_rule(context="satire", action="allow")))
    in_satire, elsewhere = (found.rule("contact", "found", context) for context in ("satire", "post"))
    assert in_satire is not None
    assert elsewhere is not None
    assert (in_satire.action, elsewhere.action) == ("allow", "remove")
    assert found.rule("contact", "inconclusive", "satire") is None


def test_the_version_is_of_what_is_said() -> None:
    first, second = policy.parse(a_policy(a_rule())), policy.parse(a_policy(a_rule(action="label")))
    assert first.version == policy.parse(a_policy(a_rule())).version != second.version


def test_files_that_are_none_are_told(tmp_path: Any) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ")
    for path in (broken, tmp_path / "nowhere.toml", tmp_path):
        with pytest.raises(PolicyError, match=path.name):
            policy.load(path)


@given(st.lists(st.sampled_from(ACTIONS)))
def test_the_most_severe_action_is_taken(actions: list[Any]) -> None:
    taken = most_severe(actions)
    assert all(ACTIONS.index(one) <= ACTIONS.index(taken) for one in actions)
    assert taken in (*actions, "allow")


@given(
    st.dictionaries(st.text(max_size=5), st.one_of(st.text(max_size=5), st.integers(), st.lists(st.text(max_size=3))))
)
def test_no_plain_values_crash_it(said: dict[str, Any]) -> None:
    with pytest.raises(PolicyError):
        policy.parse({**said, "rule": [{"band": said.get("band", "?"), **{b: b for b in BANDS}}]})
