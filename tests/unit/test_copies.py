"""Copies with changed pixels: the change is in the copy, and nothing else has changed."""

import struct
from collections.abc import Callable
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from tests import media_samples
from unforge.errors import MediaError, OutputError, ShapeError, UsageError
from unforge.media import copies, video
from unforge.media.copies import _frames, _said, _tags, _turn
from unforge.media.probe import MediaFacts

STILL = MediaFacts("image", 1, "", (1, 1), None, None, False, "", {})  # what the copies ask of it is its kind
FILM = MediaFacts("video", 1, "", (1, 1), 0.3, 25.0, False, "h264", {})
SAME = copies.Change(lambda rgb, time_s: rgb)
WITHOUT_LOSS: dict[str, dict[str, Any]] = {
    "a.png": {},
    "a.tif": {"compression": "tiff_lzw"},
    "a.tiff": {},
    "a.webp": {"lossless": True},
}
WITH_LOSS: dict[str, dict[str, Any]] = {"a.jpg": {"quality": 85}, "b.webp": {"quality": 85}}

Made = Callable[[str], Path]


def scene(width: int = 64, height: int = 48, seed: int = 0) -> NDArray[np.uint8]:
    """Smooth colours, not near black or white."""
    coarse = np.random.default_rng(seed).integers(60, 196, (4, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.uint8)


def noise(amplitude: int, seed: int = 1) -> copies.Change:
    """The same change for every picture of a size: each pixel becomes lighter or darker."""

    def apply(rgb: NDArray[np.uint8], time_s: float) -> NDArray[np.uint8]:
        signs = np.random.default_rng(seed).choice((-1, 1), (*rgb.shape[:2], 1))
        return np.asarray(np.clip(rgb.astype(int) + amplitude * signs, 0, 255), np.uint8)

    return copies.Change(apply)


def shifted(rgb: NDArray[np.uint8], *, by: tuple[int, int, int]) -> NDArray[np.uint8]:
    """The top left corner (16 x 32 px) gets another colour."""
    after = rgb.copy()
    after[:16, :32] = np.clip(after[:16, :32].astype(int) + by, 0, 255)
    return after


def saved(path: Path, picture: Image.Image | None = None, **settings: Any) -> Path:
    (picture or Image.fromarray(scene())).save(path, **settings)
    return path


def copied(source: Path, change: copies.Change = SAME, facts: MediaFacts = STILL) -> copies.Written:
    """The copy; the original must be as it was."""
    before = source.read_bytes()
    (source.parent / "out").mkdir(exist_ok=True)
    written = copies.copy(source, source.parent / "out" / source.name, change, facts=facts)
    assert source.read_bytes() == before
    return written


def shown(path: Path, mode: str = "RGB") -> NDArray[np.uint8]:
    """A picture upright as displayed."""
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert(mode), np.uint8)


def oriented(number: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112], tags[0x010F] = number, "A camera"
    return tags.tobytes()


@pytest.mark.parametrize("name", copies.available())
def test_every_format_says_which_files_are_its_own(name: str) -> None:
    own = copies.load(name).SUFFIXES
    assert own
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in own)
    assert set(own) <= set(copies.suffixes())


# Pixels


@pytest.mark.parametrize("name", [*WITHOUT_LOSS, *WITH_LOSS])
def test_a_change_of_nothing_is_held_and_gives_the_same_picture(name: str, tmp_path: Path) -> None:
    source = saved(tmp_path / name, **(WITHOUT_LOSS | WITH_LOSS)[name])
    written = copied(source)
    assert written.kept == 1.0
    difference = np.abs(shown(written.path).astype(int) - shown(source))
    assert difference.max() <= (0 if name in WITHOUT_LOSS else 8)


