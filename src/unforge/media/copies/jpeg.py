"""JPEG: with the tables and sampling of the original, as far as they let the change through.

What is told beside the pixels (EXIF, XMP, colour profile, captions, credentials) is carried over byte by byte.
Credentials that bind a signature to the pixels are carried too, and tell rightly that the pixels have changed.
"""

import re
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from PIL import JpegImagePlugin

from unforge.errors import OutputError
from unforge.media.copies import Change, Progress, Written, _still
from unforge.media.probe import MediaFacts
from unforge.media.write import atomic_write

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")

_FINER = (1, 2, 4, 8)  # what the tables are divided by, until the change comes through
_FULL = 0  # sampling: a colour for every pixel
_END, _SCAN = 0xD9, 0xDA
_APPS, _COMMENT = range(0xE0, 0xF0), 0xFE
_ICC, _ADOBE = 0xE2, 0xEE
# A marker among coded pixels: there, FF is followed by 0, by a number from D0 to D7 for a restart, or by filling.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def copy(source: Path, target: Path, change: Change, facts: MediaFacts, on_progress: Progress) -> Written:
    """A changed copy; it is coded finer than the original only where the change would not survive it.

    Where nothing but blue changes, only colours are coded finer, else brightness as well.
    """
    made = _still.changed(source, ("JPEG", "MPO"), change)
    steps = _steps(made)
    for n, (finer, sampling) in enumerate(steps):
        content = _with_segments(_coded(made, finer, sampling, change.only_blue), made.content)
        share = change.held(made.before, made.after, made.found(content)[0])
        on_progress((n + 1) / len(steps))
        if share >= change.enough:
            break
    change.check(share, source, ", or write it as PNG")
    _still.check_told(_told(made.content), _told(content), source)
    atomic_write(target, content)
    on_progress(1.0)
    return Written(target, share, (*made.notes, *_notes(made, change, finer, sampling != steps[0][1])))


def _steps(made: _still.Still) -> list[tuple[int, int]]:
    """Division of the tables and sampling, as in the original first, then finer and finer."""
    sampling = max(JpegImagePlugin.get_sampling(made.opened), _FULL)  # a grey picture has none
    return [(finer, each) for each in dict.fromkeys((sampling, _FULL)) for finer in _FINER]


def _notes(made: _still.Still, change: Change, finer: int, sampled_anew: bool) -> Iterator[str]:
    if finer > 1:
        tables = "the colour table is" if change.only_blue else "the tables are"
        yield f"{tables} {finer} times finer than the original's, which would have removed the {change.name}"
    if sampled_anew:
        yield f"colours are coded for every pixel; at half of the pixels they would have lost the {change.name}"
    if made.opened.format == "MPO":
        yield "only the first of the pictures in it was kept; the others were not changed and are left out"
    elif behind := _bytes_behind(made.content):
        yield f"{behind} bytes behind the end of the picture were left out"


def _coded(made: _still.Still, finer: int, sampling: int, only_colour: bool) -> bytes:
    coded = BytesIO()
    brightness, colour = _tables(made.opened.quantization)  # type: ignore[attr-defined]
    tables = [_divided(brightness, 1 if only_colour else finer), _divided(colour, finer)]
    progressive = bool(made.opened.info.get("progressive"))
    made.image.save(coded, "JPEG", qtables=tables, subsampling=sampling, progressive=progressive, optimize=True)
    return coded.getvalue()


def _tables(of_original: dict[int, Sequence[int]]) -> tuple[Sequence[int], Sequence[int]]:
    """The tables for brightness and for colour."""
    return of_original[min(of_original)], of_original[max(of_original)]


def _divided(table: Sequence[int], finer: int) -> list[int]:
    return [max(round(step / finer), 1) for step in table]


def _with_segments(coded: bytes, original: bytes) -> bytes:
    """The coded picture with everything that the original tells beside its pixels."""
    kept = b"".join(segment for marker, segment in _segments(coded) if not _is_told(marker, segment))
    rest = coded[2 + sum(len(segment) for _, segment in _segments(coded)) :]
    return coded[:2] + b"".join(_told(original)) + kept + rest


def _told(content: bytes) -> list[bytes]:
    return [segment for marker, segment in _segments(content) if _is_told(marker, segment)]


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
        after = _after(content, at)
        yield marker, content[at:after]
        at = after
    raise OutputError(
        "expected JPEG segments one after the other, got other bytes; save the picture anew and take that"
    )


def _bytes_behind(content: bytes) -> int:
    """How much follows after the end of the picture: films of moving photographs, notes of cameras."""
    at = 2 + sum(len(segment) for _, segment in _segments(content))
    while found := _MARKER.search(content, at):
        if content[found.start() + 1] == _END:
            return len(content) - found.end()
        at = _after(content, found.start())
    return 0


def _after(content: bytes, at: int) -> int:
    """Where the segment ends that begins there."""
    return at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
