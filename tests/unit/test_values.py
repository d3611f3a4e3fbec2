"""Errors, plug-ins, evidence, verdict and report: plain values and what they promise."""

import itertools
import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unforge import errors
from unforge.errors import MediaError, SchemaError, ShapeError, UnforgeError, UnknownName, UsageError
from unforge.evidence import Curve, Evidence, Region, abstention
from unforge.explain.measure import UNTOUCHED_FACE
from unforge.plugins import Registry
from unforge.report import ErrorFacts, ExhibitFacts, Face, FaceFrame, Finding, Hidden, Model, Report, Run
from unforge.verdict import BANDS, Trust, Verdict, Voices, any_of, posterior, shared_voice, weigh

number = st.floats(-50, 50)
probability = st.floats(0, 1)
seconds = st.floats(0, 1e5)
text = st.text(st.characters(codec="utf-8"), max_size=30)
box = st.tuples(*[st.integers(-9, 9999)] * 4)


def regions() -> st.SearchStrategy[Region]:
    heat = st.none() | st.integers(1, 4).map(lambda n: np.linspace(0, 1, n * n, dtype=np.float32).reshape(n, n))
    return st.builds(
        lambda start, length, *rest: Region(start, start + length, *rest),
        seconds, seconds, number, st.none() | st.integers(0, 9), st.none() | box, heat,
        st.dictionaries(text, number, max_size=2), heat,
    )  # fmt: skip


def curves() -> st.SearchStrategy[Curve]:
    points = st.lists(st.tuples(seconds, number), max_size=5).map(lambda found: sorted(found))
    names = st.sampled_from(["pulse_trace", "pulse_spectrum", "lip_voice_offset", "mouth_opening"]) | text
    units = st.sampled_from(["s", "bpm", "ms", "Hz"])
    return st.builds(
        lambda name, found, *rest: Curve(name, tuple(x for x, _ in found), tuple(y for _, y in found), *rest),
        names, points, units, text, st.none() | st.integers(0, 9),
    )  # fmt: skip


def evidence() -> st.SearchStrategy[Evidence]:
    facts = st.dictionaries(text, number | text, max_size=3)
    told = st.text("abc .", min_size=1, max_size=20)
    seen = st.lists(regions(), max_size=3).map(tuple)
    lines = st.lists(curves(), max_size=2).map(tuple)
    spoken = st.builds(Evidence, text, text, number, told, seen, facts, st.just(False), lines)
    return spoken | st.builds(abstention, text, text, told, facts)


def findings() -> st.SearchStrategy[Finding]:
    shares = st.dictionaries(text, probability, max_size=2)
    draws = st.lists(number, min_size=1, max_size=3).map(tuple)
    hidden = st.none() | st.builds(Hidden, number, number, draws, st.booleans())
    measured = st.dictionaries(st.sampled_from(sorted(UNTOUCHED_FACE)), number, max_size=3)
    return st.builds(Finding, st.integers(0, 9), seconds, number, text, probability, shares, shares, measured, hidden)


def reports() -> st.SearchStrategy[Report]:
    exhibit = st.builds(
        ExhibitFacts, text, st.none() | text, st.none() | st.integers(0), st.sampled_from([None, "video", "image"]),
        st.none() | seconds, st.none() | st.tuples(st.integers(1), st.integers(1)), st.none() | seconds,
        st.none() | st.booleans(),
    )  # fmt: skip
    run = st.builds(Run, text, st.lists(st.builds(Model, text, text), max_size=2).map(tuple), text, seconds)
    verdict = st.builds(
        Verdict, text, st.sampled_from(BANDS), st.none() | probability,
        st.none() | st.tuples(probability, probability), st.none() | number, probability, st.none() | number,
        st.none() | number,
    )  # fmt: skip
    frames = st.lists(st.builds(FaceFrame, seconds, box, st.none() | number), max_size=2).map(tuple)
    faces = st.builds(Face, st.integers(0, 9), seconds, seconds, st.none() | probability, st.none() | number, frames)
    said = st.fixed_dictionaries({language: st.lists(text, max_size=2).map(tuple) for language in ("en", "zh")})
    judged = st.builds(
        Report, exhibit, run, verdict, st.lists(evidence(), max_size=2).map(tuple),
        st.lists(faces, max_size=2).map(tuple), st.lists(findings(), max_size=2).map(tuple), said, said,
    )  # fmt: skip
    failed = st.builds(lambda e, r, c, m: Report(e, r, error=ErrorFacts(c, m)), exhibit, run, text, text)
    return judged | failed


