"""Decoding: what is shown, when it is shown, and what a file is."""

import hashlib
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests import media_samples
from tests.media_samples import corner_names, encode, marker, moving, picture_bytes, sound_file
from unforge.errors import MediaError, OutputError, UsageError
from unforge.media.image import read_image
from unforge.media.probe import probe
from unforge.media.sound import read_sound
from unforge.media.video import frames
from unforge.media.write import atomic_write, write_video

UPRIGHT = ("red", "blue", "grey", "grey")
# EXIF orientation -> how the stored picture must be made so that it is displayed upright (Pillow's transposes)
TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("orientation", TURNS)
def test_exif_orientation_is_applied(orientation: int, tmp_path: Path) -> None:
    stored = Image.fromarray(marker())
    turn = TURNS[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    (stored if turn is None else stored.transpose(turn)).save(tmp_path / "a.png", exif=exif)
    picture = read_image(tmp_path / "a.png").rgb
    assert picture.shape == (64, 96, 3)
    assert corner_names(picture) == UPRIGHT
    assert probe(tmp_path / "a.png").size_wh == (96, 64)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_the_rotation_of_a_video_is_applied(degrees: int, tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", [marker()] * 3, rotation=(degrees, False, False))
    shown = next(iter(frames(path))).rgb
    expected = np.rot90(marker(), degrees // 90)
    assert corner_names(shown) == corner_names(expected)
    assert probe(path).size_wh == (shown.shape[1], shown.shape[0]) == (expected.shape[1], expected.shape[0])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF"])
def test_common_formats_are_read(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.bin", picture_bytes(kind))
    facts = probe(path)
    assert (facts.kind, facts.size_wh, facts.duration_s, facts.has_sound) == ("image", (96, 64), None, False)
    assert corner_names(read_image(path).rgb) == UPRIGHT


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "YCbCr"])
def test_every_mode_becomes_eight_bit_rgb(mode: str, tmp_path: Path) -> None:
    if mode == "I;16":
        grey = np.asarray(Image.fromarray(marker()).convert("L"), np.uint16) * 257
        Image.fromarray(grey).save(tmp_path / "a.tif")
    else:
        Image.fromarray(marker()).convert(mode).save(tmp_path / "a.tif")
    picture = read_image(tmp_path / "a.tif").rgb
    assert picture.dtype == np.uint8
    assert picture.shape == (64, 96, 3)
    plain = np.asarray(Image.fromarray(marker()).convert("L"), float).mean()
    assert abs(picture.mean() - plain) < 12


def test_transparency_is_shown_over_white(tmp_path: Path) -> None:
    Image.new("RGBA", (20, 20), (200, 0, 0, 0)).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png").rgb == 255).all()


def test_a_large_picture_is_reduced_and_says_by_how_much(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", picture_bytes("PNG", np.zeros((300, 900, 3), np.uint8)))
    frame = read_image(path, max_side_px=300)
    assert frame.rgb.shape == (100, 300, 3)
    assert frame.scale == pytest.approx(3.0)


def test_several_gif_frames_are_a_film(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gif", media_samples.gif_bytes(moving(4), [100, 300, 100, 100]))
    assert probe(path).kind == "video"
    assert [frame.time_s for frame in frames(path)] == pytest.approx([0.0, 0.1, 0.4, 0.5], abs=0.011)


def test_the_facts_of_a_clip_are_measured(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", moving(50))
    facts = probe(path)
    assert (facts.kind, facts.size_wh, facts.has_sound) == ("video", (96, 64), False)
    assert facts.rate_hz == pytest.approx(25.0, rel=0.05)
    assert facts.duration_s == pytest.approx(2.0, abs=0.05)
    assert facts.bytes == path.stat().st_size
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=2, max_size=8))
def test_times_come_from_the_container_and_no_rate_is_assumed(steps: list[int]) -> None:
    import tempfile

    ticks = np.cumsum([0, *steps]).tolist()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.mp4"
        write_video(path, moving(len(ticks)), [tick / 1000 for tick in ticks])
        assert [frame.time_s for frame in frames(path)] == pytest.approx([tick / 1000 for tick in ticks], abs=1e-3)


def test_sampling_takes_frames_as_they_are(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", moving(50))
    times_s = [frame.time_s for frame in frames(path, rate_hz=4.0)]
    assert times_s == pytest.approx([0.0, 0.28, 0.52, 0.76, 1.0, 1.28, 1.52, 1.76], abs=0.021)


def test_key_frames_alone_can_be_read(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", moving(50), options={"g": "10", "sc_threshold": "0"})
    assert len(list(frames(path, gap_s=math.inf))) == 5


def test_a_film_can_be_left_early(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", moving(200))
    with frames(path) as source:
        assert next(source).time_s == 0.0
    with pytest.raises(UsageError):
        frames(path, rate_hz=0.0)


def test_pixels_that_are_not_square_are_made_square(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", [marker()] * 2, pixel_ratio=Fraction(2, 1))
    assert probe(path).size_wh == (192, 64)


def test_sound_is_mono_at_the_rate_asked_for(tmp_path: Path) -> None:
    sound = read_sound(sound_file(tmp_path / "a.mp4", "aac", with_picture=True))
    assert sound.rate_hz == 16_000
    assert sound.samples.dtype == np.float32
    assert len(sound.samples) == pytest.approx(16_000, rel=0.1)
    spectrum = np.abs(np.fft.rfft(sound.samples))
    assert np.argmax(spectrum) * 16_000 / len(sound.samples) == pytest.approx(440, abs=5)


def test_a_silent_film_has_no_sound(tmp_path: Path) -> None:
    with pytest.raises(MediaError) as told:
        read_sound(encode(tmp_path / "a.mp4", moving(5)))
    assert told.value.code == "no_sound"


@pytest.mark.parametrize("name", ["-leading.png", "http:__a.png", "concat:a.png", "neue\nzeile.png", "图片.png"])
def test_odd_names_are_names_and_nothing_else(name: str, tmp_path: Path) -> None:
    assert probe(write(tmp_path / name, picture_bytes("PNG"))).size_wh == (96, 64)


def test_what_is_no_file_has_its_own_code(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "absent.mp4", "not_found"), (Path("http://127.0.0.1:9/a.mp4"), "not_found")):
        with pytest.raises(MediaError) as told:
            probe(path)
        assert told.value.code == code
    with pytest.raises(MediaError) as told:
        probe(tmp_path)
    assert told.value.code in ("not_found", "no_media")


def test_writing_replaces_a_file_at_once_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    atomic_write(path, b"old")
    atomic_write(path, b"new")
    assert path.read_bytes() == b"new"
    with pytest.raises(OutputError):
        atomic_write(tmp_path / "absent" / "report.json", b"x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]


def test_a_full_disk_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import os

    path = tmp_path / "report.json"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="space"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]
