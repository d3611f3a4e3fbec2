"""Long films: scanned, looked at closely where they are suspicious, pooled honestly, and gone on with after a stop."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faces_samples import scene
from unforge import Report, detect, examine, faces, film
from unforge.evidence import Evidence, Region, abstention
from unforge.exhibit import Exhibit
from unforge.film import parts, suspicion, unfinished
from unforge.film.pooled import SPAN_S, Answer, from_looks, of_film
from unforge.film.suspicion import STEP_S, Suspicion
from unforge.media.frame import Frame
from unforge.media.write import write_video
from unforge.report import Face, FaceFrame, FaceImage
from unforge.seen import Seen

CAP = 5.0


def answer(start_s: float, llr: float) -> Answer:
    return Answer(start_s, llr, llr - 0.5, llr + 0.5)


# Pooling


def test_a_film_that_says_the_same_everywhere_says_it_as_a_whole() -> None:
    quick = [answer(SPAN_S * n, -1.5) for n in range(300)]
    whole = of_film(quick, [answer(30.0, -1.5)])
    assert whole.llr == pytest.approx(-1.5)
    assert (whole.low, whole.high) == pytest.approx((-2.0, -1.0))


def test_one_loud_span_of_many_pays_for_the_others() -> None:
    quick = [answer(SPAN_S * n, -1.0) for n in range(300)]
    whole = of_film(quick, [answer(2010.0, 5.0)])
    assert whole.llr == pytest.approx(math.log((math.exp(5.0) + 299 * math.exp(-1.0)) / 300))
    assert whole.llr < 0.0


def test_a_closer_look_takes_the_place_of_the_quick_one() -> None:
    whole = of_film([answer(0.0, 4.0), answer(12.0, 4.0)], [answer(6.0, -4.0)])
    assert whole.llr == pytest.approx(math.log((math.exp(-4.0) + math.exp(4.0)) / 2))
    assert of_film([answer(0.0, 4.0)], [answer(0.0, -4.0)]).llr == pytest.approx(-4.0)


@given(st.lists(st.floats(-CAP, CAP), min_size=1, max_size=40), st.lists(st.floats(-CAP, CAP), max_size=3))
def test_a_film_says_neither_more_nor_less_than_its_spans(quick: list[float], closely: list[float]) -> None:
    whole = of_film(
        [answer(SPAN_S * n, llr) for n, llr in enumerate(quick)],
        [answer(3.0 + 2 * SPAN_S * n, llr) for n, llr in enumerate(closely)],
    )
    assert min(*quick, *closely, CAP) - 1e-9 <= whole.llr <= max(*quick, *closely, -CAP) + 1e-9
    assert whole.low <= whole.llr <= whole.high


def test_several_people_in_a_span_share_its_suspicion() -> None:
    looks = [Region(0.0, 0.0, llr, track, (0, 0, 9, 9)) for track, llr in ((0, 4.0), (0, 2.0), (1, 0.0))]
    found = from_looks(looks, 0.0)
    assert found is not None
    assert found.llr == pytest.approx(math.log((math.exp(3.0) + 1.0) / 2))
    assert from_looks([], 0.0) is None


# Where to look closer


def scanned(llr_of: dict[float, float]) -> Suspicion:
    """A film with one person who is looked at every two seconds; llrs by second, -1 elsewhere."""
    times_s = [2.0 * n for n in range(300)]
    looks = tuple(Region(t, t, llr_of.get(t, -1.0), 0, (0, 0, 90, 90)) for t in times_s)
    said = Evidence("manipulated", "finegrained-2", 0.0, "Seen.", looks, {"llr_manipulated": 2.0})
    face = Face(0, 0.0, 598.0, 0.5, 0.0, tuple(FaceFrame(t, (0, 0, 90 + (t > 500), 90), -1.0) for t in times_s))
    return Suspicion({"finegrained": [said]}, [face])


def test_the_closer_look_goes_where_the_scan_was_loud() -> None:
    chosen = scanned({t: 3.0 for t in (310.0, 312.0, 314.0, 316.0, 318.0)}).closer()
    assert abs(chosen[0] - 309.0) <= STEP_S / 2
    assert len(chosen) == suspicion.MOST_SPANS + 1
    assert all(abs(one - other) >= SPAN_S for n, one in enumerate(chosen) for other in chosen[:n])


def test_the_span_that_shows_somebody_best_is_among_them() -> None:
    assert max(scanned({}).closer()) > 498.0


def test_one_loud_look_weighs_less_than_several_that_agree() -> None:
    lonely = Suspicion(
        {
            "finegrained": [
                Evidence(
                    "manipulated",
                    "finegrained-2",
                    0.0,
                    "Seen.",
                    tuple(
                        Region(t, t, llr, 0, (0, 0, 90, 90))
                        for t, llr in ((10.0, 3.0), *((200.0 + 2 * n, 2.5) for n in range(5)))
                    ),
                    {},
                )
            ]
        },
        [],
    )
    assert 190.0 < lonely.closer()[0] < 206.0


# Unfinished work


def seen_once() -> Seen:
    rng = np.random.default_rng(0)
    image = FaceImage(1.5, 2.0, rng.integers(0, 255, (8, 8, 3), dtype=np.uint8), rng.random((4, 4), np.float32))
    face = Face(3, 1.0, 2.0, 0.7, 0.9, (FaceFrame(1.5, (1, 2, 3, 4), None),), (image,))
    heat = rng.random((5, 5), np.float32)
    said = Evidence("manipulated", "s-1", 0.1, "Seen.", (Region(1.5, 1.5, 0.3, 3, (1, 2, 3, 4), heat),), {"x": 1.0})
    return Seen((said,), (face,))


def test_a_kept_part_comes_back_as_it_was(tmp_path: Path) -> None:
    kept = film.Unfinished(tmp_path, ["a file", 0.5])
    seen, facts = kept.put("piece-0", seen_once(), {"next_s": 120.04, "tracks": 4})
    again = film.Unfinished(tmp_path, ["a file", 0.5]).get("piece-0")
    assert again is not None
    assert again == (seen, facts) == (seen_once(), {"next_s": 120.04, "tracks": 4})
    for one in (again[0], seen):
        assert np.array_equal(one.faces[0].images[0].rgb, seen_once().faces[0].images[0].rgb)
        assert np.array_equal(one.faces[0].images[0].heat, seen_once().faces[0].images[0].heat)


def test_parts_of_other_examinations_are_not_taken(tmp_path: Path) -> None:
    film.Unfinished(tmp_path, ["a file", 0.5]).put("piece-0", seen_once(), {})
    assert film.Unfinished(tmp_path, ["a file", 0.9]).get("piece-0") is None
    assert film.Unfinished(tmp_path, ["another file", 0.5]).get("piece-0") is None


def test_a_damaged_part_is_ignored(tmp_path: Path) -> None:
    kept = film.Unfinished(tmp_path, ["a file"])
    kept.put("piece-0", seen_once(), {"tracks": 4})
    path = next(kept.folder.iterdir())
    whole = path.read_text()
    for damaged in ("", "{", "[]", "3", whole[:-40], whole.replace('"tracks": 4', '"tracks": 5'), '{"sha256": ""}'):
        path.write_text(damaged)
        assert kept.get("piece-0") is None
    path.write_text(whole)
    assert kept.get("piece-0") is not None


def test_finished_work_leaves_nothing_behind_and_forgets_what_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, stopped = film.Unfinished(tmp_path, ["done"]), film.Unfinished(tmp_path, ["stopped"])
    for one in (done, stopped):
        one.put("piece-0", seen_once(), {})
    done.discard()
    assert stopped.get("piece-0") is not None
    assert [path.name for path in tmp_path.iterdir()] == [stopped.folder.name]
    monkeypatch.setattr(unfinished, "KEPT_S", -1.0)
    done.discard()
    assert list(tmp_path.iterdir()) == []


def test_unfinished_work_lies_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(unfinished.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert film.default_folder().parent == tmp_path / "unforge"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert film.default_folder().is_relative_to(tmp_path / "home" / ".cache")


def test_a_folder_that_cannot_be_written_stops_the_work_only_where_it_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    film.Unfinished(tmp_path / "file", ["a"]).put("piece-0", seen_once(), {})
    with pytest.raises(OSError, match="unfinished"):
        film.Unfinished(tmp_path / "file", ["a"], demanded=True).put("piece-0", seen_once(), {})


# A film from a file to a report


FORGED_S = (62.0, 72.0)
RATE_HZ = 2.0
LASTS_S = 130.0


class Reds:
    """Takes red faces for forged: an examiner of single looks, in the place of a network."""

    models = ()

    def __init__(self, name: str) -> None:
        self.name = name

    def examine(self, exhibit: Exhibit) -> Evidence:
        regions = []
        for track in exhibit.tracks:
            middle = track.crops[:, 80:144, 80:144].astype(float).mean(axis=(1, 2))
            llrs = np.where(middle[:, 0] - middle[:, 2] > 70.0, CAP, -2.0)
            times_s = track.times_s.tolist()
            regions.append(Region(times_s[0], times_s[-1], float(llrs.mean()), track.id))
            for time_s, llr, box in zip(times_s, llrs.tolist(), track.boxes_px.astype(int).tolist(), strict=True):
                regions.append(Region(time_s, time_s, llr, track.id, tuple(box)))
        if not regions:
            return abstention("manipulated", f"{self.name}-0", "No face was found.")
        llr = max(region.llr for region in regions if region.box_px is None)
        facts = {"llr_manipulated": 2.0, "llr_no_evidence": -1.0, "threshold_fpr": 0.01, "max_abs_llr": CAP}
        return Evidence("manipulated", f"{self.name}-0", llr, "Seen.", tuple(regions), facts)


def pictures(forged_s: Sequence[float]) -> Iterator[np.ndarray]:
    calm = [scene((320, 240), (130 + 4 * n, 120, 90)) for n in range(8)]
    red = [np.clip(rgb + np.array([70, -20, -40]), 0, 255).astype(np.uint8) for rgb in calm]
    for n in range(round(LASTS_S * RATE_HZ)):
        forged = forged_s[0] <= n / RATE_HZ < forged_s[1]
        yield (red if forged else calm)[abs(n % 14 - 7)]


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "long.mkv"
    write_video(path, pictures(FORGED_S), [n / RATE_HZ for n in range(round(LASTS_S * RATE_HZ))])
    return path


def one_person(frames: Iterable[Frame], most: int = 8) -> faces.Scan:
    """Somebody who fills the middle of every picture: no network has to find them."""
    looks = [(frame.time_s, cv2.resize(frame.rgb[60:180, 70:190], (224, 224))) for frame in frames]
    times_s = np.array([time_s for time_s, _ in looks])
    n = len(looks)
    track = faces.FaceTrack(
        id=0,
        times_s=times_s,
        boxes_px=np.tile(np.array([90, 75, 170, 165], np.float32), (n, 1)),
        landmarks_px=np.zeros((n, 468, 2), np.float32),
        size_px=np.full(n, 90.0, np.float32),
        sharpness=np.full(n, 20.0, np.float32),
        yaw_deg=np.zeros(n, np.float32),
        blockiness=np.ones(n, np.float32),
        crops=np.stack([crop for _, crop in looks]),
        crop_landmarks_px=np.zeros((n, 468, 2), np.float32),
    )
    return faces.Scan((track,), tuple(times_s.tolist()), ())


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Films of minutes stand for films of hours, a patch of colour for a face."""
    monkeypatch.setattr(faces, "scan", one_person)
    monkeypatch.setattr(parts, "PIECE_S", 60.0)
    monkeypatch.setattr(suspicion, "MOST_SPANS", 1)
    monkeypatch.setattr(parts, "MOST_SPANS", 1)
    monkeypatch.setattr(detect, "available", lambda: ("finegrained", "pulse"))
    monkeypatch.setattr(detect, "load", Reds)


