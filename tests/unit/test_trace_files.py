"""Files marked before they are handed out: the ink is in the copy, and nothing else has changed."""

from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms, JpegImagePlugin, PngImagePlugin

from tests import media_samples
from unforge.errors import MediaError, OutputError, UsageError
from unforge.media import video
from unforge.media.image import read_image
from unforge.trace import hand_out, keys, mark, payload
from unforge.trace.hand_out import _kept

RING = keys.KeyRing(keys.Secret(b"k" * 32)).rotated(datetime(2026, 1, 1, tzinfo=UTC))
SAID = payload.of_machine(17, datetime(2026, 3, 1, 8, 30, tzinfo=UTC), place=4)
CHIP_PX = 2
SIDE_PX = 2 * 48 * CHIP_PX
INK = hand_out.Ink(SAID, RING, RING.keys[0], chip_px=CHIP_PX)
CHIPS = INK.chips(CHIP_PX)


def scene(width: int = SIDE_PX, height: int = SIDE_PX) -> NDArray[np.uint8]:
    """Light, dark and coloured surfaces with edges."""
    rgb = np.full((height, width, 3), 235, np.uint8)
    rgb[: height // 2, width // 2 :] = (30, 40, 50)
    rgb[height // 2 :, : width // 2] = (180, 90, 60)
    rgb[::16] = 0
    return rgb


def saved(path: Path, picture: Image.Image | None = None, **settings: Any) -> Path:
    (picture or Image.fromarray(scene())).save(path, **settings)
    return path


def marked(source: Path, ink: hand_out.Ink = INK) -> hand_out.Written:
    """The copy; the original must be as it was."""
    before = source.read_bytes()
    target = source.parent / "out" / source.name
    target.parent.mkdir(exist_ok=True)
    written = hand_out.mark(source, target, ink)
    assert source.read_bytes() == before
    assert written.path == target
    return written


def pixels(path: Path, mode: str = "RGB") -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert(mode), np.uint8)


@pytest.mark.parametrize("name", hand_out.available())
def test_every_format_says_which_files_are_its_own(name: str) -> None:
    suffixes = hand_out.load(name).SUFFIXES
    assert suffixes
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in suffixes)


# Pictures


