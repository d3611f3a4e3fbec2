"""The protocol `pulse`: beats that are given to faces are the ones that come back."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from tests.faces_samples import portrait
from unforge import faces
from unforge.bench.protocols import pulse as protocol
from unforge.bench.protocols.pulse import Ppg, Setting, Told
from unforge.cli import sample
from unforge.errors import UsageError
from unforge.media.frame import Frame


def recording(bpm: float = 60.0, duration_s: float = 60.0) -> Ppg:
    times_s = np.arange(round(duration_s * protocol.CONTACT_HZ)) / protocol.CONTACT_HZ
    return Ppg(3.0 + np.sin(2 * np.pi * bpm / 60.0 * times_s), np.arange(0.25, duration_s, 60.0 / bpm))


@pytest.fixture(scope="module")
def still() -> protocol.Face:
    (track,) = faces.scan([Frame(0.0, portrait())]).tracks
    return protocol.face(portrait(), track.landmarks_px[0], 240, 110)


@pytest.mark.parametrize("bpm", [48.0, 75.0, 130.0])
def test_a_recording_is_played_at_the_rate_that_is_asked_for(bpm: float) -> None:
    times_s = np.arange(300) / 30.0
    values, true_bpm = protocol.played(recording(), bpm, 2.0, times_s)
    assert true_bpm == pytest.approx(bpm)
    assert (values.mean(), values.std()) == (pytest.approx(0.0, abs=1e-9), pytest.approx(1.0))
    assert 60.0 * np.argmax(np.abs(np.fft.rfft(values))) / 10.0 == pytest.approx(bpm, abs=6.0)


def test_a_face_lies_in_the_middle_and_its_eyes_are_no_skin(still: protocol.Face) -> None:
    assert still.rgb.shape == (240, 240, 3)
    columns, rows = (np.flatnonzero(still.skin.max(axis=axis) > 0.5) for axis in (0, 1))
    assert (rows[0] + rows[-1]) / 2 == pytest.approx(120, abs=8)
    assert (columns[0] + columns[-1]) / 2 == pytest.approx(120, abs=8)
    (track,) = faces.scan([Frame(0.0, still.rgb)]).tracks
    eye = track.landmarks_px[0][[159, 145]].mean(axis=0).round().astype(int)
    cheek = track.landmarks_px[0][205].round().astype(int)
    assert still.skin[eye[1], eye[0]] < 0.2 < 0.8 < still.skin[cheek[1], cheek[0]]


def test_only_the_skin_follows_the_beat(still: protocol.Face) -> None:
    times_s = np.arange(60) / 30.0
    beat = np.tile([1.0, -1.0], 30)
    seen = np.stack(list(protocol.film(still, beat, times_s, 0.0, 0.02, 1))).astype(float)
    skin, rest = still.skin > 0.9, still.skin < 0.01
    swing = [(seen[1::2, mask].mean() - seen[::2, mask].mean()) / seen[:, mask].mean() for mask in (skin, rest)]
    assert swing[0] == pytest.approx(2 * 0.02 * np.mean(protocol.TINT), rel=0.2)
    assert abs(swing[1]) < 0.002


def test_without_sway_the_head_rests_and_with_it_it_goes_to_and_fro(still: protocol.Face) -> None:
    times_s = np.arange(60) / 30.0
    rest, sway = (
        np.stack(list(protocol.film(still, 0 * times_s, times_s, far, 0.0, 1))).mean(axis=-1).std(axis=0).mean()
        for far in (0.0, 0.1)
    )
    assert sway > 2.0 * rest


def test_figures_count_only_what_was_told_as_an_error() -> None:
    told = [
        Told(60.0, 90.0, True, 61.0, 0.5),
        Told(60.0, 90.0, True, 63.0, 0.7),
        Told(60.0, 90.0, False, 90.0, 0.1),
        Told(60.0, 90.0, False, None, None),
    ]
    found = protocol.setting_figures(told, beating=True)
    assert (found["told"].value, found["told"].n) == (0.5, 4)
    assert (found["error_bpm"].value, found["error_bpm"].n) == (2.0, 2)
    assert (found["within_2_bpm"].value, found["within_2_bpm"].n) == (0.5, 2)
    assert (found["error_bpm_all"].value, found["error_bpm_all"].n) == (pytest.approx(34 / 3, abs=1e-3), 3)
    assert "error_bpm" not in protocol.setting_figures(told, beating=False)


def test_noise_repeats_by_its_seed_and_is_no_pulse() -> None:
    p_values = [protocol.noise_p(n, shared=bool(n % 2)) for n in range(4)]
    assert p_values[1] == protocol.noise_p(1, shared=True)
    assert len(set(p_values)) > 1
    assert min(p_values) > 0.01


def test_a_run_has_rows_for_all_that_was_filmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "SETTINGS", (Setting("injected", (70.0,)), Setting("frozen", (70.0,), amplitude=0.0)))
    monkeypatch.setattr(protocol, "DURATION_S", 2.0)
    monkeypatch.setattr(protocol, "NOISES", 2)
    monkeypatch.setattr(protocol, "FACE_PX", 100)
    ppg = recording()
    (tmp_path / "pulse").mkdir()
    savemat(tmp_path / protocol.CONTACT, {"PPG": {"data": ppg.values, "peaks": np.round(ppg.beats_s * 250)}})
    cv2.imwrite(str(tmp_path / "face.png"), cv2.cvtColor(portrait(), cv2.COLOR_RGB2BGR))
    sample.make_clip(tmp_path / "001.mp4")
    shutil.copy(tmp_path / "001.mp4", tmp_path / "002.mp4")
    lines = ["path,label,kind,dataset,method,split", "face.png,real,image,any,,val"]
    lines += ["001.mp4,real,video,any,,val", "002.mp4,fake,video,any,Deepfakes,val"]
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    record = protocol.run(None, tmp_path)
    assert list(record.rows)[:4] == [
        "injected", "frozen", "noise, each patch for itself", "noise, most of it shared",
    ]  # fmt: skip
    assert record.name == "pulse-val"
    assert record.rows["injected"]["told"].value == 0.0  # 2 s are too short, and the gate says so
    assert record.rows["untouched videos"]["abstained"].n == 1
    assert record.rows["forged videos"]["abstained"].n == 1


def test_what_it_cannot_use_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="contact"):
        protocol.run(None, tmp_path)
    with pytest.raises(UsageError, match="no examiners but pulse"):
        protocol.run(["seam"], tmp_path)
