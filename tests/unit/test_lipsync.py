"""Lips against voice: what is read of both, what chance gives, what is said and what is left unsaid."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from tests.faces_samples import portrait
from tests.media_samples import moving
from tests.voice_samples import RATE_HZ, film, speech, talking
from unforge import weights
from unforge.detect import _lips, _voice, lipsync
from unforge.detect._agreement import Agreement, agreement
from unforge.errors import MediaError
from unforge.evidence import Evidence
from unforge.exhibit import Exhibit
from unforge.faces import FaceTrack, scan
from unforge.media.frame import Frame
from unforge.media.probe import MediaFacts
from unforge.media.sound import Sound

FACTS = MediaFacts("video", 1, "0" * 64, (512, 512), 4.0, 25.0, True, "h264", {})


class Film(Exhibit):
    """A film of which everything is known already."""

    def __init__(self, tracks: tuple[FaceTrack, ...], sound: Sound | None, **facts: Any) -> None:
        super().__init__("film.mp4")
        self.__dict__.update(facts=replace(FACTS, **facts), close_ups=tracks)
        if sound is not None:
            self.__dict__["sound"] = sound


def heard(samples: NDArray[np.float32], start_s: float = 0.0) -> Sound:
    return Sound(samples, RATE_HZ, start_s)


@pytest.fixture(scope="module")
def talker() -> FaceTrack:
    return talking()


@pytest.fixture(scope="module")
def voice() -> Sound:
    return heard(speech(4.0))


def planted(confidence: float, offset_ms: float = 40.0) -> Agreement:
    """Chance everywhere but at one offset."""
    offsets_ms = np.arange(-720.0, 721.0, 20.0)
    shape = np.exp(-0.5 * ((offsets_ms - offset_ms) / 40.0) ** 2)
    return Agreement(offsets_ms, 0.5 * shape, confidence * shape)


def said(monkeypatch: pytest.MonkeyPatch, found: Agreement | None, *tracks: FaceTrack) -> Evidence:
    examiner = lipsync.load()
    monkeypatch.setattr(lipsync.LipSync, "compare", lambda self, lips, voice: found)
    return examiner.examine(Film(tracks, heard(speech(4.0))))


# How well two series agree


def smooth(rng: np.random.Generator, rows: int) -> NDArray[np.float64]:
    return gaussian_filter1d(rng.standard_normal((rows, 3)), 3.0, axis=0)


@pytest.mark.parametrize("late_rows", [-30, -7, 0, 1, 30])
def test_a_known_delay_of_the_sound_is_found_with_its_sign(late_rows: int) -> None:
    rng = np.random.default_rng(4)
    both = smooth(rng, 300)
    noise = 0.5 * both.std() * rng.standard_normal((200, 3))
    found = agreement(both[50:250] + noise, 50, np.roll(both, late_rows, axis=0), 0, np.ones(300, np.bool_))
    assert found is not None
    assert found.offset_ms == pytest.approx(20.0 * late_rows, abs=10.0)
    assert found.confidence[found.best] > lipsync.OFFSET_CONFIDENCE
    assert 0.5 < found.correlation[found.best] <= 1.0


def test_confidence_counts_the_standard_deviations_of_chance() -> None:
    rng = np.random.default_rng(5)
    at_zero = []
    for _ in range(300):
        found = agreement(smooth(rng, 200), 50, smooth(rng, 300), 0, np.ones(300, np.bool_))
        assert found is not None
        at_zero.append(found.confidence[len(found.confidence) // 2])
    assert np.mean(at_zero) == pytest.approx(0.0, abs=0.2)
    assert np.std(at_zero) == pytest.approx(1.0, abs=0.15)


def test_loudness_and_size_of_the_signals_change_nothing() -> None:
    rng = np.random.default_rng(6)
    lips, voice = smooth(rng, 200), smooth(rng, 300)
    speech = np.ones(300, np.bool_)
    once, again = agreement(lips, 50, voice, 0, speech), agreement(7.0 * lips + 3.0, 50, 0.1 * voice - 2.0, 0, speech)
    assert once is not None
    assert again is not None
    assert again.confidence == pytest.approx(once.confidence, rel=1e-6)


def test_what_lies_outside_of_speech_does_not_count() -> None:
    rng = np.random.default_rng(7)
    lips, voice, speech = smooth(rng, 200), smooth(rng, 300), np.zeros(300, np.bool_)
    speech[100:200] = True
    other = np.where(speech[:, None], voice, 50.0 * rng.standard_normal(voice.shape))
    once, again = agreement(lips, 50, voice, 0, speech), agreement(lips, 50, other, 0, speech)
    assert once is not None
    assert again is not None
    assert again.confidence == pytest.approx(once.confidence)


def test_nothing_is_compared_where_nothing_moves_or_nobody_speaks() -> None:
    rng = np.random.default_rng(8)
    moving_rows, still = smooth(rng, 200), np.ones((200, 3))
    assert agreement(still, 0, moving_rows, 0, np.ones(200, np.bool_)) is None
    assert agreement(moving_rows, 0, moving_rows, 0, np.zeros(200, np.bool_)) is None
    assert agreement(moving_rows, 0, moving_rows, 5000, np.ones(200, np.bool_)) is None


def test_an_offset_at_the_end_of_the_range_is_not_stated() -> None:
    assert planted(6.0, offset_ms=720.0).offset_ms is None
    assert planted(6.0, offset_ms=30.0).offset_ms == pytest.approx(30.0, abs=2.0)


# Voice


def test_speech_is_told_from_silence_tone_and_noise() -> None:
    rng, times_s = np.random.default_rng(0), np.arange(3 * RATE_HZ) / RATE_HZ
    other = {
        "tone": 0.3 * np.sin(2.0 * np.pi * 440.0 * times_s),
        "noise": 0.1 * rng.standard_normal(len(times_s)),
    }
    for samples in other.values():
        found = _voice.hear(heard(samples.astype(np.float32)), 0.0, 3.0)
        assert found is not None
        assert found.speech_s < 0.3
    found = _voice.hear(heard(speech(3.0)), 0.0, 3.0)
    assert found is not None
    assert found.speech_s > 1.0


def test_leading_silence_is_no_speech_and_moves_it_on_the_clock() -> None:
    samples = np.concatenate([np.zeros(RATE_HZ, np.float32), speech(3.0)])
    late, early = _voice.hear(heard(samples), 0.0, 5.0), _voice.hear(heard(speech(3.0), 1.0), 0.0, 5.0)
    assert late is not None
    assert early is not None
    first = [float(found.times_s[int(np.argmax(found.speech))]) for found in (late, early)]
    assert min(first) >= 1.0 - _voice.AROUND_S - 0.05
    assert first[0] == pytest.approx(first[1], abs=0.1)
    assert not late.speech[late.times_s < 0.8].any()


def test_a_quieter_recording_gives_the_same_bands() -> None:
    loud, quiet = (_voice.hear(heard(level * speech(3.0)), 0.0, 3.0) for level in (1.0, 0.25))
    assert loud is not None
    assert quiet is not None
    alike = loud.speech & quiet.speech
    assert alike.mean() > 0.5
    assert np.corrcoef(loud.bands[alike].ravel(), quiet.bands[alike].ravel())[0, 1] > 0.99


def test_silence_and_seconds_without_sound_are_told() -> None:
    assert _voice.hear(heard(np.zeros(2 * RATE_HZ, np.float32)), 0.0, 2.0) is None
    assert _voice.hear(heard(speech(2.0)), 10.0, 12.0) is None
    assert _voice.hear(heard(np.zeros(0, np.float32)), 0.0, 2.0) is None


def test_an_empty_band_stays_quiet() -> None:
    """Sound from 8 kHz has nothing above 4 kHz: its noise floor must not become a signal."""
    samples = speech(3.0)
    hz = np.fft.rfftfreq(len(samples), 1.0 / RATE_HZ)
    low = np.fft.irfft(np.where(hz < 3000.0, np.fft.rfft(samples), 0.0), len(samples)).astype(np.float32)
    found = _voice.hear(heard(low), 0.0, 3.0)
    assert found is not None
    assert np.abs(found.bands[found.speech][:, -1]).max() < 1.0


# Lips


def opened(share: float) -> NDArray[np.uint8]:
    """The portrait with its mouth drawn open: below the line between the lips, everything moves down."""
    rgb = portrait()
    points = scan([Frame(0.0, rgb)]).tracks[0].landmarks_px[0]
    (x0, line), (x1, _) = points[61], points[291]
    gap = share * float(points[2, 1] - points[168, 1])
    x, y = np.meshgrid(np.arange(512.0), np.arange(512.0))
    across = np.clip(1.0 - ((x - (x0 + x1) / 2.0) / (0.62 * (x1 - x0))) ** 2, 0.0, None)
    drop = gap * across
    fading = np.clip(1.0 - (y - line) / (4.0 * (x1 - x0)), 0.0, 1.0)
    source = np.where(y > line + drop, y - drop * fading, y)
    out = cv2.remap(rgb, x.astype(np.float32), source.astype(np.float32), cv2.INTER_LINEAR)
    inside = (y > line) & (y <= line + drop)
    out[inside] = (45, 15, 15)
    return np.asarray(out, np.uint8)


def test_a_mouth_that_opens_is_measured_to_open() -> None:
    gaps = []
    for share in (0.0, 0.25, 0.5):
        track = scan([Frame(0.0, opened(share))]).tracks[0]
        gaps.append(float(_lips.shapes(track.landmarks_px)[0, 0]))
    assert gaps[0] < gaps[1] < gaps[2]
    assert gaps[2] - gaps[0] > 3.0 * lipsync.STILL


@pytest.mark.parametrize(("turn_deg", "scale"), [(0.0, 0.4), (25.0, 1.0), (-40.0, 2.5)])
def test_distance_place_and_tilt_of_a_head_change_no_shape(turn_deg: float, scale: float, talker: FaceTrack) -> None:
    turn = np.radians(turn_deg)
    matrix = scale * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    elsewhere = talker.landmarks_px.astype(np.float64) @ matrix + [300.0, -20.0]
    assert _lips.shapes(elsewhere) == pytest.approx(_lips.shapes(talker.landmarks_px), abs=1e-4)


def test_light_and_contrast_leave_the_picture_of_a_mouth_as_it_is() -> None:
    track = scan([Frame(0.0, portrait())]).tracks[0]
    dim = (0.5 * track.crops + 30.0).astype(np.uint8)
    same = [_lips.mouths(crops, track.crop_landmarks_px) for crops in (track.crops, dim)]
    assert same[0].shape == (1, _lips.SIDE_PX, _lips.SIDE_PX)
    assert np.corrcoef(same[0].ravel(), same[1].ravel())[0, 1] > 0.99
    assert np.abs(same[0] - same[1]).max() < 0.2


def test_only_the_longest_part_without_a_gap_is_read(talker: FaceTrack) -> None:
    times_s = talker.times_s.copy()
    times_s[30:] += 2.0
    kept = _lips.steady(replace(talker, times_s=times_s))
    assert kept is not None
    assert len(kept) == len(talker) - 30
    turned = replace(talker, yaw_deg=np.where(np.arange(len(talker)) < 40, 60.0, 0.0).astype(np.float32))
    kept = _lips.steady(turned)
    assert kept is not None
    assert len(kept) == len(talker) - 40
    assert _lips.steady(replace(talker, yaw_deg=np.full(len(talker), 80.0, np.float32))) is None


@pytest.mark.parametrize("times", ["even", "variable", "repeated"])
def test_rows_are_even_whatever_the_clock_of_the_frames(times: str, talker: FaceTrack) -> None:
    kept = talker
    if times != "even":
        rng = np.random.default_rng(2)
        steps_s = rng.uniform(0.01, 0.07, len(talker)) if times == "variable" else np.full(len(talker), 0.04)
        steps_s[5:9] = steps_s[5:9] if times == "variable" else 0.0  # a clock that stands still for four frames
        kept = replace(talker, times_s=np.cumsum(steps_s))
    found = _lips.steady(kept)
    assert found is not None
    lips = _lips.read(found)
    assert len(lips.features) == len(lips.opening) == len(lips.times_s)
    assert np.isfinite(lips.features).all()
    assert np.diff(lips.times_s) == pytest.approx(1.0 / _voice.GRID_HZ)
    assert kept.times_s[0] <= lips.times_s[0] + 1e-9
    assert lips.times_s[-1] <= kept.times_s[-1] + 1e-9


# What is said


def test_who_fits_gets_no_credit(monkeypatch: pytest.MonkeyPatch, talker: FaceTrack) -> None:
    answer = said(monkeypatch, planted(5.0), talker)
    assert not answer.abstained
    assert answer.llr == answer.facts["max_abs_llr"] == answer.facts["llr_low"] == answer.facts["llr_high"] == 0.0
    assert answer.facts["offset_ms"] == pytest.approx(40.0, abs=2.0)
    assert answer.facts["speakers_visible"] == 1.0
    assert "40 ms after the picture" in answer.note
    assert "nothing for authenticity" in answer.note
    assert {curve.name for curve in answer.curves} == {"lip_voice_offset", "mouth_opening", "voice_level"}


def test_sound_that_comes_first_has_a_negative_offset(monkeypatch: pytest.MonkeyPatch, talker: FaceTrack) -> None:
    answer = said(monkeypatch, planted(5.0, -120.0), talker)
    assert answer.facts["offset_ms"] == pytest.approx(-120.0, abs=2.0)
    assert "120 ms before the picture" in answer.note


def test_a_mismatch_speaks_weakly_and_calls_nothing_forged(monkeypatch: pytest.MonkeyPatch, talker: FaceTrack) -> None:
    answer = said(monkeypatch, planted(1.0), talker)
    assert 0.0 < answer.llr <= float(answer.facts["max_abs_llr"]) <= np.log(4.0)
    assert float(answer.facts["llr_low"]) <= answer.llr <= float(answer.facts["llr_high"])
    assert answer.llr < float(answer.facts["llr_manipulated"])
    assert "dubbing" in answer.note
    assert "配音" in str(answer.facts["note_zh"])
    assert "offset_ms" not in answer.facts
    region = answer.regions[0]
    assert (region.track, region.box_px, region.llr) == (talker.id, None, answer.llr)


def test_more_confidence_never_raises_suspicion(monkeypatch: pytest.MonkeyPatch, talker: FaceTrack) -> None:
    llrs = [said(monkeypatch, planted(confidence), talker).llr for confidence in np.linspace(0.5, 6.0, 8)]
    assert llrs == sorted(llrs, reverse=True)
    assert min(llrs) == 0.0
    assert max(llrs) > 0.5


def test_of_several_people_the_one_who_fits_best_speaks(monkeypatch: pytest.MonkeyPatch, talker: FaceTrack) -> None:
    found = iter([planted(1.0), planted(5.0)])
    monkeypatch.setattr(lipsync.LipSync, "compare", lambda self, lips, voice: next(found))
    answer = lipsync.load().examine(Film((talker, replace(talker, id=7)), heard(speech(4.0))))
    assert answer.llr == 0.0
    assert "face 8, the best of 2 faces," in answer.note
    assert answer.facts["speakers_visible"] == 1.0
    assert [(region.track, region.llr) for region in answer.regions] == [(0, 0.0), (7, 0.0)]


def test_a_mouth_that_never_moves_is_a_fact_and_no_forgery(voice: Sound) -> None:
    answer = lipsync.load().examine(Film((talking(depth=0.002),), voice))
    assert answer.abstained
    assert "stays still while somebody speaks" in answer.note
    assert "保持不动" in str(answer.facts["note_zh"])
    assert float(answer.facts["mouth_movement_nose_lengths"]) < lipsync.STILL
    assert [curve.name for curve in answer.curves] == ["mouth_opening", "voice_level"]


def test_the_same_film_gets_the_same_answer(talker: FaceTrack, voice: Sound) -> None:
    first, second = (lipsync.load().examine(Film((talker,), voice)) for _ in range(2))
    assert first == second
    assert not first.abstained
    assert first.llr >= 0.0
    assert abs(first.llr) <= float(first.facts["max_abs_llr"])


# What is left alone


def slides(track: FaceTrack) -> FaceTrack:
    """One picture a second, with the tremble that coding adds."""
    shown = np.arange(len(track)) // 25 * 25
    tremble = np.random.default_rng(0).normal(0.0, 0.005, track.landmarks_px.shape).astype(np.float32)
    return replace(track, crops=track.crops[shown], landmarks_px=track.landmarks_px[shown] + tremble)


@pytest.mark.parametrize(
    ("film_of", "reason", "reason_zh"),
    [
        (lambda track, sound: Film((track,), sound, kind="image"), "still picture", "静态图片"),
        (lambda track, sound: Film((track,), sound, has_sound=False), "has no sound", "没有声音"),
        (lambda track, sound: Film((), sound), "No face", "没有发现人脸"),
        (lambda track, sound: Film((track,), heard(np.zeros(64_000, np.float32))), "no sound while", "没有声音"),
        (lambda track, sound: Film((track,), heard(sound.samples, 60.0)), "no sound while", "没有声音"),
        (lambda track, sound: Film((track,), heard(sound.samples[:9000])), "lip sync needs 1 s", "秒"),
        (
            lambda track, sound: Film((replace(track, landmarks_px=track.landmarks_px * 0.2),), sound),
            "px wide; lip sync needs 24",
            "像素宽",
        ),
        (
            lambda track, sound: Film((replace(track, yaw_deg=np.full(len(track), 70.0, np.float32)),), sound),
            "turned by more than 45",
            "转过 45 度",
        ),
        (
            lambda track, sound: Film((slides(track),), sound),
            "as in a slide show",
            "如同幻灯片",
        ),
    ],
    ids=["still", "mute", "no face", "silence", "elsewhere", "a word", "small", "turned", "slides"],
)
def test_what_cannot_be_judged_is_left_alone_with_the_reason(
    film_of: Any, reason: str, reason_zh: str, talker: FaceTrack, voice: Sound
) -> None:
    answer = lipsync.load().examine(film_of(talker, voice))
    assert answer.abstained
    assert reason in answer.note
    assert answer.note.endswith(".")
    assert reason_zh in str(answer.facts["note_zh"])
    assert str(answer.facts["note_zh"]).endswith("。")


@pytest.mark.parametrize(("code", "raised"), [("unreadable", False), ("no_sound", False), ("timeout", True)])
def test_sound_that_cannot_be_decoded_is_told(
    code: str, raised: bool, talker: FaceTrack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path, **_: object) -> Sound:
        raise MediaError("broken", code=code, path=path)

    monkeypatch.setattr("unforge.media.sound.read_sound", broken)
    exhibit = Film((talker,), None)
    if raised:
        with pytest.raises(MediaError):
            lipsync.load().examine(exhibit)
    else:
        answer = lipsync.load().examine(exhibit)
        assert answer.abstained
        assert "cannot be decoded" in answer.note


# From files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("films")
    face = np.ascontiguousarray(portrait()[:256, 96:352])
    mono = speech(2.5)
    return {
        "voice-over": film(folder / "still.mp4", [face] * 50, mono),
        "one silent channel": film(folder / "half.mp4", [face] * 50, np.stack([mono, np.zeros_like(mono)])),
        "short sound": film(folder / "short.mp4", [face] * 50, mono[:6000]),
        "no face": film(folder / "empty.mp4", moving(20), mono),
    }


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("voice-over", "stays still"),
        ("one silent channel", "stays still"),
        ("short sound", "lip sync needs 1 s"),
        ("no face", "No face"),
    ],
)
def test_a_file_gives_evidence_or_a_reason(name: str, reason: str, files: dict[str, Path]) -> None:
    answer = lipsync.load().examine(Exhibit(files[name]))
    assert answer.abstained
    assert reason in answer.note


def test_the_card_says_that_the_net_beats_the_plain_correlation() -> None:
    numbers = weights.card("lipsync").details["numbers"]
    low, _ = numbers["as they are"]["auc_interval"]
    _, plain_high = numbers["plain correlation"]["auc_interval"]
    assert low > plain_high