@pytest.mark.parametrize(
    ("name", "settings"),
    [("a.png", {}), ("a.tif", {"compression": "tiff_lzw"}), ("a.tiff", {}), ("a.webp", {"lossless": True})],
)
def test_a_picture_without_loss_is_exactly_the_picture_under_the_layers(
    name: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    written = marked(saved(tmp_path / name, **settings))
    assert np.array_equal(pixels(written.path), mark.picture(scene(), CHIPS))
    assert written.kept == 1.0
    assert written.notes == ()


@given(texts=st.dictionaries(st.sampled_from(["Title", "Author", "Comment"]), st.text(max_size=40)))
@settings(max_examples=5)
def test_png_chunks_are_carried_over_byte_by_byte(
    texts: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    told = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        told.add_itxt(key, text)
    folder = tmp_path_factory.mktemp("png")
    source = saved(folder / "a.png", pnginfo=told, dpi=(144, 144), exif=exif(1))
    written = marked(source)
    with Image.open(source) as original, Image.open(written.path) as copied:
        original.load()
        copied.load()
        assert copied.info == original.info
        assert copied.getexif() == original.getexif()


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112], tags[0x010F] = orientation, "A camera"
    return tags.tobytes()


def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_alpha_stays_as_it_was(tmp_path: Path) -> None:
    alpha = np.tile(np.arange(SIDE_PX, dtype=np.uint8), (SIDE_PX, 1))
    source = saved(tmp_path / "a.png", Image.fromarray(np.dstack([scene(), alpha])))
    copied = pixels(marked(source).path, "RGBA")
    assert np.array_equal(copied[..., 3], alpha)
    assert np.array_equal(copied[..., :3], mark.picture(scene(), CHIPS))


@pytest.mark.parametrize(("mode", "told"), [("L", "grey"), ("P", "a palette"), ("1", "black and white")])
def test_what_has_no_blue_becomes_colour_and_says_so(mode: str, told: str, tmp_path: Path) -> None:
    source = saved(tmp_path / "a.png", Image.fromarray(scene()).convert(mode))
    written = marked(source)
    assert np.array_equal(pixels(written.path), mark.picture(pixels(source), CHIPS))
    assert any(told in note for note in written.notes)


@pytest.mark.parametrize("orientation", [2, 5, 6, 8])
def test_a_turned_picture_is_marked_upright_as_displayed(orientation: int, tmp_path: Path) -> None:
    written = marked(saved(tmp_path / "a.png", exif=exif(orientation)))
    before, after = read_image(tmp_path / "a.png").rgb, read_image(written.path).rgb
    assert np.array_equal(after, mark.picture(before, CHIPS))


def test_jpeg_keeps_tables_sampling_and_everything_told(tmp_path: Path) -> None:
    told = {"exif": exif(1), "icc_profile": profile(), "xmp": b"<x:xmpmeta/>", "comment": b"a caption", "dpi": (72, 72)}
    source = saved(tmp_path / "a.jpg", quality=93, subsampling=0, progressive=True, **told)
    written = marked(source, hand_out.Ink(SAID, RING, RING.keys[0], chip_px=4))
    with Image.open(source) as original, Image.open(written.path) as copied:
        assert isinstance(copied, JpegImagePlugin.JpegImageFile)
        assert isinstance(original, JpegImagePlugin.JpegImageFile)
        assert copied.quantization == original.quantization
        assert JpegImagePlugin.get_sampling(copied) == JpegImagePlugin.get_sampling(original)
        assert copied.info == original.info
    assert written.kept >= _kept.ENOUGH
    assert written.notes == ()


def test_a_coarse_jpeg_is_coded_finer_where_the_ink_would_be_lost_and_says_so(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.jpg", Image.new("RGB", (256, 256), "white"), quality=40, subsampling=2)
    written = marked(source, hand_out.Ink(SAID, RING, RING.keys[0], chip_px=4))
    assert written.kept >= _kept.ENOUGH
    assert any("finer" in note or "every pixel" in note for note in written.notes)
    with Image.open(source) as original, Image.open(written.path) as copied:
        assert copied.quantization[0] == original.quantization[0]  # type: ignore[attr-defined]


def test_webp_with_loss_states_the_quality_of_the_copy(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.webp", quality=80, exif=exif(1), icc_profile=profile())
    written = marked(source, hand_out.Ink(SAID, RING, RING.keys[0], strength=12, chip_px=4))
    assert written.kept >= _kept.ENOUGH
    assert any("quality" in note for note in written.notes)
    with Image.open(source) as original, Image.open(written.path) as copied:
        assert copied.info["icc_profile"] == original.info["icc_profile"]
        assert copied.getexif() == original.getexif()


def test_tiff_keeps_its_tags(tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[0x010E], tags[0x013B] = "what it shows", "who made it"
    source = saved(tmp_path / "a.tif", compression="tiff_adobe_deflate", exif=tags, dpi=(300, 300))
    with Image.open(marked(source).path) as copied:
        assert copied.getexif()[0x010E] == "what it shows"
        assert copied.getexif()[0x013B] == "who made it"
        assert copied.info["dpi"] == (300, 300)
        assert copied.info["compression"] == "tiff_adobe_deflate"


def sixteen_bits(path: Path) -> Path:
    return saved(path, Image.fromarray(np.full((SIDE_PX, SIDE_PX), 40_000, np.uint16)))


def animation(path: Path) -> Path:
    frames = [Image.fromarray(scene()), Image.fromarray(255 - scene())]
    return saved(path, frames[0], save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("name", "make", "why"),
    [
        ("deep.png", sixteen_bits, "8 bits"),
        ("deep.tif", sixteen_bits, "8 bits"),
        ("moving.png", animation, "2 pictures"),
        ("moving.webp", animation, "2 pictures"),
        ("pages.tif", animation, "2 pictures"),
        ("print.jpg", lambda path: saved(path, Image.new("CMYK", (SIDE_PX, SIDE_PX))), "colours CMYK"),
        ("small.png", lambda path: saved(path, Image.new("RGB", (95, 200))), "too small"),
    ],
)
def test_what_a_copy_would_lose_is_refused_and_nothing_is_written(
    name: str, make: Callable[[Path], Path], why: str, tmp_path: Path
) -> None:
    source = make(tmp_path / name)
    with pytest.raises(OutputError, match=why):
        hand_out.mark(source, tmp_path / f"copy{source.suffix}", INK)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_picture_larger_than_a_screen_gets_larger_chips() -> None:
    ink = hand_out.Ink(SAID, RING, RING.keys[0])
    assert ink.chip_px_of((1280, 720)) == hand_out.CHIP_PX
    assert ink.chip_px_of((3840, 2160)) == 2 * hand_out.CHIP_PX


def test_an_unmarked_copy_has_nothing_of_the_ink() -> None:
    rgb = scene()
    inked = mark.picture(rgb, CHIPS)
    other = mark.picture(rgb, np.roll(CHIPS, 7, axis=1))
    assert _kept.kept(rgb, inked, rgb, CHIP_PX) == 0.0
    assert _kept.kept(rgb, inked, inked, CHIP_PX) == pytest.approx(1.0)
    assert abs(_kept.kept(rgb, inked, other, CHIP_PX)) < 0.2
    assert abs(_kept.kept(rgb, inked, np.clip(rgb.astype(int) - 4, 0, 255).astype(np.uint8), CHIP_PX)) < 0.1


# What any format refuses


def test_the_original_is_never_the_target(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.png")
    with pytest.raises(UsageError, match="original"):
        hand_out.mark(source, tmp_path / "." / "a.png", INK)


def test_the_copy_has_the_suffix_of_the_original(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.png"):
        hand_out.mark(saved(tmp_path / "a.png"), tmp_path / "b.jpg", INK)


def test_an_unknown_kind_of_file_lists_those_that_can_be_marked(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(MediaError, match=r"\.pdf") as refused:
        hand_out.mark(tmp_path / "a.txt", tmp_path / "b.txt", INK)
    assert refused.value.code == "not_media"


@pytest.mark.parametrize("suffix", hand_out.suffixes())
def test_what_is_not_there_or_damaged_is_told_by_its_code(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(MediaError) as absent:
        hand_out.mark(tmp_path / f"absent{suffix}", tmp_path / f"copy{suffix}", INK)
    assert absent.value.code == "not_found"
    (tmp_path / f"noise{suffix}").write_bytes(b"\x89PNG noise" * 50)
    with pytest.raises(MediaError) as damaged:
        hand_out.mark(tmp_path / f"noise{suffix}", tmp_path / f"copy{suffix}", INK)
    assert damaged.value.code in ("unreadable", "not_media")
    assert not (tmp_path / f"copy{suffix}").exists()


# Documents


def document(path: Path, *, turned_deg: int = 0, crop: tuple[int, ...] | None = None, dark: bool = False) -> Path:
    """Two pages with text, a link, an outline and metadata; the second one is blank and lies on its side."""
    pypdf = pytest.importorskip("pypdf")
    from pypdf.annotations import Link
    from pypdf.generic import DictionaryObject, NameObject, NumberObject, RectangleObject, StreamObject

    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(300, 400)
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    names = DictionaryObject({NameObject(key): NameObject(value) for key, value in font.items()})
    fonts = DictionaryObject({NameObject("/F1"): names})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    text = StreamObject()
    ground = b"0.1 g -500 -500 2000 2000 re f 0.9 g " if dark else b""
    # The graphics state is left changed at the end, as careless programs do.
    text.set_data(ground + b"BT /F1 24 Tf 20 300 Td (Minutes of the meeting) Tj ET 2 0 0 2 50 50 cm")
    page[NameObject("/Contents")] = writer._add_object(text)
    page[NameObject("/Rotate")] = NumberObject(turned_deg)
    if crop is not None:
        page.cropbox = RectangleObject(crop)
    writer.add_blank_page(400, 300)
    writer.add_annotation(0, Link(rect=(20, 20, 60, 40), url="https://example.org"))
    writer.add_outline_item(title="The meeting", page_number=0)
    writer.add_metadata({"/Title": "Minutes", "/Author": "A clerk", "/Producer": "A word processor"})
    writer.write(path)
    return path


def drawn(path: Path, page: int, ppi: int = 150) -> NDArray[np.uint8]:
    pdfium = pytest.importorskip("pypdfium2")
    with pdfium.PdfDocument(path) as opened:
        rgb = np.asarray(opened[page].render(scale=ppi / 72.0, rev_byteorder=True).to_numpy())
    return np.ascontiguousarray(rgb[..., :3])


def words(path: Path) -> list[str]:
    """The text that can be selected, page by page."""
    pdfium = pytest.importorskip("pypdfium2")
    with pdfium.PdfDocument(path) as opened:
        return [page.get_textpage().get_text_range() for page in opened]


PAGE_INK = hand_out.Ink(SAID, RING, RING.keys[0])


def test_a_document_keeps_text_links_outline_and_metadata(tmp_path: Path) -> None:
    source = document(tmp_path / "a.pdf")
    written = marked(source, PAGE_INK)
    from pypdf import PdfReader

    original, copied = PdfReader(source), PdfReader(written.path)
    assert [page.extract_text().split() for page in copied.pages] == [
        page.extract_text().split() for page in original.pages
    ]
    assert words(written.path) == words(source)
    assert copied.metadata == original.metadata
    assert [item.title for item in copied.outline] == ["The meeting"]  # type: ignore[union-attr]
    link = copied.pages[0]["/Annots"][0].get_object()  # type: ignore[index]
    assert link["/A"]["/URI"] == "https://example.org"


def test_a_document_does_not_hold_its_unmarked_pages(tmp_path: Path) -> None:
    copied = marked(document(tmp_path / "a.pdf"), PAGE_INK).path.read_bytes()
    assert copied.count(b"%%EOF") == 1


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("turned_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, (30, 20, 280, 390)])
def test_a_page_differs_by_the_ink_alone(
    turned_deg: int, crop: tuple[int, ...] | None, dark: bool, tmp_path: Path
) -> None:
    source = document(tmp_path / "a.pdf", turned_deg=turned_deg, crop=crop, dark=dark)
    written = marked(source, PAGE_INK)
    assert written.kept > 0.8
    for page in (0, 1):
        before, after = drawn(source, page), drawn(written.path, page)
        change = after.astype(int) - before
        assert np.abs(change[..., :2]).max() <= 1
        assert np.abs(change[..., 2]).max() <= mark.STRENGTH + 1
        assert np.abs(change[..., 2]).mean() > 2.0


def test_a_page_shows_chips_of_four_pixels_at_100_per_inch(tmp_path: Path) -> None:
    written = marked(document(tmp_path / "a.pdf"), PAGE_INK)
    white = np.full_like(drawn(written.path, 1, ppi=100), 255)
    expected = mark.picture(white, PAGE_INK.chips(4))
    assert _kept.kept(white, expected, drawn(written.path, 1, ppi=100), 4) > 0.7


def test_an_encrypted_document_is_refused(tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    writer = pypdf.PdfWriter(clone_from=document(tmp_path / "open.pdf"))
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(tmp_path / "a.pdf")
    with pytest.raises(MediaError, match="password"):
        marked(tmp_path / "a.pdf", PAGE_INK)


def test_a_signed_document_is_refused(tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    from pypdf.generic import DictionaryObject, NameObject, NumberObject

    writer = pypdf.PdfWriter(clone_from=document(tmp_path / "open.pdf"))
    form = DictionaryObject({NameObject("/SigFlags"): NumberObject(3)})
    writer.root_object[NameObject("/AcroForm")] = form
    writer.write(tmp_path / "a.pdf")
    with pytest.raises(OutputError, match="signed"):
        marked(tmp_path / "a.pdf", PAGE_INK)


def test_a_document_cut_short_is_told_as_damaged(tmp_path: Path) -> None:
    content = document(tmp_path / "whole.pdf").read_bytes()
    (tmp_path / "a.pdf").write_bytes(content[: len(content) // 3])
    with pytest.raises(MediaError) as damaged:
        marked(tmp_path / "a.pdf", PAGE_INK)
    assert damaged.value.code in ("unreadable", "no_picture")


# Videos


FILM_INK = hand_out.Ink(SAID, RING, RING.keys[0], strength=12, chip_px=4)
TICKS, TICKS_PER_S = (0, 512, 1100, 1500, 2100, 2600, 3000, 3700), 12_800


def film(path: Path, *, rotation: int | None = None) -> Path:
    """A film with uneven times."""
    turn = None if rotation is None else (rotation, False, False)
    frames = [np.roll(scene(), 4 * n, axis=1) for n in range(len(TICKS))]
    return media_samples.encode(
        path, frames, ticks=TICKS, ticks_per_s=TICKS_PER_S, rotation=turn, options={"crf": "10"}
    )


def film_with_sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "A film"
        picture, sound = container.add_stream("libx264", rate=25), container.add_stream("aac", rate=44_100)
        picture.width, picture.height, picture.pix_fmt = SIDE_PX, SIDE_PX, "yuv420p"
        picture.codec_context.time_base = Fraction(1, TICKS_PER_S)
        samples = av.AudioFrame.from_ndarray(media_samples.tone(seconds=0.4)[None], format="fltp", layout="mono")
        samples.sample_rate, samples.pts, samples.time_base = 44_100, 0, Fraction(1, 44_100)
        container.mux(sound.encode(samples))
        for n, tick in enumerate(TICKS):
            frame = av.VideoFrame.from_ndarray(np.roll(scene(), 4 * n, axis=1), format="rgb24")
            frame.pts, frame.time_base = tick, Fraction(1, TICKS_PER_S)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        container.mux(sound.encode(None))
    return path


def packets(path: Path, kind: str) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        return [(float(p.pts * p.time_base), bytes(p)) for p in container.demux(stream) if p.size]  # type: ignore[operator]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_film_keeps_sound_times_and_metadata(suffix: str, tmp_path: Path) -> None:
    source = film_with_sound(tmp_path / f"a{suffix}")
    written = marked(source, FILM_INK)
    before, after = packets(source, "audio"), packets(written.path, "audio")
    assert [sound for _, sound in after] == [sound for _, sound in before]
    assert [time_s for time_s, _ in after] == pytest.approx([time_s for time_s, _ in before], abs=1e-3)
    times = [[time_s for time_s, _ in sorted(packets(path, "video"))] for path in (source, written.path)]
    assert times[1] == pytest.approx(times[0], abs=1e-3)
    with av.open(str(written.path)) as container:
        assert container.metadata.get("title", container.metadata.get("TITLE")) == "A film"
    assert any("CRF" in note for note in written.notes)


@pytest.mark.parametrize("rotation", [90, -90])
def test_every_frame_is_marked_upright_as_displayed(rotation: int | None, tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4", rotation=rotation)
    written = marked(source, FILM_INK)
    with video.frames(source) as originals, video.frames(written.path) as copies:
        pairs = [(one.rgb, another.rgb) for one, another in zip(originals, copies, strict=True)]
    chips = FILM_INK.chips(4)
    for before, after in pairs:
        assert before.shape == after.shape
        assert _kept.kept(before, mark.picture(before, chips, 12), after, 4) > 0.35


def test_a_film_of_ten_bits_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    source = media_samples.encode(tmp_path / "a.mp4", [scene()] * 3, pixel_format="yuv420p10le")
    with pytest.raises(OutputError, match="yuv420p10le"):
        hand_out.mark(source, tmp_path / "b.mp4", INK)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_progress_goes_from_nothing_to_all(tmp_path: Path) -> None:
    shares: list[float] = []
    source = film(tmp_path / "a.mp4")
    hand_out.mark(source, tmp_path / "b.mp4", FILM_INK, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_no_secret_stands_in_a_copy_or_in_a_message(tmp_path: Path) -> None:
    secrets = RING.site.reveal(), RING.keys[0].secret.reveal()
    content = marked(saved(tmp_path / "a.png")).path.read_bytes()
    assert not any(secret in content or secret.hex().encode() in content for secret in secrets)
    assert not any(secret.hex() in repr(INK) or repr(secret) in repr(INK) for secret in secrets)