@given(reports())
def test_a_report_survives_the_way_to_json_and_back(report: Report) -> None:
    written = report.to_json()
    assert "\n" not in written
    again = Report.from_json(written)
    assert again == report
    assert again.to_json() == written


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "unforge.report/2"}', '{"schema": "unforge.report/1"}'])
def test_what_is_no_report_is_a_schema_error(text: str) -> None:
    with pytest.raises(SchemaError, match="expected a report"):
        Report.from_json(text)


def test_an_error_replaces_verdict_and_evidence() -> None:
    report = Report(ExhibitFacts("a.mp4"), Run("1", (), "", 0.0), error=ErrorFacts("unreadable", "why"))
    data = json.loads(report.to_json())
    assert data["error"] == {"code": "unreadable", "message": "why"}
    assert "verdict" not in data
    assert "evidence" not in data
    assert data["exhibit"]["bytes"] is None


def spoken(llr: float, source: str = "a", **facts: float) -> Evidence:
    return Evidence("manipulated", source, llr, "seen", facts=facts)


@given(st.lists(number, min_size=1, max_size=5), st.floats(0.001, 0.999))
def test_independent_evidence_adds_up_as_log_odds(llrs: list[float], prior: float) -> None:
    names = [f"e{n}" for n in range(len(llrs))]
    independent = Trust({frozenset(names): Voices(dict.fromkeys(names, 1.0))})
    verdict = weigh(
        [spoken(llr, name) for name, llr in zip(names, llrs, strict=True)], "manipulated", prior, independent
    )
    assert verdict.llr == pytest.approx(math.fsum(llrs))
    odds = math.log(prior / (1 - prior)) + math.fsum(llrs)
    assert verdict.probability == pytest.approx(1 / (1 + math.exp(-odds)), abs=1e-9)


def test_the_order_of_evidence_does_not_matter() -> None:
    pieces = [spoken(1.7), spoken(-0.3, "b"), spoken(0.1, "c"), abstention("manipulated", "d", "too small")]
    assert len({repr(weigh(order)) for order in itertools.permutations(pieces)}) == 1


def test_an_abstention_changes_nothing() -> None:
    silent = abstention("manipulated", "b", "too dark")
    assert weigh([spoken(1.2), silent]) == weigh([spoken(1.2)])
    assert weigh([silent]).band == "not_assessable"
    assert weigh([silent]).probability is None


def test_another_question_is_not_weighed() -> None:
    assert weigh([Evidence("marked", "m", 5.0, "a mark")]).band == "not_assessable"


@pytest.mark.parametrize(
    ("llr", "band"),
    [(3.0, "manipulated"), (2.0, "manipulated"), (1.9, "inconclusive"), (-1.0, "no_evidence")],
)
def test_the_band_follows_from_the_thresholds_of_the_calibration(llr: float, band: str) -> None:
    told = [spoken(llr, llr_manipulated=2.0, llr_no_evidence=-1.0)]
    assert weigh(told).band == band
    assert weigh(told, prior=0.001).band == band


def test_without_thresholds_nobody_decides() -> None:
    assert weigh([spoken(40.0)]).band == "inconclusive"


PAIR = Voices({"a": 1.0, "b": 0.25}, offset=-0.5, cap=4.0, llr_manipulated=2.0, llr_no_evidence=-1.0)
LEARNED = Trust({frozenset("ab"): PAIR, frozenset("a"): Voices({"a": 0.5}, llr_manipulated=1.0)}, silent=frozenset("s"))