@pytest.fixture(scope="module")
def told() -> list[tuple[str, float]]:
    return []


@pytest.fixture(scope="module")
def reports() -> dict[str, Report]:
    """Made by the first test that asks: the patches above hold within tests only."""
    return {}


@pytest.fixture
def report(long_film: Path, reports: dict[str, Report], told: list[tuple[str, float]], tmp_path: Path) -> Report:
    if "whole" not in reports:
        reports["whole"] = examine(
            long_film, state=tmp_path / "state", on_progress=lambda what, share: told.append((what, share))
        )
        assert list((tmp_path / "state").iterdir()) == []
    return reports["whole"]


def comparable(report: Report) -> str:
    data = report.to_dict()
    data.pop("run")
    return json.dumps(data)


def test_a_forged_ten_seconds_are_named(report: Report) -> None:
    assert report.verdict is not None
    assert report.verdict.band in ("manipulated", "inconclusive")
    said = next(answer for answer in report.evidence if answer.source == "finegrained-0")
    assert float(said.facts["span_llr"]) > 2.0
    start_s, end_s = float(said.facts["span_start_s"]), float(said.facts["span_end_s"])
    assert min(end_s, FORGED_S[1]) - max(start_s, FORGED_S[0]) >= 9.0
    assert "01:0" in report.explanation["en"][1]
    assert "最可疑" in report.explanation["zh"][1]
    assert abs(said.llr) <= float(said.facts["max_abs_llr"])
    assert float(said.facts["llr_low"]) <= said.llr <= float(said.facts["llr_high"])


