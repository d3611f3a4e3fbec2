"""The examiner `pulse`: what it tells of faces that beat, do not beat, or cannot be read."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.faces_samples import portrait
from unforge import faces
from unforge.detect import _skin
from unforge.detect import pulse as lane
from unforge.detect.pulse import Person, Pulse, Said
from unforge.evidence import Evidence
from unforge.exhibit import Exhibit
from unforge.faces import FaceTrack, align
from unforge.faces.regions import OVAL, hull_mask
from unforge.media.frame import Frame
from unforge.media.write import write_video

Floats = NDArray[np.float64]
Picture = NDArray[np.uint8]

SIDE_PX = 224
TINT = np.array([0.33, 0.77, 0.53], np.float32)
GRAIN = np.random.default_rng(0).standard_normal((20 * SIDE_PX, SIDE_PX, 3)).astype(np.float32)


def head() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The portrait's head (224, 224, 3) with the mesh (468, 2) on it; the face is 130 px high."""
    scaled = cv2.resize(portrait(), None, fx=1.2, fy=1.2, interpolation=cv2.INTER_CUBIC)
    (track,) = faces.scan([Frame(0.0, np.asarray(scaled, np.uint8))]).tracks
    low = np.round(track.landmarks_px[0].mean(axis=0) - SIDE_PX / 2).astype(int)
    picture = scaled[low[1] : low[1] + SIDE_PX, low[0] : low[0] + SIDE_PX]
    return picture.astype(np.float32), track.landmarks_px[0] - low.astype(np.float32)


HEAD, MESH = head()
FACE = hull_mask(MESH[list(OVAL)], (SIDE_PX, SIDE_PX))[..., None]
FOREHEAD = FACE * (np.arange(SIDE_PX)[:, None, None] < MESH[9, 1] + 2)


def times(duration_s: float = 9.0, rate_hz: float = 30.0) -> Floats:
    return np.arange(round(duration_s * rate_hz)) / rate_hz


def beat(bpm: float, times_s: Floats) -> Floats:
    phase = 2 * np.pi * bpm / 60.0 * times_s + 0.2 * np.sin(2 * np.pi * 0.11 * times_s)
    return np.asarray(np.sin(phase) + 0.3 * np.sin(2 * phase - 1.0))


def film(
    times_s: Floats,
    *tints: tuple[NDArray[np.float32], float],
    picture: NDArray[np.float32] = HEAD,
    amplitude: float = 0.006,
    noise: float = 1.5,
) -> list[Picture]:
    """Frames of a still head under a noisy camera; each (mask, bpm) beats at its place."""
    rng = np.random.default_rng(1)
    waves = [(mask * picture * TINT, beat(bpm, times_s)) for mask, bpm in tints]
    shown = []
    for n in range(len(times_s)):
        top = int(rng.integers(len(GRAIN) - SIDE_PX))
        seen = picture + noise * GRAIN[top : top + SIDE_PX]
        for tint, wave in waves:
            seen = seen - np.float32(amplitude * wave[n]) * tint
        shown.append(np.clip(np.round(seen), 0, 255).astype(np.uint8))
    return shown


def track_of(
    shown: list[Picture], times_s: Floats, moved_px: Floats | None = None, tremble_px: float = 0.2
) -> FaceTrack:
    """The close-up of these frames, with landmarks that tremble as a mesh does."""
    rng = np.random.default_rng(2)
    moved_px = np.zeros((len(shown), 2)) if moved_px is None else moved_px
    meshes = [MESH + step + tremble_px * rng.standard_normal((1, 2)) for step in moved_px]
    matrices = [align.face_square(mesh, align.CROP_MARGIN, align.CROP_PX) for mesh in meshes]
    placed = [mesh @ matrix[:, :2].T + matrix[:, 2] for mesh, matrix in zip(meshes, matrices, strict=True)]
    flat = np.ones(len(shown), np.float32)
    return FaceTrack(
        id=0,
        times_s=times_s,
        boxes_px=np.array([(*mesh.min(axis=0), *mesh.max(axis=0)) for mesh in meshes], np.float32),
        landmarks_px=np.array(meshes, np.float32),
        size_px=130 * flat,
        sharpness=20 * flat,
        yaw_deg=0 * flat,
        blockiness=flat,
        crops=np.stack([align.warp(rgb, m, align.CROP_PX) for rgb, m in zip(shown, matrices, strict=True)]),
        crop_landmarks_px=np.array(placed, np.float32),
    )


def read(shown: list[Picture], times_s: Floats, moved_px: Floats | None = None) -> Person:
    person = Pulse().read(track_of(shown, times_s, moved_px), (SIDE_PX, SIDE_PX))
    assert isinstance(person, Person), person
    return person