@pytest.mark.parametrize("name", WITHOUT_LOSS)
@given(width=st.integers(1, 40), height=st.integers(1, 40), seed=st.integers(0, 99), transparent=st.booleans())
@settings(max_examples=6)
def test_a_format_without_loss_holds_exactly_the_changed_pixels_and_the_alpha(
    name: str, width: int, height: int, seed: int, transparent: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rgba = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    picture = Image.fromarray(rgba if transparent else rgba[..., :3].copy())
    # WebP without `exact` gives up the colour of what cannot be seen.
    settings = WITHOUT_LOSS[name] | ({"exact": True} if name.endswith("webp") else {})
    source = saved(tmp_path_factory.mktemp("lossless") / name, picture, **settings)
    change = noise(5, seed)
    written = copied(source, change)
    assert written.kept == 1.0
    assert np.array_equal(shown(written.path), change.apply(shown(source), 0.0))
    if transparent:
        assert np.array_equal(shown(written.path, "RGBA")[..., 3], rgba[..., 3])


@pytest.mark.parametrize("name", WITH_LOSS)
@given(seed=st.integers(0, 99), amplitude=st.integers(6, 16))
@settings(max_examples=4)
def test_a_format_with_loss_holds_enough_of_the_change(
    name: str, seed: int, amplitude: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = saved(tmp_path_factory.mktemp("lossy") / name, Image.fromarray(scene(seed=seed)), **WITH_LOSS[name])
    change = noise(amplitude, seed)
    written = copied(source, change)
    before = shown(source)
    assert written.kept >= change.enough
    assert copies.projected(before, change.apply(before, 0.0), shown(written.path)) == pytest.approx(written.kept)
    assert any("quality" in note for note in written.notes) == name.endswith("webp")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", WITHOUT_LOSS)
def test_a_turned_picture_is_changed_upright_and_stays_turned(name: str, orientation: int, tmp_path: Path) -> None:
    source = saved(tmp_path / name, exif=oriented(orientation), **WITHOUT_LOSS[name])
    written = copied(source, copies.Change(lambda rgb, _: shifted(rgb, by=(9, -9, 20))))
    assert np.array_equal(shown(written.path), shifted(shown(source), by=(9, -9, 20)))
    with Image.open(source) as original, Image.open(written.path) as copy:
        assert copy.size == original.size
        assert copy.getexif()[0x0112] == orientation


@given(
    turn=st.builds(_turn.Turn, st.booleans(), st.booleans(), st.booleans()),
    shape=st.tuples(st.integers(1, 5), st.integers(1, 5)),
)
def test_a_turn_can_be_undone(turn: _turn.Turn, shape: tuple[int, int]) -> None:
    pixels = np.arange(shape[0] * shape[1]).reshape(shape)
    assert np.array_equal(turn.stored(turn.displayed(pixels)), pixels)
    assert np.array_equal(turn.displayed(turn.stored(pixels)), pixels)


@pytest.mark.parametrize(("mode", "told"), [("L", "grey"), ("P", "a palette")])
def test_what_has_no_colours_gets_them_and_says_so(mode: str, told: str, tmp_path: Path) -> None:
    source = saved(tmp_path / "a.png", Image.fromarray(scene()).convert(mode))
    written = copied(source, noise(4))
    assert np.array_equal(shown(written.path), noise(4).apply(shown(source), 0.0))
    assert any(told in note and "change" in note for note in written.notes)


# What is told beside the pixels


def png_with_credentials(path: Path) -> Path:
    told = PngImagePlugin.PngInfo()
    told.add(b"caBX", b"\0\0\0\x10jumb" + bytes(8))
    told.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta/>")
    return saved(path, pnginfo=told, exif=oriented(1))


def webp_with_credentials(path: Path) -> Path:
    saved(path, exif=oriented(1), xmp=b"<x:xmpmeta/>", icc_profile=bytes(131), quality=95)
    content = path.read_bytes() + b"C2PA" + struct.pack("<I", 5) + b"jumb!\0"
    path.write_bytes(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
    return path


def jpeg_with_credentials(path: Path) -> Path:
    saved(path, exif=oriented(1), xmp=b"<x:xmpmeta/>", comment=b"a caption", quality=95)
    content, store = path.read_bytes(), b"JP\0\1\0\0\0\1\0\0\0\x10jumb" + bytes(8)
    path.write_bytes(content[:2] + b"\xff\xeb" + struct.pack(">H", len(store) + 2) + store + content[2:])
    return path


def tiff_with_credentials(path: Path, order: bytes = b"II") -> Path:
    tags = TiffImagePlugin.ImageFileDirectory_v2(prefix=order)
    tags[270], tags[700], tags[52545], tags[65000] = (
        "what it shows",
        b"<x:xmpmeta/>",
        b"jumb" + bytes(9),
        (1, 2, 70_000),
    )
    tags[34665] = {33434: TiffImagePlugin.IFDRational(1, 50), 37500: b"notes of the maker"}
    tags[34853] = {1: "N", 2: (48.0, 8.0, 0.25)}
    coded = BytesIO()
    Image.fromarray(scene()).save(coded, "TIFF", tiffinfo=tags, dpi=(300, 300))
    path.write_bytes(coded.getvalue())
    return path


def everything_told(path: Path) -> Any:
    """All tags, texts and chunks, as Pillow understands them."""
    with Image.open(path) as image:
        image.load()
        exif = image.getexif()
        below = [dict(exif.get_ifd(tag)) for tag in (34665, 34853)]
        info = {name: said for name, said in image.info.items() if name not in ("compression", "exif")}
        tags = {tag: said for tag, said in exif.items() if tag not in (*range(254, 280), 34665, 34853)}
        return info, tags, below


@pytest.mark.parametrize(
    ("name", "make", "marks"),
    [
        ("a.png", png_with_credentials, [b"caBX\0\0\0\x10jumb", b"<x:xmpmeta/>"]),
        ("a.webp", webp_with_credentials, [b"C2PA\5\0\0\0jumb!\0", b"<x:xmpmeta/>", b"A camera"]),
        ("a.jpg", jpeg_with_credentials, [b"JP\0\1\0\0\0\1\0\0\0\x10jumb", b"<x:xmpmeta/>", b"a caption", b"A camera"]),
        ("a.tif", tiff_with_credentials, [b"jumb" + bytes(9), b"<x:xmpmeta/>", b"notes of the maker"]),
    ],
)
def test_credentials_and_words_are_carried_byte_by_byte(
    name: str, make: Callable[[Path], Path], marks: list[bytes], tmp_path: Path
) -> None:
    source = make(tmp_path / name)
    written = copied(source, noise(8))
    content = written.path.read_bytes()
    assert all(mark in source.read_bytes() and mark in content for mark in marks)
    assert everything_told(written.path) == everything_told(source)


def big_endian(content: bytes) -> bytes:
    """A plain little TIFF of one grey pixel and two tags, with the numbers the other way round."""
    tags = [(256, 4, 1), (257, 4, 1), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1), (278, 4, 1)]
    tags += [(279, 4, 1), (65000, 3, 513), (65001, 4, 70_000)]
    lines = b"".join(
        struct.pack(">HHI", tag, kind, 1) + (struct.pack(">HH", value, 0) if kind == 3 else struct.pack(">I", value))
        for tag, kind, value in tags
    )
    return b"MM\0*" + struct.pack(">I", 12) + content + bytes(3) + struct.pack(">H", len(tags)) + lines + bytes(4)


def test_a_tiff_keeps_its_order_of_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(big_endian(b"\x80"))
    written = copied(tmp_path / "a.tif", noise(3))
    assert written.path.read_bytes()[:4] == b"MM\0*"
    assert np.array_equal(shown(written.path), noise(3).apply(shown(tmp_path / "a.tif"), 0.0))
    assert {65000: 513, 65001: 70_000}.items() <= everything_told(written.path)[1].items()


@pytest.mark.parametrize(
    ("entry", "why"), [((65001, 4, 9, 70_000), "behind its end"), ((65001, 99, 1, 70_000), "known types")]
)
def test_tags_that_cannot_be_carried_are_refused(entry: tuple[int, ...], why: str) -> None:
    content = big_endian(b"\x80").replace(struct.pack(">HHII", 65001, 4, 1, 70_000), struct.pack(">HHII", *entry))
    with pytest.raises(OutputError, match=why):
        _tags.read(content)
    with pytest.raises(OutputError, match="BigTIFF"):
        _tags.read(content.replace(b"MM\0*", b"MM\0+"))


def test_what_follows_a_jpeg_is_left_out_and_counted(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.jpg", quality=95, restart_marker_blocks=2)
    source.write_bytes(source.read_bytes() + b"a short film")
    assert any("12 bytes" in note for note in copied(source).notes)


# JPEG tables


def tables(path: Path) -> dict[int, list[int]]:
    with Image.open(path) as image:
        assert isinstance(image, JpegImagePlugin.JpegImageFile)
        return dict(image.quantization)


def test_a_jpeg_keeps_its_tables_where_they_let_the_change_through(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.jpg", quality=95, subsampling=2)
    written = copied(source, copies.Change(lambda rgb, _: shifted(rgb, by=(9, 9, 9))))
    assert tables(written.path) == tables(source)
    assert written.notes == ()


def test_brightness_is_coded_finer_only_where_more_than_blue_changes(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.jpg", quality=40, subsampling=0)

    def blue(rgb: NDArray[np.uint8], time_s: float) -> NDArray[np.uint8]:
        return np.dstack([rgb[..., :2], noise(30).apply(rgb, time_s)[..., 2]])

    of_all = tables(copied(source, noise(6)).path)
    of_blue = tables(copied(source, copies.Change(blue, enough=0.3, only_blue=True)).path)
    assert of_blue[0] == tables(source)[0]
    assert of_blue[1] != tables(source)[1]
    assert sum(of_all[0]) < sum(tables(source)[0])


# What is refused


def test_a_copy_that_does_not_hold_the_change_is_not_left_behind(tmp_path: Path) -> None:
    lost = copies.Change(noise(5).apply, lambda before, after, found: 0.1, name="cloak", remedy="make it stronger")
    with pytest.raises(OutputError, match=r"cloak.*50%.*10%.*make it stronger"):
        copied(saved(tmp_path / "a.jpg"), lost)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "wrong", [lambda rgb, _: rgb[1:], lambda rgb, _: rgb.astype(float), lambda rgb, _: rgb[..., 0]]
)
def test_a_change_gives_the_shape_that_it_got(wrong: Callable[[Any, float], Any], tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match="changed picture"):
        copied(saved(tmp_path / "a.png"), copies.Change(wrong))


def test_a_change_must_not_write_to_what_it_gets(tmp_path: Path) -> None:
    def careless(rgb: NDArray[np.uint8], time_s: float) -> NDArray[np.uint8]:
        rgb[0] = 0
        return rgb

    with pytest.raises(ValueError, match="read-only"):
        copied(saved(tmp_path / "a.png"), copies.Change(careless))


def test_the_original_another_suffix_and_a_strange_file_are_refused(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.png")
    with pytest.raises(UsageError, match="original"):
        copies.copy(source, source, SAME)
    with pytest.raises(UsageError, match=r"\.png"):
        copies.copy(source, tmp_path / "a.jpg", SAME)
    with pytest.raises(MediaError, match=r"\.webp"):
        copies.copy(tmp_path / "a.txt", tmp_path / "b.txt", SAME)
    with pytest.raises(UsageError, match="crf"):
        copies.Change(SAME.apply, crf=60)


def test_without_facts_the_file_is_probed(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"noise" * 100)
    with pytest.raises(MediaError) as refused:
        copies.copy(tmp_path / "a.png", tmp_path / "b.png", SAME)
    assert refused.value.code == "not_media"


# Films

TICKS, TICKS_PER_S = (0, 512, 1100, 1500, 2100, 2600, 3000, 3700), 12_800


def film(path: Path, *, rotation: int | None = None, pixel_format: str = "yuv420p") -> Path:
    """Eight frames at uneven times."""
    turn = None if rotation is None else (rotation, False, False)
    frames = [np.roll(scene(), 4 * n, axis=1) for n in range(len(TICKS))]
    options = {"crf": "10"}
    return media_samples.encode(
        path, frames, ticks=TICKS, ticks_per_s=TICKS_PER_S, rotation=turn, options=options, pixel_format=pixel_format
    )


def planes(path: Path) -> list[list[NDArray[np.uint8]]]:
    """The samples of all planes of all frames."""
    with av.open(str(path)) as container:
        return [[_frames._pixels(plane).copy() for plane in frame.planes] for frame in container.decode(video=0)]


def test_frames_that_do_not_change_are_coded_bit_by_bit(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4")
    written = copied(source, copies.Change(SAME.apply, crf=0), FILM)
    assert written.kept == 1.0
    for before, after in zip(planes(source), planes(written.path), strict=True):
        assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p"])
def test_a_change_stays_in_its_place(pixel_format: str, tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv", pixel_format=pixel_format)
    written = copied(source, copies.Change(lambda rgb, _: shifted(rgb, by=(24, 10, -16)), crf=0), FILM)
    assert written.kept > 0.85
    for before, after in zip(planes(source), planes(written.path), strict=True):
        for one, other in zip(before, after, strict=True):
            down, across = 48 // one.shape[0], 64 // one.shape[1]
            changed = one != other
            assert changed[: 16 // down, : 32 // across].all()
            assert not changed[16 // down :].any()
            assert not changed[:, 32 // across :].any()


def test_a_change_of_blue_leaves_brightness_bit_by_bit(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4")
    change = copies.Change(lambda rgb, _: shifted(rgb, by=(0, 0, 20)), only_blue=True, enough=0.0, crf=0)
    written = copied(source, change, FILM)
    for before, after in zip(planes(source), planes(written.path), strict=True):
        assert np.array_equal(before[0], after[0])
        assert not np.array_equal(before[1], after[1])
        assert np.array_equal(before[2], after[2])


@pytest.mark.parametrize("rotation", [90, 180])
def test_every_frame_is_changed_upright_once_and_at_its_time(rotation: int, tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4", rotation=rotation)
    times_s: list[float] = []

    def apply(rgb: NDArray[np.uint8], time_s: float) -> NDArray[np.uint8]:
        times_s.append(time_s)
        return shifted(rgb, by=(40, 40, 40))

    written = copied(source, copies.Change(apply), FILM)
    assert times_s == pytest.approx([tick / TICKS_PER_S for tick in TICKS])
    before, after = first_frame(source), first_frame(written.path)
    assert before.shape == after.shape == ((64, 48, 3) if rotation != 180 else (48, 64, 3))
    change = after.astype(float) - before
    assert change[:16, :32].mean() > 30
    assert abs(change[20:].mean()) < 2
    assert abs(change[:, 36:].mean()) < 2


def first_frame(path: Path) -> NDArray[np.uint8]:
    """As displayed."""
    with video.frames(path) as frames:
        return next(frames).rgb


def box(kind: bytes, *inside: bytes) -> bytes:
    content = b"".join(inside)
    return struct.pack(">I", len(content) + 8) + kind + content


CREDENTIALS = box(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481"), b"jumb" * 50)
XMP = box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac"), b"<x:xmpmeta/>")
OF_OWNERS = box(b"udta", box(b"XMP_", b"<x:xmpmeta/>"), box(b"CNTH", bytes(9)), bytes(4))


def with_boxes(source: Path, *, of_film: bytes = b"", of_track: bytes = b"", of_file: bytes = b"") -> Path:
    """A film whose last box is `moov`, with more boxes in it and in its last track, and some behind."""
    content = source.read_bytes()
    at = content.index(b"moov") - 4
    movie = content[at + 8 :]
    track = movie.index(b"trak") - 4
    length = int.from_bytes(movie[track : track + 4], "big")
    track_box = box(b"trak", movie[track + 8 : track + length], of_track)
    movie = box(b"moov", movie[:track], track_box, movie[track + length :], of_film)
    source.write_bytes(content[:at] + movie + of_file)
    return source


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_credentials_xmp_and_notes_of_a_film_are_carried_byte_by_byte(suffix: str, tmp_path: Path) -> None:
    source = with_boxes(film(tmp_path / f"a{suffix}"), of_film=OF_OWNERS + XMP, of_file=CREDENTIALS + XMP)
    content = copied(source, noise(20), FILM).path.read_bytes()
    assert content.endswith(CREDENTIALS + XMP)
    assert content.count(XMP) == 2
    assert box(b"XMP_", b"<x:xmpmeta/>") in content
    assert box(b"CNTH", bytes(9)) in content


def test_what_a_single_track_tells_in_a_box_of_its_own_is_refused(tmp_path: Path) -> None:
    source = with_boxes(film(tmp_path / "a.mp4"), of_track=XMP)
    with pytest.raises(OutputError, match="single track"):
        copied(source, SAME, FILM)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_box_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4")
    source.write_bytes(source.read_bytes() + b"\0\1\0\0uuid" + bytes(16))
    with pytest.raises(OutputError, match="too long"):
        copied(source, SAME, FILM)


def film_with_words(path: Path) -> Path:
    """A film with tags that containers have no place for, chapters, and a named stream."""
    tags = {"title": "A film", "comment": "said", "location": "+48.1351+011.5820/", "com.example.lens": "35 mm"}
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"} if path.suffix != ".mkv" else {}) as written:
        written.metadata.update(tags)
        spans = [(1, 0, 100, "one"), (2, 100, 200, "two")]
        written.set_chapters(
            [
                {"id": n, "start": start, "end": end, "time_base": Fraction(1, 1000), "metadata": {"title": title}}
                for n, start, end, title in spans
            ]
        )
        if path.suffix == ".mkv":
            written.add_attachment("credentials", "application/c2pa", b"jumb!")
        stream = written.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.metadata.update({"language": "deu", "title": "the picture"})
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(scene(), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            written.mux(stream.encode(frame))
        written.mux(stream.encode(None))
    return path


def words(path: Path) -> Any:
    with av.open(str(path)) as container:
        tags = {name.lower(): text for name, text in container.metadata.items() if name.lower() != "encoder"}
        of_streams = [
            {name: text for name, text in stream.metadata.items() if name != "DURATION"} for stream in container.streams
        ]
        files = [getattr(stream, "data", None) for stream in container.streams]
        return tags, of_streams, [chapter["metadata"] for chapter in container.chapters()], files


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_tags_chapters_and_attachments_of_a_film_are_carried(suffix: str, tmp_path: Path) -> None:
    source = film_with_words(tmp_path / f"a{suffix}")
    said = words(source)
    assert "com.example.lens" in said[0]
    assert len(said[2]) == 2
    written = copied(source, noise(20), FILM)
    assert words(written.path) == said
    assert written.notes == ("coded as H.264 at CRF 18",)


def test_a_tag_that_would_be_lost_is_named(tmp_path: Path) -> None:
    said = _said.Said({"title": "A film", "location": "+48.1351+011.5820/"}, {0: {"language": "deu"}}, ((0.0, "one"),))
    kept = _said.Said({"title": "A film", "location": "+48.1350+011.5820/"}, {0: {"language": "deu"}}, ((0.0, "one"),))
    said.check(kept, tmp_path / "a.mp4")
    with pytest.raises(OutputError, match="the tag title, the tag language of stream 0, the chapters"):
        said.check(_said.Said({"location": "+48.1350+011.5820/"}), tmp_path / "a.mp4")


def test_a_film_that_breaks_off_inside_a_frame_is_told_as_such(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4")
    content = bytearray(source.read_bytes())
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    content[start:end] = bytes(end - start)
    source.write_bytes(content)
    with pytest.raises(OutputError):
        copied(source, SAME, FILM)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("side_px", [11_000, 14_000])  # beyond our limit; and beyond the one of Pillow
def test_pictures_beyond_the_limit_are_refused_with_a_code(tmp_path: Path, side_px: int) -> None:
    source = saved(tmp_path / "a.png", Image.new("1", (side_px, side_px)))
    with pytest.raises(MediaError, match="120 million pixels") as refused:
        copied(source)
    assert refused.value.code == "too_large"
    assert not any((tmp_path / "out").iterdir())
