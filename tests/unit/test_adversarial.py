"""Tampering with the detector: told from ordinary pictures, never weighed, and the verdict is withdrawn."""

import pytest

from unforge.evidence import Evidence
from unforge.explain import misled, words
from unforge.explain.roles import role
from unforge.report import ExhibitFacts
from unforge.verdict import weigh

LOUD = {"llr_manipulated": 2.0, "llr_no_evidence": -1.0, "threshold_fpr": 0.01, "max_abs_llr": 4.0}


def said(llr: float, question: str = "adversarial", source: str = "adversarial-1") -> Evidence:
    return Evidence(question, source, llr, "It was looked at.", facts={**LOUD, "note_zh": "已检查。"})


FORGED = said(4.0, "manipulated", "somebody-1")
UNTOUCHED = said(-3.0, "manipulated", "somebody-1")
CALM, ALARM = said(-1.0), said(3.0)


@pytest.mark.parametrize("first", [FORGED, UNTOUCHED])
@pytest.mark.parametrize("second", [CALM, ALARM])
def test_the_answer_is_never_weighed_with_those_on_manipulation(first: Evidence, second: Evidence) -> None:
    assert weigh([first, second]) == weigh([first])
    assert role(second) == "shown"


@pytest.mark.parametrize("first", [FORGED, UNTOUCHED])
def test_an_alarm_withdraws_the_band_and_leaves_the_numbers(first: Evidence) -> None:
    verdict = weigh([first])
    held = misled.at_most_inconclusive(verdict, [first, ALARM])
    assert held.band == "inconclusive"
    assert (held.llr, held.probability) == (verdict.llr, verdict.probability)
    assert misled.at_most_inconclusive(verdict, [first, CALM]) == verdict


def test_an_alarm_where_nothing_could_be_assessed_changes_nothing() -> None:
    verdict = weigh([ALARM])
    assert verdict.band == "not_assessable"
    assert misled.at_most_inconclusive(verdict, [ALARM]) == verdict


def test_the_report_says_in_both_languages_that_its_verdict_must_not_be_relied_on() -> None:
    facts = ExhibitFacts("picture.png", media="image", size_wh=(300, 300))
    verdict = misled.at_most_inconclusive(weigh([UNTOUCHED]), [UNTOUCHED, ALARM])
    told = words.explain(facts, verdict, [UNTOUCHED, ALARM], [])
    assert "must not be relied on" in told["en"][1]
    assert "不可信赖" in told["zh"][1]
    assert not any("between the two thresholds" in sentence for sentence in told["en"])
    limits = words.limits(facts, verdict, [UNTOUCHED, ALARM], [])
    assert any("1% of ordinary pictures" in sentence for sentence in limits["en"])


def test_a_calm_report_says_that_silence_proves_nothing() -> None:
    facts = ExhibitFacts("picture.png", media="image", size_wh=(300, 300))
    told = words.explain(facts, weigh([UNTOUCHED]), [UNTOUCHED, CALM], [])
    assert not any("mislead" in sentence for sentence in told["en"])
    limits = words.limits(facts, weigh([UNTOUCHED]), [UNTOUCHED, CALM], [])
    assert any("knows this check" in sentence for sentence in limits["en"])
