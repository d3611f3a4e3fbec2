"""The spine: from a file to a report."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.faces_samples import portrait, scene
from unforge import Report, detect, examine, weights
from unforge.cli import sample
from unforge.detect.finegrained import ARTEFACTS
from unforge.errors import UnknownName, UsageError
from unforge.evidence import Evidence, Region
from unforge.exhibit import GAP_S, Exhibit
from unforge.media.write import write_video


def write(path: Path, rgb: NDArray[np.uint8]) -> Path:
    cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds with two people, one of whom leaves."""
    path = tmp_path_factory.mktemp("clip") / "two.mp4"
    times_s = [n / 10 for n in range(20)]
    people = [[(160, 170, 110), (470, 170, 110)] if t < 1.2 else [(160, 170, 110)] for t in times_s]
    write_video(path, (scene((640, 360), *faces) for faces in people), times_s)
    return path


@pytest.fixture(scope="module")
def report(clip: Path) -> Report:
    return examine(clip)


def comparable(report: Report) -> str:
    """A report without the clock and the path."""
    data = report.to_dict()
    data["run"].pop("started")
    data["run"].pop("elapsed_s")
    data["exhibit"].pop("path")
    return json.dumps(data)


def test_a_clip_gets_a_verdict_with_reasons(report: Report) -> None:
    assert report.error is None
    assert report.verdict is not None
    assert report.verdict.band in ("manipulated", "inconclusive", "no_evidence")
    versions = {weights.card(name).details["version"] for name in ("finegrained", "seam")}
    assert {answer.source for answer in report.evidence} >= versions
    assert len(report.evidence) == len(detect.available())
    assert report.exhibit.media == "video"
    assert report.exhibit.size_wh == (640, 360)
    assert set(report.explanation) == set(report.limits) == {"en", "zh"}
    assert {model.name for model in report.run.models} >= {"finegrained", "face_landmark"}


def test_each_person_has_a_block_with_times_and_pictures(report: Report) -> None:
    assert [face.track for face in report.faces] == [0, 1]
    stayed, left = sorted(report.faces, key=lambda face: -face.end_s)
    assert (stayed.start_s, left.start_s) == (0.0, 0.0)
    assert left.end_s < 1.3 < stayed.end_s
    for face in report.faces:
        assert face.llr is not None
        assert face.images
        assert len(face.frames) == len({frame.time_s for frame in face.frames})
        assert all(frame.llr is not None for frame in face.frames)


def test_the_same_file_twice_gives_the_same_report(clip: Path, report: Report, tmp_path: Path) -> None:
    copy = tmp_path / "another name.mp4"
    copy.write_bytes(clip.read_bytes())
    assert comparable(examine(copy)) == comparable(report)


def test_the_original_is_never_written_to(clip: Path) -> None:
    before = (clip.read_bytes(), clip.stat().st_mtime_ns)
    examine(clip)
    assert (clip.read_bytes(), clip.stat().st_mtime_ns) == before


def test_a_picture_without_faces_cannot_be_assessed_and_says_why(tmp_path: Path) -> None:
    report = examine(write(tmp_path / "wall.png", scene((320, 240))))
    assert report.verdict is not None
    assert report.verdict.band == "not_assessable"
    assert report.verdict.probability is None
    assert any("No face" in answer.note for answer in report.evidence)


def test_a_face_that_is_too_small_is_shown_but_not_judged(tmp_path: Path) -> None:
    report = examine(write(tmp_path / "small.png", scene((640, 480), (320, 240, 45))))
    assert report.verdict is not None
    assert report.verdict.band == "not_assessable"
    assert len(report.faces) == 1
    assert report.faces[0].llr is None
    assert report.faces[0].frames[0].llr is None
    assert any("px" in answer.note for answer in report.evidence)


def test_a_file_that_cannot_be_read_is_an_error_in_the_report(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("not a film")
    report = examine(tmp_path / "a.mp4")
    assert report.error is not None
    assert report.error.code == "not_media"
    assert report.verdict is None
    assert Report.from_json(report.to_json()) == report


def test_the_prior_moves_the_probability_and_not_the_band(tmp_path: Path) -> None:
    path = write(tmp_path / "face.png", portrait())
    even, rare = examine(path), examine(path, prior=0.01)
    assert even.verdict is not None
    assert rare.verdict is not None
    assert even.verdict.band == rare.verdict.band
    assert even.verdict.llr == rare.verdict.llr
    assert (rare.verdict.probability or 1.0) < (even.verdict.probability or 0.0)


def test_wrong_settings_are_told_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="finegrained"):
        examine(tmp_path / "absent.mp4", examiners=["plse"])
    with pytest.raises(UsageError):
        examine(tmp_path / "absent.mp4", prior=1.5)


