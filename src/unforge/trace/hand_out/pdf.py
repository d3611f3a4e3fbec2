"""PDF documents: the ink as an overlay on every page; text stays text, drawings stay drawings.

Two stencils as large as the page are painted over it, one with the blend mode Multiply, one with Screen, as the layers
of `mark.layers` are on a screen. A stencil has one bit a pixel. The page gets a white ground first: it is composited
alone before it meets the paper (ISO 32000-1, 11.4.7), and Screen upon nothing would be dark.

The file is written anew. An update at its end would leave the unmarked pages in it.
"""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unforge.errors import MediaError, OutputError, UsageError
from unforge.media.decoder import open_regular
from unforge.media.limits import MAX_FRAME_PX
from unforge.media.write import atomic_write
from unforge.trace import mark as mark_
from unforge.trace.hand_out import CHIP_PX, Ink, Progress, Written, _kept
from unforge.trace.tile import CHIPS

if TYPE_CHECKING:
    from pypdf import PageObject, PdfWriter
    from pypdf.generic import IndirectObject

SUFFIXES = (".pdf",)

PPI = 150  # pixels of the ink per inch of paper
SCREEN_PPI = 100  # a page at 100 % on a screen, where chips have CHIP_PX
_POINTS_PER_INCH = 72.0
_NEEDED = ("pypdf", "pypdfium2")
_OLDEST_WITH_BLENDING = "%PDF-1.4"
_SIGNED = 1  # of /SigFlags (ISO 32000-1, 12.7.2)


def mark(source: Path, target: Path, ink: Ink, on_progress: Progress) -> Written:
    """A marked copy with its text, links, outline, forms and metadata. Needs the extra `pdf`.

    Raises MediaError for a document that is damaged or needs a password, OutputError for one that is signed, since no
    signature would hold afterwards.
    """
    if any(find_spec(package) is None for package in _NEEDED):
        raise UsageError("to mark PDF documents, the extra `pdf` is needed: pip install 'unforge[pdf]'")
    with open_regular(source) as file:
        content = file.read()
    with _parsing(source):
        writer = _opened(content, source)
        chip_px = round((ink.chip_px or CHIP_PX) * PPI / SCREEN_PPI)
        chips = ink.chips(chip_px)
        painter = _Painter(writer, chips, ink.strength)
        places = [painter.paint(page) for page in writer.pages]
        copied = _written(writer)
    share = min(_kept_on_pages(content, copied, places, chips, ink.strength, on_progress))
    _kept.check(share, source, "use a greater strength")
    atomic_write(target, copied)
    return Written(target, share, chip_px)


@contextmanager
def _parsing(source: Path) -> Iterator[None]:
    try:
        yield
    except (MediaError, OutputError):
        raise
    except Exception as error:  # a damaged document raises nearly anything
        message = f"expected a PDF document, got a damaged or another file ({type(error).__name__}: {str(error)[:200]})"
        raise MediaError(message, code="unreadable", path=source) from error


def _opened(content: bytes, source: Path) -> "PdfWriter":
    from pypdf import PdfReader, PdfWriter

    reader = PdfReader(BytesIO(content))
    if reader.is_encrypted:
        message = "the document is encrypted; save a copy without a password and mark that"
        raise MediaError(message, code="unreadable", path=source)
    form = reader.root_object.get("/AcroForm")
    if form is not None and int(form.get_object().get("/SigFlags", 0)) & _SIGNED:
        raise OutputError(
            f"{source.name} is signed, and the signature would not hold afterwards; mark it, then sign it"
        )
    if not len(reader.pages):
        raise MediaError("the document has no pages", code="no_picture", path=source)
    writer = PdfWriter(clone_from=reader)
    writer.pdf_header = max(writer.pdf_header, _OLDEST_WITH_BLENDING)
    return writer


def _written(writer: "PdfWriter") -> bytes:
    copied = BytesIO()
    writer.write(copied)
    return copied.getvalue()