def test_trust_scales_what_a_source_says() -> None:
    verdict = weigh([spoken(2.0), spoken(4.0, "b")], trust=LEARNED)
    assert verdict.llr == pytest.approx(2.5)
    assert (verdict.llr_manipulated, verdict.llr_no_evidence) == (2.0, -1.0)
    assert weigh([spoken(9.0), spoken(9.0, "b")], trust=LEARNED).llr == PAIR.cap


def test_whoever_is_left_speaks_by_what_was_learned_of_it_alone() -> None:
    silent = abstention("manipulated", "b", "Too dark.")
    verdict = weigh([spoken(2.0), silent], trust=LEARNED)
    assert verdict.llr == pytest.approx(1.0)
    assert verdict.band == "manipulated"


def test_a_source_that_adds_nothing_is_shown_but_not_heard() -> None:
    assert weigh([spoken(2.0), spoken(-9.0, "s")], trust=LEARNED) == weigh([spoken(2.0)], trust=LEARNED)
    assert weigh([spoken(5.0, "s")], trust=LEARNED).band == "not_assessable"


def test_a_source_whose_calibration_supports_nothing_has_no_vote() -> None:
    context = spoken(0.0, "c", max_abs_llr=0.0)
    assert weigh([spoken(2.0), context]) == weigh([spoken(2.0)])
    assert weigh([context]).band == "not_assessable"


def test_sources_of_which_nothing_was_learned_share_one_voice_and_keep_the_strictest_thresholds() -> None:
    told = [spoken(2.0, llr_manipulated=2.5), spoken(4.0, "new", llr_manipulated=1.0)]
    verdict = weigh(told, trust=LEARNED)
    assert verdict.llr == pytest.approx(3.0)
    assert (verdict.band, verdict.llr_manipulated) == ("manipulated", 2.5)


def test_a_weak_source_alone_moves_a_verdict_to_inconclusive_at_most() -> None:
    loud = Voices({"a": 1.0, "w": 1.0}, llr_manipulated=2.0, llr_no_evidence=-1.0)
    trust = Trust({frozenset("aw"): loud, frozenset("w"): loud}, weak=frozenset("w"))
    assert weigh([spoken(-1.5), spoken(5.0, "w")], trust=trust).band == "inconclusive"
    assert weigh([spoken(5.0, "w")], trust=trust).band == "inconclusive"
    assert weigh([spoken(0.5), spoken(5.0, "w")], trust=trust).band == "manipulated"
    assert weigh([spoken(5.0), spoken(-0.5, "w")], trust=trust).band == "manipulated"


def test_the_interval_holds_the_probability() -> None:
    verdict = weigh([spoken(1.0, llr_low=0.5, llr_high=2.0)])
    assert verdict.interval == (posterior(0.5, 0.5), posterior(2.0, 0.5))


@pytest.mark.parametrize(
    "error",
    [
        MediaError("the file is empty", code="unreadable", path="a.mp4"),
        ShapeError("llr", expected="a finite number", got="nan"),
        UnknownName("detector", "nobody", ["seam"]),
        UsageError("prior"),
    ],
)
def test_an_error_comes_from_another_process_as_it_was(error: UnforgeError) -> None:
    other = pickle.loads(pickle.dumps(error))
    assert type(other) is type(error)
    assert (str(other), other.code, vars(other)) == (str(error), error.code, vars(error))


@pytest.mark.parametrize("prior", [0.0, 1.0, -1.0, 2.0, math.nan])
def test_an_impossible_prior_is_a_usage_error(prior: float) -> None:
    with pytest.raises(UsageError, match="prior"):
        weigh([], prior=prior)