@pytest.fixture(scope="module")
def beating() -> FaceTrack:
    times_s = times()
    return track_of(film(times_s, (FACE, 66.0)), times_s)


def answered(*tracks: FaceTrack) -> Evidence:
    class Filmed(Exhibit):
        close_ups = tracks  # type: ignore[assignment]

        class facts:  # type: ignore[assignment]
            kind, size_wh = "video", (SIDE_PX, SIDE_PX)

    return Pulse().examine(Filmed("nowhere.mp4"))


def test_a_pulse_is_told_with_all_that_a_reader_can_check(beating: FaceTrack) -> None:
    answer = answered(beating)
    assert not answer.abstained
    assert f"A pulse of {answer.facts['pulse_bpm']:.0f} bpm" in answer.note
    assert "nothing for authenticity" in answer.note
    assert "脉搏" in str(answer.facts["note_zh"])
    assert answer.facts["pulse_bpm"] == pytest.approx(66.0, abs=1.5)
    for method in ("pos", "chrom", "green", "ica", "lgi"):
        assert answer.facts[f"pulse_bpm_{method}"] == pytest.approx(66.0, abs=3.0)
    assert float(answer.facts["p_value"]) <= lane.SIGNIFICANT
    assert float(answer.facts["coherence"]) > 0.4
    assert abs(float(answer.facts["phase_lag_ms"])) < 60.0
    assert abs(float(answer.facts["coherence_background"])) < 0.5
    (region,) = answer.regions
    assert (region.track, region.box_px, region.llr) == (0, None, 0.0)


def test_a_pulse_never_moves_a_verdict(beating: FaceTrack) -> None:
    answer = answered(beating)
    assert answer.llr == answer.facts["llr_low"] == answer.facts["llr_high"] == answer.facts["max_abs_llr"] == 0.0


def test_the_curves_show_the_trace_and_its_peak(beating: FaceTrack) -> None:
    trace, spectrum = answered(beating).curves
    assert (trace.name, trace.x_unit, spectrum.name, spectrum.x_unit) == ("pulse_trace", "s", "pulse_spectrum", "bpm")
    assert trace.x[-1] == pytest.approx(8.97, abs=0.1)
    assert spectrum.x[int(np.argmax(spectrum.y))] == pytest.approx(66.0, abs=2.0)
    assert sum(spectrum.y) == pytest.approx(1.0, abs=1e-3)
    assert sum(np.diff(np.signbit(trace.y))) == pytest.approx(2 * 66 / 60 * 9, abs=4)


@pytest.mark.parametrize(
    ("changed", "finding", "word"),
    [
        ({"amplitude": 0.0001}, "faint", "0.010 % only"),
        ({"lag_ms": -320.0, "p_by_part": np.ones(3)}, "scattered", "320 ms apart"),
        ({"lag_ms": -320.0}, "disagreement", "disagree"),
        ({"p_rhythm": 0.2}, "nothing", "p = 0.200"),
        ({"motion_share": 0.8, "motion_px": 1.0}, "motion", "moves in the rhythm"),
        ({"motion_share": 0.8, "motion_px": 0.05}, "pulse", "A pulse of"),
        ({"p_background": 0.002, "background_share": 0.9}, "light", "background"),
        ({"p_background": 0.002, "background_share": 0.1}, "pulse", "A pulse of"),
        ({"bpm_by_part": np.array([66.0, 132.0, 66.0]), "p_by_part": np.zeros(3)}, "pulse", "A pulse of"),
    ],
)
def test_what_explains_a_rhythm_otherwise_is_said(
    beating: FaceTrack, changed: dict[str, object], finding: str, word: str
) -> None:
    person = Pulse().read(beating, (SIDE_PX, SIDE_PX))
    assert isinstance(person, Person)
    rhythm = replace(person.rhythm, **changed)  # type: ignore[arg-type]
    assert lane.finding(rhythm, 130.0) == finding
    answer = lane._answer([replace(person, rhythm=rhythm, finding=lane.finding(rhythm, 130.0))], 1)
    assert word in answer.note
    assert answer.abstained == (finding not in ("pulse", "disagreement"))


def test_the_same_close_up_gives_the_same_answer(beating: FaceTrack) -> None:
    assert answered(beating) == answered(beating)


@pytest.mark.parametrize(
    "tone", [(0.35, 0.27, 0.24), (0.6, 0.5, 0.45), (1.25, 1.3, 1.35)], ids=["dark", "brown", "light"]
)
def test_a_pulse_is_read_on_every_tone_of_skin(tone: tuple[float, float, float]) -> None:
    times_s = times()
    toned = np.clip(HEAD * (1.0 + FACE * (np.array(tone, np.float32) - 1.0)), 0, 245).astype(np.float32)
    person = read(film(times_s, (FACE, 80.0), picture=toned, noise=1.0), times_s)
    assert person.finding == "pulse"
    assert person.rhythm.bpm == pytest.approx(80.0, abs=2.0)


