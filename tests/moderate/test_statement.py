"""What people are told, what is learned from what they decided, and verdicts that are handed in."""

import math
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unforge.errors import NotApplicable
from unforge.evidence import Evidence, Region
from unforge.moderate import policy
from unforge.moderate.decision import Action, Decision, Place, PolicyName, Reason, band_of
from unforge.moderate.handed import of_report
from unforge.moderate.queue import Case, Queue
from unforge.moderate.recalibrate import as_toml, recalibrated
from unforge.moderate.statement import statement
from unforge.report import ErrorFacts, ExhibitFacts, Report, Run
from unforge.verdict import Band, Verdict

REMOVE = policy.load("remove")


def a_reason() -> Reason:
    note = {"en": "It asks to be added: 微信.", "zh": "要求添加：微信。"}
    return Reason("contact", "contact-1", "found", "remove", "r", 5.0, note, (Place(start_char=3, end_char=7),))


def a_case(tmp_path: Path, action: Action = "remove") -> Case:
    with Queue(tmp_path / "review.db", create=True) as queue:
        return queue.add("k", Decision("lamp.jpg", action, REMOVE.called, (a_reason(),)))


def test_it_says_what_why_where_by_whom_and_how_to_object(tmp_path: Path) -> None:
    said = statement(a_case(tmp_path), REMOVE)
    text = "\n".join(said["en"])
    for part in ("removed", "remove, version", "leads away", "characters 4 to 7", "a program", "appeal"):
        assert part in text
    assert len(said["en"]) == len(said["zh"])
    assert "第 4 至 7 个字符" in "\n".join(said["zh"])


def test_people_who_decided_are_counted_and_not_named(tmp_path: Path) -> None:
    with Queue(tmp_path / "review.db", create=True) as queue:
        queue.add("k", Decision("lamp.jpg", "review", REMOVE.called))
        for who in ("ann", "bo"):
            queue.claim(who, 1)
            queue.decide(who, 1, "remove", "a number to call")
        text = "\n".join(statement(queue.case(1))["en"])
    assert "2 people: a number to call" in text
    assert "ann" not in text


def test_words_of_a_policy_that_has_changed_since_are_not_put_in_its_mouth(tmp_path: Path) -> None:
    text = "\n".join(statement(a_case(tmp_path), policy.load("label"))["en"])
    assert "leads away" not in text
    assert REMOVE.version in text


def test_what_restricts_nobody_cannot_be_appealed(tmp_path: Path) -> None:
    assert "appeal" not in "\n".join(statement(a_case(tmp_path, "allow"))["en"])


def closed(tmp_path: Path, llrs: list[float], action: Action = "allow") -> list[Case]:
    with Queue(tmp_path / f"{action}.db", create=True) as queue:
        for n, llr in enumerate(llrs):
            evidence = (Evidence("contact", "contact-1", llr, "seen"),)
            case = queue.add(str(n), Decision(str(n), "review", PolicyName("ours", "0" * 12), evidence=evidence))
            queue.claim("ann", case.number)
            queue.decide("ann", case.number, action, "seen")
        return list(queue.cases(("closed",)))


def test_thresholds_come_from_what_was_let_pass(tmp_path: Path) -> None:
    llrs = [n / 10.0 for n in range(40)]
    found = recalibrated([*closed(tmp_path, llrs), *closed(tmp_path, [9.0], "label")], 0.1)["contact"]
    above = sum(llr >= found.thresholds.found for llr in llrs)
    assert above <= 0.1 * 40
    assert (found.passed, found.restricted) == (40, 1)
    drafted = policy.parse({"name": "draft", **tomllib.loads(as_toml({"contact": found}))})
    assert math.isclose(drafted.thresholds["contact"].found, found.thresholds.found, abs_tol=1e-3)


def test_too_few_reviews_give_no_threshold(tmp_path: Path) -> None:
    with pytest.raises(NotApplicable, match="needs 99"):
        recalibrated(closed(tmp_path, [1.0, 2.0]), 0.01)


@given(st.lists(st.floats(-20, 20, width=32), min_size=20, max_size=60), st.floats(0.06, 0.5))
def test_no_more_than_the_rate_lies_above(llrs: list[float], rate: float) -> None:
    evidence = [{"question": "contact", "llr": llr, "abstained": False} for llr in llrs]
    cases = [Case(n, str(n), "x", "allow", "closed", {"evidence": [one]}) for n, one in enumerate(evidence)]
    thresholds = recalibrated(cases, rate)["contact"].thresholds
    assert sum(llr >= thresholds.found for llr in llrs) <= rate * (len(llrs) + 1)
    assert thresholds.no_evidence < thresholds.found


def a_report(band: Band, llr: float | None) -> Report:
    verdict = Verdict("manipulated", band, None if llr is None else 0.9, None, llr, 0.5)
    regions = (Region(1.0, 2.0, 3.0), Region(3.0, 4.0, -1.0))
    evidence = (Evidence("manipulated", "seam-2", 3.0, "a seam", regions),)
    explanation = {"en": ("Said so.",), "zh": ("如此。",)}
    exhibit, run = ExhibitFacts("x.mp4"), Run("0", (), "", 0.0)
    return Report(exhibit, run, verdict=verdict, evidence=evidence, explanation=explanation)


@pytest.mark.parametrize(
    ("band", "llr", "heard"),
    [
        ("manipulated", 4.0, "found"),
        ("inconclusive", 9.0, "inconclusive"),
        ("no_evidence", -3.0, "no_evidence"),
        ("not_assessable", None, "not_assessable"),
    ],
)
def test_a_verdict_keeps_its_band(band: Band, llr: float | None, heard: str) -> None:
    (answer,) = of_report(a_report(band, llr))
    assert band_of(answer) == heard
    assert [region.start_s for region in answer.regions] == ([] if llr is None else [1.0])


def test_nothing_is_handed_in_for_a_file_that_could_not_be_read() -> None:
    assert of_report(Report(ExhibitFacts("x"), Run("0", (), "", 0.0), error=ErrorFacts("unreadable", "broken"))) == ()