@dataclass
class _Painter:
    """Paints pages of one document; pages of the same size share their stencils."""

    writer: "PdfWriter"
    chips: mark_.Tile
    strength: int
    _stencils: dict[tuple[int, int, int], tuple["IndirectObject", "IndirectObject"]] = field(default_factory=dict)

    def paint(self, page: "PageObject") -> "_Place":
        """The ink over everything that the page may show, upright as it is displayed."""
        place = _place_of(page)
        names = self._resources(page, self._stencils_of(place))
        below, above = (255 - self.strength) / 255.0, mark_.layers(self.chips, self.strength).screen.max() / 255.0
        left, bottom, width, height = place.box
        matrix = f"{width:.5f} 0 0 {height:.5f} {left:.5f} {bottom:.5f} cm"
        ground = f"q 1 g {left:.5f} {bottom:.5f} {width:.5f} {height:.5f} re f Q\nq\n"
        over = (
            f"\nQ\nq /{names[0]} gs 1 1 {below:.6f} rg {matrix} /{names[2]} Do Q\n"
            f"q /{names[1]} gs 0 0 {above:.6f} rg {matrix} /{names[3]} Do Q\n"
        )
        self._surround(page, ground.encode("ascii"), over.encode("ascii"))
        return place

    def _surround(self, page: "PageObject", before: bytes, after: bytes) -> None:
        from pypdf.generic import ArrayObject, NameObject

        contents = page.get("/Contents")
        held = None if contents is None else contents.get_object()
        parts = list(held) if isinstance(held, ArrayObject) else [] if contents is None else [page.raw_get("/Contents")]
        streams = [self._stream(before, {}), *parts, self._stream(after, {})]
        page[NameObject("/Contents")] = ArrayObject(streams)

    def _resources(self, page: "PageObject", stencils: tuple["IndirectObject", "IndirectObject"]) -> tuple[str, ...]:
        """Modes and stencils go among the resources of the page, which are copied because pages share them."""
        from pypdf.generic import DictionaryObject, NameObject

        inherited = page.get("/Resources")
        resources = DictionaryObject({} if inherited is None else inherited.get_object())
        names: list[str] = []
        entries = {"/ExtGState": (_mode("/Multiply"), _mode("/Screen")), "/XObject": stencils}
        for kind, added in entries.items():
            table = DictionaryObject(resources[kind].get_object() if kind in resources else {})
            for entry in added:
                names.append(_free_name(table))
                table[NameObject(f"/{names[-1]}")] = entry
            resources[NameObject(kind)] = table
        page[NameObject("/Resources")] = resources
        return tuple(names)

    def _stencils_of(self, place: "_Place") -> tuple["IndirectObject", "IndirectObject"]:
        """The stencils for chips of +1 and of -1."""
        width, height = place.size_wh
        if width * height > MAX_FRAME_PX:
            raise OutputError(f"a page of {width // PPI} x {height // PPI} inches is too large to be marked")
        key = (width, height, place.turned_deg)
        if key not in self._stencils:
            bits = _bits(self.chips, place)
            self._stencils[key] = self._stencil(bits, place.size_wh, (0, 1)), self._stencil(bits, place.size_wh, (1, 0))
        return self._stencils[key]

    def _stencil(self, bits: bytes, size_wh: tuple[int, int], decode: tuple[int, int]) -> "IndirectObject":
        from pypdf.generic import ArrayObject, BooleanObject, NameObject, NumberObject

        return self._stream(
            zlib.compress(bits, 9),
            {
                "/Type": NameObject("/XObject"),
                "/Subtype": NameObject("/Image"),
                "/Width": NumberObject(size_wh[0]),
                "/Height": NumberObject(size_wh[1]),
                "/BitsPerComponent": NumberObject(1),
                "/ImageMask": BooleanObject(True),
                "/Decode": ArrayObject([NumberObject(value) for value in decode]),
                "/Filter": NameObject("/FlateDecode"),
            },
        )

    def _stream(self, content: bytes, entries: dict[str, Any]) -> "IndirectObject":
        from pypdf.generic import NameObject, StreamObject

        stream = StreamObject()
        stream.set_data(content)
        stream.update({NameObject(name): value for name, value in entries.items()})
        return self.writer._add_object(stream)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the ink lies.

    box: left, bottom, width and height of all that the page may show, in its own units. size_wh: of the stencils, which
    are not turned. scale: pixels of the ink per unit. turned_deg: by how much a viewer turns the page clockwise.
    origin_xy: where the first tile begins in the displayed page, which may be cropped, in pixels.
    """

    box: tuple[float, float, float, float]
    size_wh: tuple[int, int]
    scale: float
    turned_deg: int
    origin_xy: tuple[int, int]


def _place_of(page: "PageObject") -> _Place:
    # Beyond the crop box lies what anybody can show who changes it: the ink covers the media box.
    left, bottom, right, top = _sides(page.mediabox)
    crop_left, crop_bottom, crop_right, crop_top = _sides(page.cropbox)
    scale = float(page.get("/UserUnit", 1.0)) * PPI / _POINTS_PER_INCH
    size = max(round((right - left) * scale), 1), max(round((top - bottom) * scale), 1)
    turned_deg = page.rotation % 360
    hidden = [top - crop_top, crop_left - left, crop_bottom - bottom, right - crop_right]  # counter-clockwise
    turns = turned_deg // 90
    above, before = hidden[turns % 4], hidden[(turns + 1) % 4]
    origin = -round(max(before, 0.0) * scale), -round(max(above, 0.0) * scale)
    return _Place((left, bottom, right - left, top - bottom), size, scale, turned_deg, origin)


def _sides(box: Any) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(value) for value in box)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _mode(blend: str) -> Any:
    from pypdf.generic import DictionaryObject, FloatObject, NameObject

    return DictionaryObject(
        {
            NameObject("/Type"): NameObject("/ExtGState"),
            NameObject("/BM"): NameObject(blend),
            NameObject("/SMask"): NameObject("/None"),
            NameObject("/ca"): FloatObject(1.0),
        }
    )


def _free_name(table: dict[Any, Any]) -> str:
    number = 1
    while f"/Ink{number}" in table:
        number += 1
    return f"Ink{number}"


def _bits(chips: mark_.Tile, place: _Place) -> bytes:
    """A stencil, packed: 0, which paints, where chips are +1. Tiles begin at the top left of the displayed page."""
    turns = place.turned_deg // 90
    width, height = place.size_wh[::-1] if turns % 2 else place.size_wh
    side = len(chips)
    displayed = np.tile(chips < 0, (height // side + 1, width // side + 1))[:height, :width]
    return np.packbits(np.rot90(displayed, turns), axis=1).tobytes()


def _kept_on_pages(
    before: bytes, after: bytes, places: Sequence[_Place], chips: mark_.Tile, strength: int, on_progress: Progress
) -> Iterator[float]:
    """For each page, the share of the ink that shows when both documents are drawn."""
    import pypdfium2

    with pypdfium2.PdfDocument(before) as original, pypdfium2.PdfDocument(after) as copied:
        for n, place in enumerate(places):
            drawn, found = _drawn(original[n], place.scale), _drawn(copied[n], place.scale)
            yield _kept.kept(drawn, mark_.picture(drawn, chips, strength, place.origin_xy), found, len(chips) // CHIPS)
            on_progress((n + 1) / len(places))


def _drawn(page: Any, scale: float) -> mark_.Picture:
    pixels: NDArray[np.uint8] = page.render(scale=scale, rev_byteorder=True).to_numpy()
    return np.ascontiguousarray(pixels[..., :3] if pixels.shape[2] > 1 else np.repeat(pixels, 3, axis=2))
