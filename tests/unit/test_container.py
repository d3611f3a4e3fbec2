"""What a file tells of how it was written: boxes, packets, marks of pictures, and the examiner that says it."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from tests import film_samples
from tests.faces_samples import portrait
from tests.media_samples import encode, marker, moving, picture_bytes, sound_file
from unforge.detect import container
from unforge.evidence import Evidence
from unforge.exhibit import Exhibit
from unforge.media.child import boxes, coded, marks
from unforge.media.child.coded import Packet
from unforge.media.image import read_image
from unforge.media.probe import probe
from unforge.media.video import frames
from unforge.media.write import write_video
from unforge.verdict import weigh

MOST_READS = 3 * boxes._MOST_BOXES


def box(kind: bytes, content: bytes = b"", size: int | None = None) -> bytes:
    return struct.pack(">I", 8 + len(content) if size is None else size) + kind + content


def full(kind: bytes, content: bytes) -> bytes:
    return box(kind, bytes(4) + content)


def edit_list(*edits: tuple[int, int]) -> bytes:
    lines = b"".join(struct.pack(">Iii", duration, media, 65536) for duration, media in edits)
    return box(b"edts", full(b"elst", struct.pack(">I", len(edits)) + lines))


def track(edits: bytes, handler: bytes = b"vide", seconds: int = 10) -> bytes:
    head = full(b"mdhd", struct.pack(">IIII", 0, 0, 1000, 1000 * seconds))
    kind = full(b"hdlr", bytes(4) + handler + bytes(12) + b"Some Camera\0")
    return box(b"trak", edits + box(b"mdia", head + kind))


def movie(*tracks: bytes, created_s: int = 0) -> bytes:
    return box(b"moov", full(b"mvhd", struct.pack(">IIII", created_s, 0, 600, 6000)) + b"".join(tracks))


class Counted:
    """A file in memory that counts how often and how much of it is read."""

    def __init__(self, content: bytes) -> None:
        self.content, self.reads, self.bytes = content, 0, 0

    def __call__(self, place: int, count: int) -> bytes:
        found = self.content[place : place + count]
        self.reads, self.bytes = self.reads + 1, self.bytes + len(found)
        return found


def read(content: bytes, size_bytes: int | None = None) -> boxes.Boxes:
    source = Counted(content)
    found = boxes.read(source, len(content) if size_bytes is None else size_bytes)
    assert found is not None
    assert source.reads <= MOST_READS
    return found


FTYP = box(b"ftyp", b"isom\0\0\0\1isommp42")


def test_boxes_tell_brands_order_and_the_day_of_creation() -> None:
    found = read(FTYP + movie(created_s=3_900_000_000) + box(b"free") + box(b"mdat", bytes(9)))
    assert (found.layout, found.brands) == (["ftyp", "moov", "free", "mdat"], "isom mp42")
    assert found.created is not None
    assert found.created.isoformat().startswith("2027-08-0")
    assert read(FTYP + movie()).created is None
    assert boxes.read(Counted(b"RIFF1234AVI "), 12) is None


def test_an_edit_list_tells_what_it_hides_and_how_long_it_waits() -> None:
    facts = read(FTYP + movie(track(edit_list((300, -1), (3000, 2000), (600, 8000))))).facts
    assert (facts["edits"], facts["edit_delay_ms"], facts["edit_start_ms"]) == (2.0, 500.0, 2000.0)
    assert facts["edit_cut_end_ms"] == 1000.0  # 8 s + 1 s of 10 s
    assert facts["handler"] == "Some Camera"
    both = read(FTYP + movie(track(b""), track(edit_list((0, 100)), b"soun"))).facts
    assert (both["edits"], both["sound_edits"], both["sound_edit_start_ms"]) == (0.0, 1.0, 100.0)
    assert both["sound_edit_cut_end_ms"] == 0.0


def test_sizes_of_64_bits_and_of_zero_are_followed() -> None:
    long = struct.pack(">I4sQ", 1, b"mdat", 16 + 5) + bytes(5)
    assert read(FTYP + long + movie(track(b""))).layout == ["ftyp", "mdat", "moov"]
    assert read(FTYP + box(b"mdat", bytes(50), size=0)).layout == ["ftyp", "mdat"]


def test_content_credentials_are_seen() -> None:
    store = box(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + b"...")
    assert read(FTYP + store).facts["content_credentials"] == 1.0
    assert read(FTYP + box(b"uuid", bytes(20))).facts["content_credentials"] == 0.0


def nested(depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = box(b"moov", content)
    return content


@pytest.mark.parametrize(
    "content",
    [
        FTYP + struct.pack(">I", 1) + b"moov",
        FTYP + struct.pack(">I4sQ", 1, b"moov", 2**63),
        FTYP + struct.pack(">I4sQ", 1, b"moov", 3),
        FTYP + box(b"moov", b"", size=4),
        FTYP + box(b"moov", track(b"") + box(b"trak", b"", size=2**31), size=2**32 - 1),
        FTYP + nested(3000),
        FTYP + box(b"free") * 100_000,
        FTYP + box(b"moov", box(b"trak") * 50_000),
        FTYP + movie(track(box(b"edts", full(b"elst", struct.pack(">I", 2**32 - 1))))),
        FTYP + movie(track(edit_list(*[(1, 1)] * 5000))),
        FTYP + box(b"moov", box(b"mvhd", b"\1\0")),
        FTYP + box(b"moov", box(b"trak", box(b"mdia", box(b"mdhd", b"") + box(b"hdlr", b"")))),
        FTYP + box(b"moov", full(b"mvhd", struct.pack(">QQIQ", 2**63, 0, 0, 0))),
    ],
    ids=range(13),
)
def test_boxes_that_lie_end_the_walk_and_nothing_else(content: bytes) -> None:
    source = Counted(content)
    found = boxes.read(source, len(content))
    assert found is not None
    assert found.layout[0] == "ftyp"
    assert source.reads <= MOST_READS
    assert source.bytes <= 16 * MOST_READS + 64 * boxes._MOST_BYTES
    assert all(isinstance(value, str) or np.isfinite(value) for value in found.facts.values())


@given(st.data())
def test_no_bytes_in_boxes_raise(data: st.DataObject) -> None:
    content = bytearray(FTYP + movie(track(edit_list((300, -1), (3000, 2000))), track(b"", b"soun")))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(8, len(content) - 1))] = data.draw(st.integers(0, 255))
    found = boxes.read(Counted(bytes(content)), len(content))
    assert found is not None
    assert "box_layout" in found.facts


def test_a_film_that_was_cut_off_says_so(tmp_path: Path) -> None:
    whole = encode(tmp_path / "a.mp4", moving(50), container_options={"movflags": "faststart"})
    assert probe(whole).written["boxes_cut"] == 0.0
    (tmp_path / "b.mp4").write_bytes(whole.read_bytes()[:-400])
    assert probe(tmp_path / "b.mp4").written["boxes_cut"] == 1.0


# Packets


def steady(count: int, step: int = 40, size: int = 500, key_step: int = 50) -> list[Packet]:
    return [Packet(n * step, n * step, size, n % key_step == 0) for n in range(count)]


def test_clocks_gaps_and_key_frames_are_counted() -> None:
    facts = coded.facts(steady(200), 0.001, 10_000)
    assert (facts["frame_step_ms"], facts["gaps"], facts["uneven_share"]) == (40.0, 0.0, 0.0)
    assert (facts["key_frames"], facts["key_step_frames"], facts["key_step_s"]) == (4.0, 50.0, 2.0)
    assert facts["bits_per_pixel"] == pytest.approx(0.4)
    dropped = [packet for n, packet in enumerate(steady(200)) if n not in (60, 120, 197)]
    facts = coded.facts(dropped, 0.001, 10_000)
    assert (facts["gaps"], facts["gaps_at_end"], facts["longest_step_ms"]) == (2.0, 1.0, 80.0)


def test_the_rounding_of_a_coarse_clock_is_not_uneven() -> None:
    packets = [Packet(round(n * 1000 / 29.97), None, 500, n == 0) for n in range(300)]
    assert coded.facts(packets, 0.001, 10_000)["uneven_share"] == 0.0
    slow = [Packet(n * 40 + (n // 100) * n * 20, None, 500, n == 0) for n in range(300)]
    assert coded.facts(slow, 0.001, 10_000)["uneven_share"] > 0.2


@pytest.mark.parametrize(
    "packets",
    [
        [],
        [Packet(None, None, 5, True)] * 4,
        [Packet(7, 7, 5, True)] * 9,
        [Packet(0, None, 0, False)],
        [Packet(2**62, -(2**62), 1, False), Packet(0, 0, 1, False)],
    ],
)
def test_packets_without_sense_give_fewer_figures(packets: list[Packet]) -> None:
    facts = coded.facts(packets, 0.001, 0)
    assert all(np.isfinite(value) for value in facts.values())
    assert "earlier_key_step_frames" not in facts


def sizes(rng: np.random.Generator, count: int, period: int, rise: float) -> NDArray[np.float64]:
    found = np.exp(0.4 * rng.standard_normal(count))
    found[3::period] *= rise
    found[0] = np.nan
    return found


@pytest.mark.parametrize("period", [12, 15, 25])
def test_a_rhythm_of_larger_packets_is_found_with_its_period(period: int) -> None:
    found = coded.rhythm(sizes(np.random.default_rng(1), 300, period, 2.5), np.array([0]))
    assert found is not None
    assert found[0] == period
    assert found[1] < 0.001


def test_packets_at_random_have_no_rhythm() -> None:
    rng = np.random.default_rng(2)
    assert not [n for n in range(200) if coded.rhythm(sizes(rng, 300, 12, 1.0), np.array([0])) is not None]


def test_the_rhythm_of_todays_key_frames_says_nothing_of_an_earlier_one() -> None:
    found = sizes(np.random.default_rng(1), 300, 12, 2.5)
    assert coded.rhythm(found, np.arange(0, 300, 12)) is None


def test_a_film_that_was_coded_twice_shows_its_first_key_frames(tmp_path: Path) -> None:
    clip = film_samples.moving(26, noise=1.0).rgb[:, 40:200, 40:200]
    rgb = [np.ascontiguousarray(clip[25 - abs(25 - n % 50)]) for n in range(130)]  # to and fro
    plain = {"bf": "0", "crf": "22", "threads": "1"}
    first = encode(tmp_path / "a.mp4", rgb, options={**plain, "g": "10", "sc_threshold": "0"})
    twice = encode(tmp_path / "b.mp4", [frame.rgb for frame in frames(first)], options=plain)
    once = encode(tmp_path / "c.mp4", rgb, options=plain)
    assert probe(twice).written["earlier_key_step_frames"] == 10.0
    assert "earlier_key_step_frames" not in probe(once).written


def test_encoders_sign_what_they_write(tmp_path: Path) -> None:
    written = probe(encode(tmp_path / "a.mp4", moving(20), options={"crf": "27", "g": "9"})).written
    assert str(written["encoder"]).startswith("x264 core ")
    assert (written["encoder_crf"], written["encoder_keyint"], written["key_step_frames"]) == (27.0, 9.0, 9.0)
    assert coded.encoder_words(b"no name") == {}
    assert coded.encoder_words(b"..x264 - core 148 r2 - keyint=infinite crf=oops") == {"encoder": "x264 core 148"}


def test_sound_and_how_it_lies_to_the_picture_are_told(tmp_path: Path) -> None:
    written = probe(sound_file(tmp_path / "a.mkv", "aac", with_picture=True, delay_s=0.3)).written
    assert written["sound_codec"] == "aac"
    assert float(written["sound_after_picture_ms"]) == pytest.approx(300.0, abs=60.0)


# Pictures


@pytest.mark.parametrize("quality", [1, 35, 50, 75, 92, 100])
def test_the_quality_of_a_jpeg_is_read_from_its_tables(quality: int, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(picture_bytes("JPEG", quality=quality))
    written = probe(tmp_path / "a.jpg").written
    assert (written["jpeg_quality"], written["jpeg_standard_tables"]) == (float(quality), 1.0)


def test_tables_of_their_own_are_not_standard(tmp_path: Path) -> None:
    table = [min(255, 3 + n // 2) for n in range(64)]
    (tmp_path / "a.jpg").write_bytes(picture_bytes("JPEG", qtables=[table, table], progressive=True, subsampling=0))
    written = probe(tmp_path / "a.jpg").written
    assert (written["jpeg_standard_tables"], written["jpeg_progressive"], written["jpeg_sampling"]) == (0, 1, "4:4:4")


def with_exif(path: Path, shot_wh: tuple[int, int]) -> Path:
    exif = Image.Exif()
    exif[271], exif[272], exif[305], exif[306] = "Maker", "Model 5", "Editor 2", "2024:05:02 10:00:00"
    exif.get_ifd(0x8769).update({33434: 0.01, 34855: 200, 36867: "2024:05:01 10:00:00", 40962: shot_wh[0]})
    exif.get_ifd(0x8769)[40963] = shot_wh[1]
    exif.get_ifd(0x8825)[1] = "N"
    Image.fromarray(portrait()).save(path, exif=exif)
    return path


def test_marks_of_camera_and_editor_are_told(tmp_path: Path) -> None:
    answer = examined(with_exif(tmp_path / "a.jpg", (4000, 3000)))
    assert answer.facts["camera"] == "Maker Model 5"
    assert answer.facts["written_by"] == "Editor 2"
    assert (answer.facts["camera_settings"], answer.facts["location"], answer.facts["dates"]) == (2.0, 1.0, 2.0)
    assert "its size is not the one it was taken with" in answer.note
    assert "date of change" in answer.note
    assert probe(with_exif(tmp_path / "b.jpg", (512, 512))).written["size_as_shot"] == 1.0


def test_texts_of_a_generator_are_told_and_not_weighed(tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "a portrait, steps: 20")
    Image.fromarray(portrait()).save(tmp_path / "a.png", pnginfo=texts)
    answer = examined(tmp_path / "a.png")
    assert answer.facts["texts"] == "parameters"
    assert "'parameters'" in answer.note


def test_damaged_marks_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(picture_bytes("JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f"))
    assert probe(tmp_path / "a.jpg").written["jpeg_quality"] == 75.0
    assert marks.jpeg_quality([1, 2, 3]) == (0, 64)


# The examiner


def examined(path: Path) -> Evidence:
    """Context never votes, whatever it finds, and has a sentence in both languages."""
    answer = container.load().examine(Exhibit(path))
    assert answer.abstained
    assert (answer.question, answer.source, answer.llr) == ("manipulated", "container-1", 0.0)
    assert weigh([answer]).band == "not_assessable"
    assert answer.note.endswith("forgery.")
    assert str(answer.facts["note_zh"]).endswith("。")
    assert all(isinstance(value, str) or np.isfinite(value) for value in answer.facts.values())
    return answer


def test_the_writing_software_is_named_and_a_missing_camera_is_said(tmp_path: Path) -> None:
    answer = examined(encode(tmp_path / "a.mp4", moving(30)))
    assert str(answer.facts["written_by"]).startswith("Lavf")
    assert answer.note.startswith("Written by Lavf")
    assert "no camera metadata" in answer.note
    assert float(answer.facts["bitrate_kbps"]) > 0.0


def test_a_camera_in_a_film_is_named(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mov"), "w", options={"movflags": "use_metadata_tags"}) as film:
        film.metadata["com.apple.quicktime.make"] = "Maker"
        film.metadata["com.apple.quicktime.model"] = "Phone"
        stream = film.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        film.mux(stream.encode(av.VideoFrame.from_ndarray(marker(), format="rgb24")))
        film.mux(stream.encode(None))
    answer = examined(tmp_path / "a.mov")
    assert answer.facts["camera"] == "Maker Phone"
    assert "names the camera Maker Phone" in answer.note


def test_a_still_made_into_a_film_does_not_change(tmp_path: Path) -> None:
    rgb, _ = film_samples.still()
    write_video(tmp_path / "a.mp4", [rgb] * 16, (n / 12.0 for n in range(16)))
    answer = examined(tmp_path / "a.mp4")
    assert float(answer.facts["frames_unchanged_share"]) > 0.9
    assert "no change from the one before" in answer.note
    assert answer.facts["frame_step_ms"] == pytest.approx(1000.0 / 12.0, abs=1.0)


def test_uneven_clocks_and_gaps_are_said(tmp_path: Path) -> None:
    ticks = [n * 2 + (n % 3 == 1) + 8 * (n > 20) for n in range(40)]
    answer = examined(encode(tmp_path / "a.mkv", moving(40), ticks=ticks, ticks_per_s=50))
    assert "uneven" in answer.note
    assert float(answer.facts["gaps"]) >= 1.0


def test_interlaced_film_and_films_of_one_frame_are_read(tmp_path: Path) -> None:
    options = {"flags": "+ildct+ilme", "top": "1"}
    answer = examined(encode(tmp_path / "a.mpg", moving(20, 96, 96), codec="mpeg2video", options=options))
    assert "written_by" not in answer.facts
    assert examined(encode(tmp_path / "b.mp4", moving(1))).facts["frames_listed"] == 1.0


def test_the_quick_profile_does_not_look_at_every_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, [portrait()] * 8, (n / 25.0 for n in range(8)))
    monkeypatch.setattr(Exhibit, "close_up", lambda *_: pytest.fail("looked closely"))
    assert "frames_unchanged_share" not in container.load().examine(Exhibit(path, rate_hz=2.0)).facts


def test_a_picture_is_read_as_ever(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(picture_bytes("JPEG"))
    assert "saved as JPEG of quality 75" in examined(tmp_path / "a.jpg").note
    assert read_image(tmp_path / "a.jpg").rgb.shape == (64, 96, 3)