def test_noise_on_a_frozen_face_is_no_pulse() -> None:
    times_s = times()
    answer = answered(track_of(film(times_s), times_s))
    assert answer.abstained
    assert "chance" in answer.note
    assert float(answer.facts["p_value"]) > lane.SIGNIFICANT
    assert answer.curves


def test_pure_noise_in_place_of_a_face_says_nothing() -> None:
    times_s = times(8.5, 20.0)
    rng = np.random.default_rng(4)
    shown = [rng.integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8) for _ in times_s]
    answer = answered(track_of(shown, times_s))
    assert answer.abstained
    assert answer.llr == 0.0


def test_parts_that_beat_differently_are_told_and_do_not_vote() -> None:
    times_s = times()
    below = FACE - FOREHEAD
    answer = answered(track_of(film(times_s, (FOREHEAD, 60.0), (below, 95.0), amplitude=0.01), times_s))
    assert "disagree" in answer.note
    assert answer.facts["pulse_bpm_forehead"] == pytest.approx(60.0, abs=2.5)
    assert answer.facts["pulse_bpm_cheeks"] == pytest.approx(95.0, abs=2.5)
    assert answer.llr == answer.facts["max_abs_llr"] == 0.0


def test_coloured_light_that_flickers_is_no_pulse() -> None:
    times_s = times()
    everywhere = np.ones_like(FACE)
    person = read(film(times_s, (everywhere, 72.0)), times_s)
    assert person.rhythm.bpm == pytest.approx(72.0, abs=2.0)
    assert person.finding == "light"


def test_a_head_that_nods_in_the_rhythm_of_its_colour_is_no_pulse() -> None:
    times_s = times()
    moved_px = np.stack([np.zeros(len(times_s)), 0.4 * beat(70.0, times_s)], axis=1)
    shifts = [np.array([[1.0, 0.0, x], [0.0, 1.0, y]]) for x, y in moved_px]
    shown = [
        np.asarray(cv2.warpAffine(rgb, m, (SIDE_PX, SIDE_PX), borderMode=cv2.BORDER_REFLECT_101), np.uint8)
        for rgb, m in zip(film(times_s, (FACE, 70.0), amplitude=0.01), shifts, strict=True)
    ]
    person = read(shown, times_s, moved_px)
    assert person.rhythm.motion_share > 0.5
    assert person.finding == "motion"


def test_a_mesh_that_trembles_does_not_colour_the_skin() -> None:
    """A tremble of the landmarks at 1.2 Hz, as large as that of a real mesh, over a frozen face."""
    times_s = times()
    tremble_px = np.stack([0.5 * np.sin(2 * np.pi * 1.2 * times_s), 0.5 * np.cos(2 * np.pi * 1.2 * times_s)], axis=1)
    shown = film(times_s, noise=0.5)
    person = Pulse().read(track_of(shown, times_s, tremble_px), (SIDE_PX, SIDE_PX))
    assert isinstance(person, Person)
    assert person.finding == "nothing" or person.finding == "motion"
    steady, trembling = (
        _skin.read(track_of(shown, times_s, moved), (SIDE_PX, SIDE_PX)).face[:, 1].std() for moved in (None, tremble_px)
    )
    assert trembling < steady + 0.03


def test_uneven_frames_are_brought_to_even_ones() -> None:
    rng = np.random.default_rng(5)
    times_s = np.cumsum(rng.choice([0.02, 0.033, 0.07, 0.1], 210))
    person = read(film(times_s, (FACE, 88.0)), times_s)
    assert person.finding == "pulse"
    assert person.rhythm.bpm == pytest.approx(88.0, abs=1.5)


@pytest.mark.parametrize("rate_hz", [16.0, 25.0])
def test_slower_cameras_see_the_same_beats(rate_hz: float) -> None:
    times_s = times(10.0, rate_hz)
    assert read(film(times_s, (FACE, 75.0)), times_s).rhythm.bpm == pytest.approx(75.0, abs=1.5)


# Close-ups that cannot be read


def twelve_hertz(track: FaceTrack) -> FaceTrack:
    return part(track, np.arange(0, len(track), 3))


def part(track: FaceTrack, kept: NDArray[np.int64]) -> FaceTrack:
    names = [name for name in FaceTrack.__slots__ if name != "id"]
    return replace(track, **{name: getattr(track, name)[kept] for name in names})


