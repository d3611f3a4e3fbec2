"""The examiner `pulse` on real faces and on a real pulse; skipped where the collection is absent."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.media_samples import encode
from unforge.bench.protocols import pulse as protocol
from unforge.detect.pulse import SIGNIFICANT, Pulse
from unforge.evidence import Evidence
from unforge.exhibit import Exhibit
from unforge.media.video import frames
from unforge.media.write import write_video

DATA = Path(os.environ.get("UNFORGE_DATA", "../shared/data"))
AT_REST = {"evm_face": 53.0, "evm_face2": 54.0}  # bpm, by six methods; no contact reference

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (DATA / "manifest.csv").is_file(), reason=f"no data collection at {DATA}"),
]


def at_rest(name: str) -> Path:
    return DATA / "pulse" / f"{name}.mp4"


def film(name: str) -> tuple[list[NDArray[np.uint8]], list[float]]:
    with frames(at_rest(name)) as source:
        seen = [(frame.rgb, frame.time_s) for frame in source]
    return [rgb for rgb, _ in seen], [time_s - seen[0][1] for _, time_s in seen]


def examined(path: Path) -> Evidence:
    answer = Pulse().examine(Exhibit(path))
    assert answer.llr == 0.0
    return answer


@pytest.mark.parametrize("name", AT_REST)
def test_the_pulse_of_a_face_at_rest_is_told(name: str) -> None:
    answer = examined(at_rest(name))
    assert not answer.abstained
    assert answer.facts["pulse_bpm"] == pytest.approx(AT_REST[name], abs=2.0)
    assert float(answer.facts["coherence"]) > 0.25
    assert abs(float(answer.facts["phase_lag_ms"])) < 50.0


def test_a_strong_pulse_survives_coding_and_forehead_and_cheeks_cohere(tmp_path: Path) -> None:
    shown, times_s = film("evm_face")
    for crf, coherence in ((23, 0.7), (28, 0.5)):
        path = tmp_path / f"{crf}.mp4"
        write_video(path, shown, times_s, crf)
        answer = examined(path)
        assert not answer.abstained, answer.note
        assert answer.facts["pulse_bpm"] == pytest.approx(53.0, abs=2.0)
        assert float(answer.facts["coherence"]) > coherence


def test_the_same_face_frozen_has_no_pulse(tmp_path: Path) -> None:
    shown, times_s = film("evm_face")
    rng = np.random.default_rng(0)
    noisy = (np.clip(shown[0] + rng.normal(0.0, 2.0, shown[0].shape), 0, 255).round().astype(np.uint8) for _ in times_s)
    write_video(tmp_path / "noisy.mp4", noisy, times_s, 23)
    answer = examined(tmp_path / "noisy.mp4")
    assert answer.abstained
    assert float(answer.facts["p_value"]) > SIGNIFICANT
    write_video(tmp_path / "still.mp4", (shown[0] for _ in times_s), times_s, 23)
    answer = examined(tmp_path / "still.mp4")
    assert answer.abstained


@pytest.mark.parametrize("every", [15, 30])
def test_key_frames_of_a_still_that_flicker_are_no_pulse(tmp_path: Path, every: int) -> None:
    shown, _ = film("evm_face2")
    options = {"crf": "28", "x264-params": f"keyint={every}:min-keyint={every}:scenecut=0:threads=1"}
    answer = examined(encode(tmp_path / "still.mp4", shown[:1] * 300, ticks_per_s=30, options=options))
    assert answer.abstained
    assert "repeats the frame before" in answer.note


def test_every_second_frame_gives_the_same_beats(tmp_path: Path) -> None:
    shown, times_s = film("evm_face")
    write_video(tmp_path / "slow.mp4", shown[::2], times_s[::2], 18)
    answer = examined(tmp_path / "slow.mp4")
    assert answer.facts["pulse_bpm"] == pytest.approx(53.0, abs=2.0)
    write_video(tmp_path / "slower.mp4", shown[::3], times_s[::3], 18)
    answer = examined(tmp_path / "slower.mp4")
    assert "frames a second; pulse needs" in answer.note


def test_slides_of_several_faces_are_an_abstention(tmp_path: Path) -> None:
    shown = [film(name)[0][0] for name in AT_REST]
    height, width = (min(rgb.shape[axis] for rgb in shown) for axis in (0, 1))
    slides = [shown[n // 60 % 2][:height, :width] for n in range(240)]
    write_video(tmp_path / "slides.mp4", slides, [n / 20.0 for n in range(240)], 20)
    answer = examined(tmp_path / "slides.mp4")
    assert answer.abstained
    assert answer.note


def test_a_contact_pulse_comes_back_from_moving_coded_faces(tmp_path: Path) -> None:
    ppg, faces = protocol.contact(DATA), protocol._faces(DATA, "train")[:2]
    times_s = np.arange(300) / 30.0
    errors = []
    for n, (bpm, start_s) in enumerate(((68.0, 5.0), (88.0, 20.0), (115.0, 30.0))):
        still = faces[n % len(faces)]
        beat, true_bpm = protocol.played(ppg, bpm, start_s, times_s)
        path = tmp_path / f"{n}.mp4"
        write_video(path, protocol.film(still, beat, times_s, 0.03, 0.006, n), times_s.tolist(), 23)
        answer = examined(path)
        if not answer.abstained:
            errors.append(abs(float(answer.facts["pulse_bpm"]) - true_bpm))
    assert errors  # how often a pulse is told at all is for the record to say
    assert np.mean(errors) <= 2.0


@pytest.mark.parametrize(
    "path",
    ["talking/videoretalking_4.mp4", "talking/grid_lipnet_bbaf2n.mpg", "ffpp/original/830.mp4"],
)
def test_compressed_people_who_talk_are_an_abstention_with_its_reason(path: str) -> None:
    answer = examined(DATA / "clips" / path)
    assert answer.abstained
    assert answer.note.endswith(".")