def test_progress_rises_to_its_end(clip: Path) -> None:
    told: list[tuple[str, float]] = []
    examine(clip, on_progress=lambda stage, share: told.append((stage, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert told[0][0] == "faces"
    assert {stage for stage, _ in told} >= {"faces", *detect.available()}
    assert shares[0] < 0.2
    assert shares[-1] == 1.0


def test_every_examiner_through_the_protocol_counts(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Sure:
        name = "sure"
        models = ()

        def examine(self, exhibit: Exhibit) -> Evidence:
            track = exhibit.tracks[0]
            seen = Region(0.0, 1.0, 3.0, track.id)
            return Evidence("manipulated", "sure-1", 3.0, "Seen.", (seen,), {"llr_manipulated": 2.0})

    monkeypatch.setattr(detect, "available", lambda: ("sure",))
    monkeypatch.setattr(detect, "load", lambda name: Sure())
    report = examine(clip)
    assert report.verdict is not None
    assert report.verdict.band == "manipulated"
    assert report.faces[0].llr == 3.0
    assert report.faces[1].llr is None


def test_what_is_shown_for_context_does_not_water_down_a_person(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Says:
        models = ()

        def __init__(self, name: str, llr: float, most: float) -> None:
            self.name, self.llr, self.most = name, llr, most

        def examine(self, exhibit: Exhibit) -> Evidence:
            seen = Region(0.0, 1.0, self.llr, exhibit.tracks[0].id)
            return Evidence("manipulated", self.name, self.llr, "Seen.", (seen,), {"max_abs_llr": self.most})

    said = {"sure": Says("sure", 3.0, 4.0), "context": Says("context", 0.0, 0.0)}
    monkeypatch.setattr(detect, "load", said.get)
    assert examine(clip, examiners=["sure", "context"]).faces[0].llr == 3.0
    assert examine(clip, examiners=["context"]).faces[0].llr is None


def test_each_thing_is_decoded_at_most_once(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import unforge.exhibit

    calls: list[str] = []
    for name in ("probe", "frames"):
        original = getattr(unforge.exhibit, name)
        monkeypatch.setattr(
            unforge.exhibit, name, lambda *a, _f=original, _n=name, **k: (calls.append(_n), _f(*a, **k))[1]
        )
    exhibit = Exhibit(clip)
    for _ in range(2):
        assert exhibit.tracks
        assert exhibit.facts.kind == "video"
    assert sorted(calls) == ["frames", "probe"]


def test_a_stand_in_shows_other_people_in_the_same_file(clip: Path) -> None:
    exhibit = Exhibit(clip)
    first, second = exhibit.tracks
    other = exhibit.showing([second])
    assert other.tracks == (second,)
    assert other.facts is exhibit.facts or other.facts == exhibit.facts
    assert other.scan.times_s == exhibit.scan.times_s
    assert exhibit.tracks == (first, second)


def test_a_forged_clip_is_looked_at_closely(tmp_path: Path) -> None:
    path = tmp_path / "forged.mp4"
    sample.make_forged_clip(path)
    report = examine(path, examiners=["finegrained"])
    assert len(report.findings) == 2
    for finding in report.findings:
        assert finding.track == 0
        assert finding.time_s in {frame.time_s for frame in report.faces[0].frames}
        assert finding.marked > 0.5
        assert finding.hidden is not None
        assert finding.image is not None
        assert set(finding.artefacts) <= set(ARTEFACTS)
        assert all(0.0 <= share <= 1.0 for share in finding.artefacts.values())
    assert any("of the face is marked" in sentence for sentence in report.explanation["en"])
    assert Report.from_json(report.to_json()).findings == report.findings


def test_an_untouched_face_has_no_findings(tmp_path: Path) -> None:
    report = examine(write(tmp_path / "face.png", portrait()), examiners=["finegrained"])
    assert report.findings == ()
    assert not any("marked" in sentence for sentence in report.explanation["en"])


def test_a_long_film_is_looked_at_by_its_key_frames(tmp_path: Path) -> None:
    path = tmp_path / "long.mkv"
    pictures = [scene((320, 240), (150 + 3 * n, 120, 90)) for n in range(12)]
    times_s = [n * 0.5 for n in range(260)]
    write_video(path, (pictures[n % 12] for n in range(260)), times_s)
    exhibit = Exhibit(path)
    assert exhibit.is_long
    assert exhibit.scan.times_s[-1] > 120.0
    assert max(np.diff(exhibit.scan.times_s)) <= GAP_S + 0.5
    assert exhibit.tracks
    assert set(exhibit.scan.times_s) <= set(times_s)


def test_a_span_is_an_exhibit_on_the_clock_of_its_film(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    times_s = [n * 0.25 for n in range(112)]
    write_video(path, (scene((320, 240), (100 + n, 120, 90)) for n in range(112)), times_s)
    whole = Exhibit(path)
    part = whole.span(24.0, 26.0, first_track=7)
    assert part.facts is whole.facts
    assert part.scan.times_s == tuple(t for t in times_s if 24.0 <= t < 26.0)
    assert part.next_s == 26.0
    assert [track.id for track in part.tracks] == [track.id for track in part.close_ups] == [7]
    assert part.close_ups[0].times_s.tolist() == list(part.scan.times_s)
    middle = part.tracks[0].landmarks_px[:, :, 0].mean(axis=1)
    assert np.allclose(middle, 100 + 4 * part.tracks[0].times_s, atol=6.0)


def test_a_fast_examination_looks_less_often_and_asks_fewer(clip: Path, report: Report) -> None:
    fast = examine(clip, profile="fast")
    names = [name for name in detect.available() if name in detect.FAST]
    assert [answer.source for answer in fast.evidence] == [
        answer.source for name, answer in zip(detect.available(), report.evidence, strict=True) if name in names
    ]
    assert len(fast.faces[0].frames) < len(report.faces[0].frames)
    chosen = examine(clip, profile="fast", examiners=["seam"])
    assert len(chosen.evidence) == 1
    with pytest.raises(UsageError, match="fast"):
        examine(clip, profile="hasty")  # type: ignore[arg-type]
