"""Findings: which looks are shown closely, what is said of them, and that nothing else is."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.cells import cell_len

from tests.faces_samples import portrait
from unforge.cli import _text
from unforge.evidence import Evidence, Region, abstention
from unforge.exhibit import Exhibit
from unforge.explain import finding_words, measure
from unforge.explain.findings import MOST, MOST_PER_PERSON, findings
from unforge.explain.magnify import magnified, window
from unforge.explain.vocabulary import TRACES, Said
from unforge.faces import FaceTrack, Scan, regions, scan
from unforge.media.frame import Frame
from unforge.report import ExhibitFacts, Finding, Hidden, Report, Run

FACTS = {"artefact_colour": 0.91, "artefact_sharpness": 0.2, "region_mouth": 0.8}
NOT_SAID = re.compile(r"\b(is|are) (fake|real|forged|authentic|genuine)\b")


@pytest.fixture(scope="module")
def track() -> FaceTrack:
    """Four looks at one face."""
    return scan([Frame(t, portrait()) for t in (0.0, 0.5, 1.0, 1.5)]).tracks[0]


@pytest.fixture(scope="module")
def mouth(track: FaceTrack) -> NDArray[np.float32]:
    return regions.hull_mask(track.crop_landmarks_px[0][list(regions.MOUTH)], (224, 224))[::4, ::4]


class Pointing:
    """Says of each person what it is told to, of each look a little more than of the one before; always the mouth."""

    name = "pointing"
    models = ()

    def __init__(
        self, heat: NDArray[np.float32], llrs: Mapping[int, float], facts: Mapping[str, float] | None = None
    ) -> None:
        self.heat, self.llrs, self.facts = heat, llrs, facts or {}
        self.times_asked = 0

    def examine(self, exhibit: Exhibit) -> Evidence:
        self.times_asked += 1
        seen = [region for track in exhibit.tracks for region in self.of(track)]
        return Evidence("manipulated", "pointing-1", max(self.llrs.values()), "Seen.", tuple(seen))

    def of(self, track: FaceTrack) -> list[Region]:
        llr = self.llrs.get(track.id, 1.0)
        looks = [
            Region(t, t, llr + 0.1 * n, track.id, (0, 0, 9, 9), self.heat, self.facts)
            for n, t in enumerate(track.times_s.tolist())
        ]
        return [Region(looks[0].start_s, looks[-1].end_s, llr, track.id), *looks]


def exhibit_of(*tracks: FaceTrack) -> Exhibit:
    exhibit = Exhibit(Path("never opened.mp4"))
    exhibit.scan = Scan(tracks, tuple(tracks[0].times_s.tolist()), ())
    return exhibit


def found_in(exhibit: Exhibit, examiner: Pointing) -> tuple[Finding, ...]:
    return findings(exhibit, [examiner], [examiner.examine(exhibit)])


def sentences(finding: Finding, language: str = "en") -> str:
    return " ".join(getattr(said, language) for said in finding_words.sentences(finding, is_film=True))


def some(**changes: object) -> Finding:
    plain = Finding(0, 2.0, 3.0, "x-1", 0.3, {"mouth": 0.62, "chin": 0.2, "nose": 0.18})
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_the_most_telling_looks_come_first_and_few_of_a_person(track: FaceTrack, mouth: NDArray[np.float32]) -> None:
    people = [replace(track, id=n) for n in range(4)]
    found = found_in(exhibit_of(*people), Pointing(mouth, {0: 1.0, 1: 3.0, 2: 2.0, 3: -1.0}))
    assert len(found) == MOST
    assert [finding.llr for finding in found] == sorted((finding.llr for finding in found), reverse=True)
    assert [finding.track for finding in found[:2]] == [1, 1]
    assert [finding.time_s for finding in found[:2]] == [1.5, 1.0]
    assert all(sum(f.track == n for f in found) <= MOST_PER_PERSON for n in range(4))


@pytest.mark.parametrize("llr", [-2.0, 0.0, 0.4])
def test_of_a_person_whom_hardly_anything_speaks_against_nothing_is_found(
    llr: float, track: FaceTrack, mouth: NDArray[np.float32]
) -> None:
    assert found_in(exhibit_of(track), Pointing(mouth, {0: llr})) == ()


def test_an_abstention_finds_nothing(track: FaceTrack, mouth: NDArray[np.float32]) -> None:
    silent = abstention("manipulated", "pointing-1", "Too dark.")
    assert findings(exhibit_of(track), [Pointing(mouth, {0: 3.0})], [silent]) == ()


def test_a_finding_says_where_what_was_measured_and_what_the_test_gave(
    track: FaceTrack, mouth: NDArray[np.float32]
) -> None:
    finding = found_in(exhibit_of(track), Pointing(mouth, {0: 3.0}, FACTS))[0]
    assert finding.source == "pointing-1"
    assert max(finding.parts, key=lambda part: finding.parts[part]) == "mouth"
    assert sum(finding.parts.values()) == pytest.approx(1.0)
    assert 0.02 < finding.marked < 0.3
    assert finding.artefacts == {"colour": 0.91, "sharpness": 0.2}
    assert {"colour_delta_e", "sharpness_ratio", "noise_ratio", "edge_ratio"} <= set(finding.measured)
    assert finding.hidden is not None
    assert not finding.hidden.confirmed  # this examiner says the same whatever it is shown
    assert finding.image is not None
    assert finding.image.magnified.shape == finding.image.rgb.shape


def test_the_test_asks_once_per_person(track: FaceTrack, mouth: NDArray[np.float32]) -> None:
    examiner = Pointing(mouth, {0: 3.0, 1: 2.0})
    found_in(exhibit_of(track, replace(track, id=1)), examiner)
    assert examiner.times_asked == 1 + 2


def test_of_two_examiners_the_one_who_names_kinds_of_trace_is_shown(
    track: FaceTrack, mouth: NDArray[np.float32]
) -> None:
    exhibit = exhibit_of(track, replace(track, id=1))
    examiners = [Pointing(mouth, {0: 3.5, 1: 2.0}), Pointing(mouth, {0: 3.0, 1: -1.0}, FACTS)]
    found = findings(exhibit, examiners, [examiner.examine(exhibit) for examiner in examiners])
    assert [(f.track, f.time_s, bool(f.artefacts)) for f in found] == [
        (0, 1.5, True), (0, 1.0, True), (1, 1.5, False), (1, 1.0, False),
    ]  # fmt: skip


def test_the_same_look_told_by_two_examiners_is_shown_once(track: FaceTrack, mouth: NDArray[np.float32]) -> None:
    exhibit = exhibit_of(track)
    examiners = [Pointing(mouth, {0: 3.0}), Pointing(mouth, {0: 3.0})]
    found = findings(exhibit, examiners, [examiner.examine(exhibit) for examiner in examiners])
    assert [finding.time_s for finding in found] == [1.5, 1.0]


def test_the_same_evidence_gives_the_same_findings_and_pictures(track: FaceTrack, mouth: NDArray[np.float32]) -> None:
    first, second = (found_in(exhibit_of(track), Pointing(mouth, {0: 3.0}, FACTS)) for _ in range(2))
    assert first == second
    for one, other in zip(first, second, strict=True):
        assert one.image is not None
        assert other.image is not None
        assert np.array_equal(one.image.magnified, other.image.magnified)


def test_a_face_on_which_nothing_is_marked_is_called_that(track: FaceTrack) -> None:
    finding = found_in(exhibit_of(track), Pointing(np.zeros((56, 56), np.float32), {0: 3.0}))[0]
    assert (finding.parts, finding.measured, finding.hidden, finding.marked) == ({}, {}, None, 0.0)
    assert sentences(finding) == "Face 1 at 00:01.5: no place on it is marked."


def test_the_shares_per_part_are_told_largest_first() -> None:
    text = sentences(some())
    assert text.startswith("Face 1 at 00:02.0: 30% of the face is marked")
    assert text.index("62% on the mouth") < text.index("20% on the chin") < text.index("18% on the nose")
    assert "62% 位于嘴部" in sentences(some(), "zh")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_is_said_of_what_was_not_measured(language: str) -> None:
    text = sentences(some(), language)
    for word in ("Trace", "Measured", "Test", "痕迹", "测", "检验"):
        assert word not in text


def test_only_likely_kinds_of_trace_are_named_with_their_probability() -> None:
    text = sentences(some(artefacts={"colour": 0.91, "sharpness": 0.2, "unheard of": 0.9}))
    assert "colour (91%)" in text
    assert "if the face is forged" in text
    assert "sharpness" not in text
    assert "unheard" not in text
    assert "no kind of trace" in sentences(some(artefacts={"colour": 0.2}))


def test_a_reading_that_its_measurement_does_not_bear_out_is_told() -> None:
    low, high = measure.usual("colour_delta_e", 0.3)
    read = {"colour": 0.9}
    common = sentences(some(artefacts=read, measured={"colour_delta_e": (low + high) / 2.0}))
    assert "disagree on colour" in common
    rare = some(artefacts=read, measured={"colour_delta_e": 2.0 * high})
    assert "disagree" not in sentences(rare)
    assert f"ΔE\u00a0{2.0 * high:.1f}" in sentences(rare)
    assert "disagree" not in sentences(some(artefacts={"geometry": 0.9}, measured={"colour_delta_e": low}))


@pytest.mark.parametrize("confirmed", [True, False])
def test_the_test_is_told_with_both_numbers(confirmed: bool) -> None:
    text = sentences(some(hidden=Hidden(3.0, 0.5, (2.5, 2.7, 2.9), confirmed)))
    assert "+3.0 to +0.5" in text
    assert "between +2.5 and +2.9" in text
    assert ("not confirmed" in text) is not confirmed


def test_a_test_in_which_hiding_as_such_raises_the_evidence_is_said_to_tell_nothing() -> None:
    assert "cannot tell" in sentences(some(hidden=Hidden(1.3, 3.0, (2.8, 2.9), False)))
    assert "cannot tell" not in sentences(some(hidden=Hidden(1.3, 3.0, (1.2, 2.9), False)))


def test_evidence_that_does_not_move_is_said_to_stay() -> None:
    text = sentences(some(hidden=Hidden(3.8, 3.8, (3.8,), False)))
    assert "stays at +3.8" in text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_line_for_the_terminal_fits(language: str) -> None:
    full = some(
        track=39, time_s=5000.0, artefacts=dict.fromkeys(TRACES, 0.99), parts={"left cheek": 0.3, "right cheek": 0.3},
        hidden=Hidden(4.2, -3.4, (2.5, 2.7, 2.9), False),
    )  # fmt: skip
    facts = ExhibitFacts("a.mp4", media="video")
    lines = list(_text.lines(Report(facts, Run("1", (), "", 0.0), findings=(full, some())), language))
    assert all(cell_len(line) <= 80 for line in lines)
    assert any(Said("Face 40", "人脸 40")[language == "zh"] in line for line in lines)


def test_no_sentence_calls_a_face_forged() -> None:
    everything = some(
        artefacts=dict.fromkeys(TRACES, 0.9), measured={key: 99.0 for key in measure.UNTOUCHED_PART},
        hidden=Hidden(3.0, 0.5, (2.5,), True),
    )  # fmt: skip
    assert not NOT_SAID.search(sentences(everything).replace("if the face is forged", ""))
    english, chinese = (list(finding_words.sentences(everything, True)) for _ in range(2))
    assert len(english) == len(chinese)
    assert all(re.search("[\u4e00-\u9fff]", said.zh) for said in english)


def test_the_magnifier_shows_the_border_of_the_mark_and_exaggerates(
    track: FaceTrack, mouth: NDArray[np.float32]
) -> None:
    crop = track.crops[0]
    x0, y0, x1, y1 = window(crop, mouth)
    inside = mouth[y0 // 4 : y1 // 4, x0 // 4 : x1 // 4]
    assert 0 <= x0 < x1 <= 224
    assert 0 <= y0 < y1 <= 224
    assert 0.1 < float((inside > 0.5).mean()) < 0.9
    shown, box_px = magnified(crop, mouth)
    assert box_px == (x0, y0, x1, y1)
    assert shown.astype(float).std() > crop[y0:y1, x0:x1].astype(float).std()


@pytest.mark.parametrize("heat", [0.0, 1.0])
def test_the_magnifier_needs_no_border(heat: float, track: FaceTrack) -> None:
    shown, (x0, y0, x1, y1) = magnified(track.crops[0], np.full((56, 56), heat, np.float32))
    assert shown.shape == (224, 224, 3)
    assert 0 <= x0 < x1 <= 224
    assert 0 <= y0 < y1 <= 224
