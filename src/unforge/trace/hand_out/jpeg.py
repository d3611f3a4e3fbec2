"""JPEG: with the tables and sampling of the original, as far as they let the ink through.

What is told beside the pixels (EXIF, XMP, colour profile, captions, credentials) is carried over byte by byte.
Credentials that bind a signature to the pixels are carried too, and tell rightly that the pixels have changed.
"""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from PIL import JpegImagePlugin

from unforge.errors import OutputError
from unforge.media.write import atomic_write
from unforge.trace.hand_out import Ink, Progress, Written, _kept, _picture

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")

_FINER = (1, 2, 4, 8)  # what the colour table is divided by, until the ink comes through
_FULL = 0  # sampling: a colour for every pixel
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_APPS, _COMMENT = range(0xE0, 0xF0), 0xFE
_JFIF, _ICC, _ADOBE = 0xE0, 0xE2, 0xEE


def mark(source: Path, target: Path, ink: Ink, on_progress: Progress) -> Written:
    """A marked copy; colours are coded finer only where the ink would not survive it."""
    made = _picture.marked(source, ("JPEG", "MPO"), ink)
    steps = _steps(made)
    for n, (finer, sampling) in enumerate(steps):
        content = _with_segments(_coded(made, finer, sampling), made.content)
        share = _kept.kept(made.before, made.after, _picture.rgb_of(content), made.chip_px)
        on_progress((n + 1) / len(steps))
        if share >= _kept.ENOUGH:
            break
    _kept.check(share, source, "use a greater strength or larger chips, or hand it out as PNG")
    atomic_write(target, content)
    on_progress(1.0)
    return Written(target, share, made.chip_px, (*made.notes, *_told(made, finer, sampling != steps[0][1])))


def _steps(made: _picture.Marked) -> list[tuple[int, int]]:
    """Division of the colour table and sampling, as in the original first, then finer and finer."""
    sampling = max(JpegImagePlugin.get_sampling(made.opened), _FULL)  # a grey picture has none
    return [(finer, each) for each in dict.fromkeys((sampling, _FULL)) for finer in _FINER]


def _told(made: _picture.Marked, finer: int, sampled_anew: bool) -> Iterator[str]:
    if finer > 1:
        yield f"the colour table is {finer} times finer than the original's, which would have removed the ink"
    if sampled_anew:
        yield "colours are coded for every pixel; at half of the pixels they would have lost the ink"
    if made.opened.format == "MPO":
        yield "only the first of the pictures in it was kept; the others were not marked"


def _coded(made: _picture.Marked, finer: int, sampling: int) -> bytes:
    coded = BytesIO()
    tables = _tables(made.opened.quantization, finer)  # type: ignore[attr-defined]
    progressive = bool(made.opened.info.get("progressive"))
    made.image.save(coded, "JPEG", qtables=tables, subsampling=sampling, progressive=progressive, optimize=True)
    return coded.getvalue()


def _tables(of_original: dict[int, Sequence[int]], finer: int) -> list[list[int]]:
    """The tables for brightness and for colour."""
    brightness = list(of_original[min(of_original)])
    colour = list(of_original[max(of_original)])
    return [brightness, [max(round(step / finer), 1) for step in colour]]


def _with_segments(coded: bytes, original: bytes) -> bytes:
    """The coded picture with everything that the original tells beside its pixels."""
    told = b"".join(segment for marker, segment in _segments(original) if _is_told(marker, segment))
    kept = b"".join(segment for marker, segment in _segments(coded) if not _is_told(marker, segment))
    rest = coded[2 + sum(len(segment) for _, segment in _segments(coded)) :]
    return coded[:2] + told + kept + rest


def _is_told(marker: int, segment: bytes) -> bool:
    if marker == _ADOBE:  # how the original's colours were coded: ours are coded anew
        return False
    if marker == _ICC and segment[4:8] == b"MPF\0":  # where the other pictures lie, which are left out
        return False
    return marker in _APPS or marker == _COMMENT


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and bytes of each segment before the pixels. Raises OutputError where they do not follow each other."""
    at = 2
    while content[at : at + 1] == b"\xff":
        marker = content[at + 1]
        if marker in (_SCAN, _END):
            return
        if marker == 0xFF:  # filling
            at += 1
            continue
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        yield marker, content[at : at + 2 + length]
        at += 2 + length
    raise OutputError(
        "expected JPEG segments one after the other, got other bytes; save the picture anew and mark that"
    )
