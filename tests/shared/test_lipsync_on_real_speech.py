"""Lips against voice on real people who talk; skipped where the collection is absent.

The shipped net has seen these people. Figures of nets that have not stand in the record (unforge bench lipsync).
"""

import csv
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unforge import metrics, weights
from unforge.detect import lipsync
from unforge.detect.lipsync import OFFSET_CONFIDENCE, Person
from unforge.exhibit import Exhibit
from unforge.media.sound import Sound

DATA = Path(os.environ.get("UNFORGE_DATA", "../shared/data"))

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (DATA / "manifest.csv").is_file(), reason=f"no data collection at {DATA}"),
]


def paths(**wanted: str) -> list[Path]:
    with (DATA / "manifest.csv").open(newline="", encoding="utf-8") as lines:
        return [DATA / row["path"] for row in csv.DictReader(lines) if all(row[k] == v for k, v in wanted.items())]


@pytest.fixture(scope="module")
def films() -> list[Exhibit]:
    return [Exhibit(path) for path in (*paths(dataset="grid_lipnet")[::2], *paths(dataset="videoretalking"))]


def read(film: Exhibit, sound: Sound) -> Person:
    found = lipsync.load().read(film.close_ups[0], sound)
    assert isinstance(found, Person), found
    return found


def test_the_voice_detector_is_the_published_one() -> None:
    reference = (DATA.parent / "models" / "silero_vad.onnx").read_bytes()
    assert hashlib.sha256(reference).hexdigest() == weights.card("silero_vad").sha256
    assert weights.verified("silero_vad") == reference


@pytest.mark.parametrize("shift_ms", [-480.0, -40.0, 40.0, 480.0])
def test_a_known_shift_of_the_sound_is_found_within_a_frame(shift_ms: float, films: list[Exhibit]) -> None:
    hits = []
    for film in films:
        own = read(film, film.sound)
        moved = read(film, replace(film.sound, start_s=film.sound.start_s + shift_ms / 1000.0))
        if own.offset_ms is not None and moved.offset_ms is not None:
            hits.append(abs(moved.offset_ms - own.offset_ms - shift_ms) <= 40.0)
    assert len(hits) >= 0.7 * len(films)
    assert np.mean(hits) >= 0.9


def test_laboratory_recordings_are_in_sync() -> None:
    offsets_ms = [read(film, film.sound).offset_ms for film in map(Exhibit, paths(dataset="grid_lipnet"))]
    stated = np.array([offset_ms for offset_ms in offsets_ms if offset_ms is not None])
    assert len(stated) >= 9
    assert np.mean(np.abs(stated) <= 40.0) >= 0.9


def test_the_voice_of_somebody_else_fits_less(films: list[Exhibit]) -> None:
    true = [read(film, film.sound).confidence for film in films]
    swapped = []
    for n, film in enumerate(films):
        found = lipsync.load().read(film.close_ups[0], films[(n + 3) % len(films)].sound)
        if isinstance(found, Person):
            swapped.append(found.confidence)
    scores, labels = np.array([*true, *swapped]), np.repeat([True, False], [len(true), len(swapped)])
    assert metrics.auc(scores, labels) >= 0.9
    assert np.mean(np.array(swapped) >= OFFSET_CONFIDENCE) <= 0.2


def test_faces_animated_by_their_sound_fit_it_and_get_no_credit() -> None:
    chosen = [Exhibit(path) for path in paths(dataset="edtalk_outputs")[::4]]
    answers = [lipsync.load().examine(film) for film in chosen]
    assert all(answer.llr == 0.0 and answer.facts["max_abs_llr"] == 0.0 for answer in answers)
    assert all(abs(float(answer.facts["offset_ms"])) <= 60.0 for answer in answers)


def test_mute_films_and_films_without_speech_are_left_alone() -> None:
    mute = [lipsync.load().examine(Exhibit(path)) for path in paths(dataset="ffpp_c23", label="real", split="val")[:2]]
    assert all(answer.abstained and "no sound" in answer.note for answer in mute)
    silent = lipsync.load().examine(Exhibit(DATA / "clips" / "animated" / "real" / "lia_inputs_driving3.mp4"))
    assert silent.abstained
    assert "no sound while" in silent.note