def test_evidence_must_make_sense() -> None:
    with pytest.raises(ShapeError):
        Evidence("manipulated", "a", math.nan, "seen")
    with pytest.raises(ShapeError):
        Evidence("manipulated", "a", 1.0, "seen", abstained=True)
    with pytest.raises(ShapeError):
        Evidence("manipulated", "a", 1.0, "")
    with pytest.raises(ShapeError):
        Region(2.0, 1.0)
    with pytest.raises(ShapeError):
        Region(0.0, 1.0, heat=np.full((2, 2), 2.0, np.float32))
    with pytest.raises(ShapeError, match="attention"):
        Region(0.0, 1.0, attention=np.full((2, 2), -1.0, np.float32))


def test_regions_compare_by_value_heat_included() -> None:
    heat = np.eye(3, dtype=np.float32)
    assert Region(0, 1, heat=heat) == Region(0, 1, heat=heat.copy())
    assert Region(0, 1, heat=heat) != Region(0, 1)
    assert Region(0, 1, heat=heat) != Region(0, 1, heat=heat[::-1])
    assert Region(0, 1, attention=heat) == Region(0, 1, attention=heat.copy())
    assert Region(0, 1, attention=heat) != Region(0, 1)
    assert Region(0, 1) != "a region"


def test_a_curve_has_as_many_y_as_x_and_never_goes_back() -> None:
    with pytest.raises(ShapeError, match="pulse_trace"):
        Curve("pulse_trace", (0.0, 1.0), (0.0,), "s", "a.u.")
    with pytest.raises(ShapeError, match="goes back"):
        Curve("pulse_trace", (1.0, 0.0), (0.0, 0.0), "s", "a.u.")
    with pytest.raises(ShapeError, match="finite"):
        Curve("pulse_trace", (0.0, 1.0), (0.0, math.nan), "s", "a.u.")


def test_every_error_has_a_code_and_a_sentence() -> None:
    tree = [getattr(errors, name) for name in dir(errors)]
    kinds = [kind for kind in tree if isinstance(kind, type) and issubclass(kind, errors.UnforgeError)]
    assert len(kinds) == 11
    for kind in kinds:
        assert kind.code or kind is MediaError
        assert kind.__doc__


def test_a_media_error_knows_its_codes() -> None:
    error = MediaError("expected a video", code="unreadable", path=Path("a"))
    assert (error.code, error.path, str(error)) == ("unreadable", "a", "expected a video")
    with pytest.raises(ValueError, match="media error code"):
        MediaError("?", code="odd", path="a")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    package = tmp_path / "plugged"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "apple.py").write_text("colour = 'red'")
    (package / "broken.py").write_text("raise RuntimeError('imported')")
    (package / "_private.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    return Registry("plugged", [str(package)], "fruit")


def test_listing_a_folder_imports_nothing(folder: Registry) -> None:
    assert folder.available() == ("apple", "broken")


def test_loading_imports_one_file(folder: Registry) -> None:
    assert folder.module("apple").colour == "red"


def test_unknown_name_lists_the_choices(folder: Registry) -> None:
    with pytest.raises(UnknownName, match=r"unknown fruit 'pear'; available: apple, broken"):
        folder.module("pear")


@given(st.lists(st.floats(-8, 8), min_size=1, max_size=6))
def test_several_people_say_no_more_than_the_most_suspicious_of_them(llrs: list[float]) -> None:
    together = any_of(llrs)
    assert max(llrs) - math.log(len(llrs)) - 1e-9 <= together <= max(llrs) + 1e-9


def test_one_person_counts_in_full() -> None:
    assert any_of([1.25]) == pytest.approx(1.25)


def test_examiners_of_the_same_pixels_share_one_voice() -> None:
    same = [Evidence("manipulated", f"e{n}", 2.0, "Seen.", facts={"llr_manipulated": 1.5}) for n in range(3)]
    silent = abstention("manipulated", "e9", "Too dark.")
    verdict = weigh([*same, silent])
    assert verdict.llr == pytest.approx(2.0)
    assert verdict.band == "manipulated"
    assert shared_voice([]) == {}
