"""The review queue: two people for a removal, a log that shows changes, and a state that is what the log says."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unforge.errors import NotApplicable, StoreError, UsageError
from unforge.moderate.decision import Action, Decision, PolicyName
from unforge.moderate.queue import RESTRICTING, Case, Queue, case_of

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


def a_decision(action: Action = "review", item: str = "lamp.jpg") -> Decision:
    return Decision(item, action, PolicyName("ours", "0" * 12))


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path / "review.db", create=True)


def claimed(queue: Queue, who: str, number: int = 1) -> Case:
    return queue.claim(who, number, START)


def decided(queue: Queue, who: str, action: Action, number: int = 1) -> Case:
    claimed(queue, who, number)
    return queue.decide(who, number, action, "seen", START)


def test_a_key_is_decided_once(queue: Queue) -> None:
    first = queue.add("k", a_decision("remove"))
    again = queue.add("k", a_decision("allow"))
    assert again == first
    assert len(queue) == len(queue.log()) == 1


def test_only_what_is_for_people_waits(queue: Queue) -> None:
    for action in ("allow", "review", "remove"):
        queue.add(action, a_decision(action))
    assert [case.key for case in queue.cases(("open",))] == ["review"]


def test_a_removal_takes_two_people(queue: Queue) -> None:
    queue.add("k", a_decision())
    waiting = decided(queue, "ann", "remove")
    assert (waiting.state, waiting.action, waiting.proposed) == ("seconding", "review", "remove")
    with pytest.raises(NotApplicable, match="ann"):
        queue.claim("ann", 1, START)
    for alias in ("Ann", " ann ", "ＡＮＮ"):
        with pytest.raises(NotApplicable):
            queue.claim(alias, 1, START)
    closed = decided(queue, "bo", "remove")
    assert (closed.state, closed.action, closed.deciders) == ("closed", "remove", ("ann", "bo"))


def test_a_second_person_who_disagrees_opens_the_case_again(queue: Queue) -> None:
    queue.add("k", a_decision())
    decided(queue, "ann", "remove")
    opened = decided(queue, "bo", "allow")
    assert (opened.state, opened.proposed) == ("open", None)
    assert decided(queue, "cy", "label").state == "closed"


def test_mild_decisions_take_one_person(queue: Queue) -> None:
    queue.add("k", a_decision())
    assert decided(queue, "ann", "label").state == "closed"


def test_overruling_takes_somebody_else_and_a_removal_still_two(queue: Queue) -> None:
    queue.add("k", a_decision())
    decided(queue, "ann", "label")
    with pytest.raises(NotApplicable, match="somebody else"):
        queue.overrule("ann", 1, "allow", "after all")
    assert queue.overrule("bo", 1, "remove", "worse than it looks").state == "seconding"
    assert decided(queue, "cy", "remove").action == "remove"


def test_what_the_gateway_removed_can_be_appealed_and_goes_to_people(queue: Queue) -> None:
    queue.add("k", a_decision("remove"))
    opened = queue.appeal(1, "it is mine")
    assert (opened.state, opened.appeals, opened.appeal) == ("open", 1, "it is mine")
    assert decided(queue, "ann", "allow").action == "allow"
    with pytest.raises(NotApplicable, match="restricts nobody"):
        queue.appeal(1, "still")


def test_an_appeal_goes_to_somebody_else(queue: Queue) -> None:
    queue.add("k", a_decision())
    decided(queue, "ann", "label")
    queue.appeal(1, "no")
    with pytest.raises(NotApplicable):
        queue.claim("ann", 1, START)
    assert queue.claim("bo", 1, START).holder == "bo"


def test_a_claim_holds_for_an_hour(queue: Queue) -> None:
    queue.add("k", a_decision())
    claimed(queue, "ann")
    with pytest.raises(NotApplicable, match="claimed by ann"):
        queue.claim("bo", 1, START + timedelta(minutes=59))
    with pytest.raises(NotApplicable, match="ended"):
        queue.decide("ann", 1, "label", "late", START + timedelta(hours=2))
    assert queue.claim("bo", None, START + timedelta(hours=2)).holder == "bo"
    with pytest.raises(NotApplicable, match="not claimed by ann"):
        queue.decide("ann", 1, "label", "seen", START)


def test_what_cannot_be_is_refused(queue: Queue) -> None:
    queue.add("k", a_decision())
    with pytest.raises(NotApplicable, match="got 7"):
        queue.case(7)
    claimed(queue, "ann")
    for action, reason in (("review", "x"), ("burn", "x"), ("label", " ")):
        with pytest.raises(UsageError):
            queue.decide("ann", 1, action, reason, START)  # type: ignore[arg-type]
    for name in ("", "  ", "gateway", "GATEWAY"):
        with pytest.raises(UsageError, match="name of a person"):
            queue.claim(name)


def test_the_log_shows_every_change(queue: Queue, tmp_path: Path) -> None:
    queue.add("k", a_decision())
    decided(queue, "ann", "label")
    assert queue.verify() == []
    with sqlite3.connect(tmp_path / "review.db") as raw, pytest.raises(sqlite3.DatabaseError, match="never changed"):
        raw.execute("UPDATE log SET who = 'bo' WHERE number = 2")
    with sqlite3.connect(tmp_path / "review.db") as raw:
        raw.execute("DROP TRIGGER log_holds")
        raw.execute("UPDATE log SET who = 'bo' WHERE number = 2")
    assert any("entry 2" in wrong for wrong in queue.verify())


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE cases SET body = replace(body, 'label', 'allow')",
        "DELETE FROM cases",
        "DROP TRIGGER log_stays; DELETE FROM log WHERE number = 2",
    ],
)
def test_cases_and_entries_that_were_tampered_with_are_told(queue: Queue, tmp_path: Path, tampering: str) -> None:
    queue.add("k", a_decision())
    decided(queue, "ann", "label")
    with sqlite3.connect(tmp_path / "review.db") as raw:
        raw.executescript(tampering)
    assert queue.verify()


def test_other_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no file"):
        Queue(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("this is text, and no queue" * 50)
    with pytest.raises(StoreError):
        Queue(tmp_path / "text.db")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "release", "decide", "overrule", "appeal"]),
        st.sampled_from(["ann", "bo", "cy"]),
        st.sampled_from(["allow", "label", "remove", "report"]),
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, first=st.sampled_from(["allow", "review", "remove"]))
def test_no_order_of_steps_removes_by_one_person(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, Action]], first: Action
) -> None:
    with Queue(tmp_path_factory.mktemp("q") / "review.db", create=True) as queue:
        queue.add("k", a_decision(first))
        for what, who, action in steps:
            try:
                _step(queue, what, who, action)
            except NotApplicable:
                continue
        case, log = queue.case(1), queue.log(1)
        assert queue.verify() == []
        assert case_of(log) == case
        if case.state == "closed" and case.action in RESTRICTING:
            last = [entry for entry in log if entry.what == "agreed"][-1]
            proposed = [entry for entry in log if entry.what == "proposed" and entry.number < last.number][-1]
            assert proposed.who != last.who
            assert proposed.said["action"] == last.said["action"] == case.action


def _step(queue: Queue, what: str, who: str, action: Action) -> None:
    if what == "claim":
        queue.claim(who, 1, START)
    elif what == "release":
        queue.release(who, 1, START)
    elif what == "decide":
        queue.decide(who, 1, action, "seen", START)
    elif what == "overrule":
        queue.overrule(who, 1, action, "no", START)
    else:
        queue.appeal(1, "no", when=START)