def with_gap(track: FaceTrack) -> FaceTrack:
    later = track.times_s + np.where(np.arange(len(track)) > len(track) // 2, 1.0, 0.0)
    return replace(track, times_s=later)


def to_and_fro(track: FaceTrack) -> FaceTrack:
    return replace(track, yaw_deg=(25.0 * np.sin(track.times_s)).astype(np.float32))


def walking(track: FaceTrack) -> FaceTrack:
    step_px = np.stack([60.0 * np.sin(2 * np.pi * 0.3 * track.times_s), 0 * track.times_s], axis=-1)[:, None]
    return replace(track, landmarks_px=(track.landmarks_px + step_px).astype(np.float32))


UNREADABLE: dict[str, tuple[Callable[[FaceTrack], FaceTrack], str]] = {
    "small": (lambda track: replace(track, size_px=0.3 * track.size_px), "39 px across; pulse needs 64"),
    "short": (lambda track: part(track, np.arange(150)), "5.0 s without a break; pulse needs 8 s"),
    "two frames": (lambda track: part(track, np.arange(2)), "pulse needs 8 s"),
    "away for a while": (with_gap, "s without a break; pulse needs 8 s"),
    "one time only": (lambda track: replace(track, times_s=0.0 * track.times_s), "pulse needs 8 s"),
    "slow": (twelve_hertz, "10.0 frames a second; pulse needs 14"),
    "turned": (lambda track: replace(track, yaw_deg=track.yaw_deg + 45), "turned by 45 degrees"),
    "turning": (to_and_fro, "turns to and fro by"),
    "dark": (lambda track: replace(track, crops=track.crops // 16), "too dark"),
    "overexposed": (lambda track: replace(track, crops=cv2.add(track.crops, 90)), "overexposed"),
    "walking": (walking, "of its size a second"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_close_up_that_cannot_be_read_is_an_abstention_with_its_reason(name: str, beating: FaceTrack) -> None:
    spoil, expected = UNREADABLE[name]
    answer = answered(spoil(beating))
    assert answer.abstained
    assert expected in answer.note
    assert answer.note.startswith("The face ")
    assert answer.note.endswith(".")
    assert str(answer.facts["note_zh"]).startswith("人脸")


def test_frames_shown_three_times_have_the_same_beats(beating: FaceTrack) -> None:
    shown = np.arange(len(beating)) // 3 * 3
    answer = answered(replace(part(beating, shown), times_s=beating.times_s))
    assert not answer.abstained
    assert answer.facts["pulse_bpm"] == pytest.approx(66.0, abs=2.0)


def test_a_still_made_into_a_film_repeats_its_frames(beating: FaceTrack) -> None:
    still = replace(part(beating, 0 * np.arange(len(beating))), times_s=beating.times_s)
    answer = answered(still)
    assert answer.abstained
    assert "repeats the frame before in 100% of the frames" in answer.note


def test_several_people_have_a_region_each_and_who_has_a_pulse_speaks(beating: FaceTrack) -> None:
    times_s = times()
    frozen = track_of(film(times_s), times_s)
    small = replace(beating, id=2, size_px=0.2 * beating.size_px)
    answer = answered(frozen, replace(beating, id=1), small)
    assert "face 2 alike" in answer.note
    assert (answer.facts["faces"], answer.facts["faces_read"]) == (3.0, 2.0)
    assert [region.track for region in answer.regions] == [0, 1]
    assert [curve.track for curve in answer.curves] == [0, 0, 1, 1]
    assert answer.regions[1].facts["pulse_bpm"] == answer.facts["pulse_bpm"]


def test_nobody_of_several_readable_gives_the_reason_of_the_most_visible(beating: FaceTrack) -> None:
    small, slow = (UNREADABLE[name][0](beating) for name in ("small", "slow"))
    answer = answered(small, slow)
    assert answer.note == "None of 2 faces can be read; the most visible one is 39 px across; pulse needs 64."


def test_a_still_and_a_film_without_people_are_abstentions(tmp_path: Path) -> None:
    picture = tmp_path / "face.png"
    cv2.imwrite(str(picture), portrait())
    assert Pulse().examine(Exhibit(picture)).note == "A still picture shows no pulse."
    assert answered().note == "No face was found; this examiner reads faces only."


def test_a_file_of_uneven_frames_is_read_from_end_to_end(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    times_s = np.concatenate([[0.0], np.cumsum(rng.choice([0.04, 0.06, 0.08], 138))])
    path = tmp_path / "face.mp4"
    write_video(path, film(times_s, (FACE, 84.0), amplitude=0.012), times_s.tolist(), 16)
    answer = Pulse().examine(Exhibit(path))
    assert not answer.abstained, answer.note
    assert answer.facts["pulse_bpm"] == pytest.approx(84.0, abs=2.0)


def test_reasons_are_whole_in_both_languages() -> None:
    track = track_of(film(times(0.5)), times(0.5))
    for gate in lane.track_gates(track):
        assert isinstance(gate.why, Said)
        assert not gate.why.en.endswith(".")
        assert not gate.why.zh.endswith("。")
