"""Words: every sentence follows from a field, in both languages, and none claims authenticity."""

import re

import pytest
from hypothesis import given

from tests.unit.test_values import reports
from unforge.evidence import Evidence, abstention
from unforge.explain import words
from unforge.report import ExhibitFacts, Face, Finding, Report
from unforge.verdict import BANDS, Verdict, posterior, weigh

CLIP = ExhibitFacts("a.mp4", "0" * 64, 10, "video", 5.0, (640, 480), 25.0, False)
FACTS = {
    "llr_manipulated": 2.0,
    "llr_no_evidence": -0.5,
    "threshold_fpr": 0.01,
    "calibration_reals": 650.0,
    "calibration_fakes": 1500.0,
    "max_abs_llr": 4.2,
    "llr_low": -5.0,
    "llr_high": 5.0,
}
LLRS = {"manipulated": 3.0, "inconclusive": 0.4, "no_evidence": -2.0}


def told(band: str, prior: float = 0.5) -> tuple[Verdict, tuple[Evidence, ...], tuple[Face, ...]]:
    if band == "not_assessable":
        silent = abstention("manipulated", "finegrained-1", "No face was found; this examiner judges faces only.")
        return weigh([silent], prior=prior), (silent,), ()
    llr = LLRS[band]
    spoken = Evidence("manipulated", "finegrained-1", llr, "Seen in face 1.", facts=FACTS)
    return weigh([spoken], prior=prior), (spoken,), (Face(0, 0.0, 4.0, posterior(llr, prior), llr),)


@pytest.mark.parametrize("band", BANDS)
def test_each_band_is_named_and_says_what_it_does_not_mean(band: str) -> None:
    verdict, evidence, faces = told(band)
    assert verdict.band == band
    said = words.explain(CLIP, verdict, evidence, faces)
    assert any("does not mean" in sentence for sentence in said["en"])
    assert len(said["en"]) == len(said["zh"]) > 2
    assert all(re.search("[\u4e00-\u9fff]", sentence) for sentence in said["zh"])


@pytest.mark.parametrize("band", ["manipulated", "inconclusive", "no_evidence"])
def test_a_probability_never_stands_without_its_prior(band: str) -> None:
    verdict, evidence, faces = told(band, prior=0.2)
    text = " ".join(words.explain(CLIP, verdict, evidence, faces)["en"])
    assert "prior of 20%" in text
    assert f"{verdict.probability:.0%}" in text


def test_the_error_rate_is_told_with_the_set_behind_it() -> None:
    text = " ".join(words.explain(CLIP, *told("manipulated"))["en"])
    assert "1%" in text
    assert "650" in text
    assert "1,500" in text


@pytest.mark.parametrize("band", BANDS)
def test_the_limits_name_what_is_out_of_reach(band: str) -> None:
    limits = words.limits(CLIP, *told(band))
    text = " ".join(limits["en"])
    assert "mouth" in text
    assert "no sound" in text
    assert len(limits["en"]) == len(limits["zh"])


def test_the_loudest_finding_of_a_person_is_told_in_full_and_the_others_by_their_time() -> None:
    found = tuple(Finding(0, time_s, 3.0 - time_s, "finegrained-1", 0.2, {"mouth": 1.0}) for time_s in (1.0, 2.0))
    said = words.explain(CLIP, *told("manipulated"), found)["en"]
    assert sum("of the face is marked" in sentence for sentence in said) == 1
    assert any("on the mouth" in sentence and "strong support" in sentence for sentence in said)
    assert "Most telling looks: Face 1 at 00:01.0, Face 1 at 00:02.0." in said


def test_without_findings_no_place_is_named() -> None:
    text = " ".join(words.explain(CLIP, *told("manipulated"))["en"])
    assert "marked" not in text
    assert "Test:" not in text


@given(reports())
def test_no_report_is_called_authentic(report: Report) -> None:
    if report.verdict is None:
        return
    said = words.explain(report.exhibit, report.verdict, report.evidence, report.faces, report.findings)
    assert len(said["en"]) == len(said["zh"])
    text = " ".join(said["en"]).lower()
    assert "is authentic" not in text
    assert "is real" not in text