def test_every_examiner_answers_once_for_the_whole_film(report: Report) -> None:
    assert [answer.source for answer in report.evidence] == ["finegrained-0", "pulse-0"]
    assert report.evidence[1].facts["spans_closely"] == 2.0
    assert report.evidence[1].llr < report.evidence[0].facts["span_llr"]


def test_the_timeline_runs_over_the_whole_film(report: Report) -> None:
    spans = [region for region in report.evidence[0].regions if region.track is None]
    assert [region.start_s for region in spans] == [SPAN_S * n for n in range(11)]
    assert max(spans, key=lambda region: region.llr).start_s == 60.0


def test_every_appearance_of_a_face_is_one_face_with_its_times(report: Report) -> None:
    assert len({face.track for face in report.faces}) == len(report.faces)
    assert min(face.start_s for face in report.faces) == 0.0
    assert max(face.end_s for face in report.faces) > 125.0
    known = {face.track for face in report.faces} | {None}
    assert {region.track for answer in report.evidence for region in answer.regions} <= known
    loudest = max(report.faces, key=lambda face: face.llr or -CAP)
    assert loudest.end_s > FORGED_S[0]
    assert loudest.start_s < FORGED_S[1]
    assert loudest.images


def test_progress_never_falls_and_ends_at_the_whole(report: Report, told: list[tuple[str, float]]) -> None:
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[0] < 0.1
    assert shares[-1] == 1.0
    assert len({round(share, 1) for share in shares}) >= 8
    assert film.GOING_ON not in {what for what, _ in told}


class Stopped:
    """Presses Ctrl-C when a share of the work is done."""

    def __init__(self, at: float) -> None:
        self.at, self.told = at, list[tuple[str, float]]()

    def __call__(self, what: str, share: float) -> None:
        self.told.append((what, share))
        if share >= self.at:
            raise KeyboardInterrupt


def test_a_stopped_examination_goes_on_and_ends_as_if_it_had_not_been(
    report: Report, long_film: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "renamed.mkv"
    copy.write_bytes(long_film.read_bytes())
    state = tmp_path / "state"
    for at in (0.02, 0.4, 0.75, 0.97):
        stopped = Stopped(at)
        with pytest.raises(KeyboardInterrupt):
            examine(copy, state=state, on_progress=stopped)
        if at > 0.4:
            assert film.GOING_ON in [what for what, _ in stopped.told]
    last = Stopped(2.0)
    again = examine(copy, state=state, on_progress=last)
    going_on = next(share for what, share in last.told if what == film.GOING_ON)
    assert going_on > 0.5
    assert comparable(again) == comparable(report).replace(str(long_film), str(copy))
    for one, other in zip(again.faces, report.faces, strict=True):
        assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(one.images, other.images, strict=True))
    assert list(state.iterdir()) == []
