"""Words: every sentence follows from a field, in both languages, and none claims authenticity."""

import re

import pytest
from hypothesis import given

from tests.unit.test_values import reports
from unforge import weights
from unforge.evidence import Evidence, abstention
from unforge.explain import roles, words
from unforge.explain.vocabulary import LANES, lane
from unforge.report import ExhibitFacts, Face, Finding, Report
from unforge.verdict import BANDS, Trust, Verdict, Voices, posterior, weigh

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


SOUNDING = ExhibitFacts("a.mp4", "0" * 64, 10, "video", 5.0, (640, 480), 25.0, True)
STILL = ExhibitFacts("a.jpg", "0" * 64, 10, "image", None, (640, 480), None, False)


def said(name: str, llr: float, note: str = "Seen in face 1.", **facts: float) -> Evidence:
    return Evidence("manipulated", f"{name}-1", llr, note, facts={**FACTS, **facts})


def silent(name: str, note: str, note_zh: str) -> Evidence:
    return abstention("manipulated", f"{name}-1", note, {"note_zh": note_zh})


SHORT = silent("pulse", "The clip is 5 s long; pulse needs 6 s.", "片段长 5 秒；测脉搏至少需要 6 秒。")
NO_FACE = [silent(name, "No face was found.", "未发现人脸。") for name in ("finegrained", "seam")]
ORIGIN = silent("container", "The file was written anew.", "文件经过重新写入。")


def explained(evidence: list[Evidence], exhibit: ExhibitFacts = CLIP, trust: Trust | None = None) -> dict[str, str]:
    verdict = weigh(evidence, trust=trust)
    return {language: " ".join(s) for language, s in words.explain(exhibit, verdict, evidence, ()).items()}


def test_whoever_says_most_is_named_first_and_what_is_not_counted_apart() -> None:
    text = explained([said("seam", 0.9), said("pulse", 0.0, max_abs_llr=0.0), said("finegrained", 3.0)])
    told = "Strongest first: fine traces (strong support for manipulation), blended parts (weak support for"
    assert told in text["en"]
    assert "not counted: pulse." in text["en"]
    assert "不计入结论：脉搏" in text["zh"]


def test_one_examiner_alone_is_not_ranked() -> None:
    assert "Strongest" not in explained([said("finegrained", 3.0)])["en"]


def test_what_was_learned_to_add_nothing_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    seam, fine = said("seam", 9.0), said("finegrained", 1.0)
    assert roles.of_role([fine, seam], "counted") == [seam, fine]
    monkeypatch.setattr(weights, "trust", lambda: Trust({}, silent=frozenset({"seam-1"})))
    assert roles.of_role([fine, seam], "counted") == [fine]
    assert roles.of_role([fine, seam], "shown") == [seam]


def test_abstentions_are_told_together_with_their_reasons() -> None:
    text = explained([said("finegrained", 3.0), SHORT, silent("lipsync", "A voice is not heard.", "没有语音。")])
    assert "Could not judge: pulse (the clip is 5 s long; pulse needs 6 s); lips and voice (a voice is" in text["en"]
    assert "无法判断：脉搏（片段长 5 秒；测脉搏至少需要 6 秒）；唇形与语音（没有语音）。" in text["zh"]


def test_one_reason_of_several_is_told_once() -> None:
    text = explained(NO_FACE)["en"]
    assert "Could not judge: fine traces, blended parts (no face was found)." in text


def test_context_that_abstains_is_no_failure_to_judge() -> None:
    assert "Could not judge" not in explained([said("finegrained", 3.0), ORIGIN])["en"]


def test_of_a_still_nobody_expects_what_needs_a_film() -> None:
    assert "pulse" not in explained([said("finegrained", 3.0), SHORT], STILL)["en"]


def test_an_abbreviation_keeps_its_capitals_in_the_middle_of_a_sentence() -> None:
    assert "(HDR is not read)" in explained([silent("scene", "HDR is not read.", "不支持 HDR。")])["en"]


@pytest.mark.parametrize(
    ("lips", "wanted", "unwanted"),
    [
        (None, "The sound was not examined.", "fit to the lips"),
        (said("lipsync", 0.5), "fit to the lips", "was not examined"),
        (silent("lipsync", "No speech was heard.", "没有语音。"), "Out of reach", "sound was"),
    ],
)
def test_the_limits_say_what_became_of_the_sound(lips: Evidence | None, wanted: str, unwanted: str) -> None:
    evidence = [said("finegrained", 3.0), *([] if lips is None else [lips])]
    text = " ".join(words.limits(SOUNDING, weigh(evidence), evidence, ())["en"])
    assert wanted in text
    assert unwanted not in text


def test_edits_of_the_mouth_are_mostly_out_of_reach_even_where_lips_and_voice_were_compared() -> None:
    evidence = [said("finegrained", 3.0), said("lipsync", 0.5)]
    text = " ".join(words.limits(SOUNDING, weigh(evidence), evidence, ())["en"])
    assert "Mostly out of reach: edits of the mouth" in text


def test_error_rates_of_one_among_several_are_called_its_own() -> None:
    pair = [said("finegrained", 3.0), said("seam", 1.0)]
    assert "False-positive rate of fine traces by itself" in explained(pair)["en"]
    assert "False-positive rate: at" in explained(pair[:1])["en"]
    limits = " ".join(words.limits(CLIP, weigh(pair), pair, ())["en"])
    assert "fine traces would by itself flag about 10 wrongly" in limits


def test_a_weak_examiner_alone_beyond_the_threshold_is_told_as_such() -> None:
    grain = said("grain", 3.0)
    trust = Trust({frozenset({"grain-1"}): Voices({"grain-1": 1.0}, 0.0, 9.0, 2.0, -1.0)}, weak=frozenset({"grain-1"}))
    text = explained([grain], trust=trust)
    assert "(grain-1) may not decide alone" in text["en"]
    assert "between the two thresholds" not in text["en"]
    assert "between the two thresholds" in explained([said("finegrained", 0.4)])["en"]


def test_every_lane_has_words_in_both_languages_and_a_stranger_keeps_its_name() -> None:
    for one in LANES.values():
        assert all(re.search("[\u4e00-\u9fff]", told.zh) for told in (one.name, one.title, one.purpose))
        assert one.purpose.en.endswith(".")
    assert lane("finegrained-12") is LANES["finegrained"] is lane("finegrained")
    assert lane("my-detector").title.en == "my-detector"


@given(reports())
def test_no_report_is_called_authentic(report: Report) -> None:
    if report.verdict is None:
        return
    said = words.explain(report.exhibit, report.verdict, report.evidence, report.faces, report.findings)
    assert len(said["en"]) == len(said["zh"])
    text = " ".join(said["en"]).lower()
    assert "is authentic" not in text
    assert "is real" not in text
