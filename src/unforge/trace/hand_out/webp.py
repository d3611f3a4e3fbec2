"""WebP: without loss where the original is; else at the first quality that lets the ink through."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from unforge.media.write import atomic_write
from unforge.trace.hand_out import Ink, Progress, Written, _kept, _picture

SUFFIXES = (".webp",)

_QUALITIES = (90, 96, 100)
_CARRIED = ("exif", "icc_profile", "xmp")


def mark(source: Path, target: Path, ink: Ink, on_progress: Progress) -> Written:
    """A marked copy; a file with loss does not tell its quality, so that of the copy is stated in the notes."""
    made = _picture.marked(source, ("WEBP",), ink)
    if "VP8L" in _chunks(made.content):
        content, share, notes = _coded(made, lossless=True), 1.0, made.notes
        _picture.check_same(content, made, source)
    else:
        content, share, quality = _with_loss(made)
        _kept.check(share, source, "use a greater strength or larger chips, or hand it out as PNG")
        notes = (*made.notes, f"coded at quality {quality}; the file does not tell the original's")
    atomic_write(target, content)
    on_progress(1.0)
    return Written(target, share, made.chip_px, notes)


def _with_loss(made: _picture.Marked) -> tuple[bytes, float, int]:
    for quality in _QUALITIES:
        content = _coded(made, quality=quality)
        share = _kept.kept(made.before, made.after, _picture.rgb_of(content), made.chip_px)
        if share >= _kept.ENOUGH:
            break
    return content, share, quality


def _coded(made: _picture.Marked, **settings: Any) -> bytes:
    coded = BytesIO()
    carried = {name: made.opened.info[name] for name in _CARRIED if made.opened.info.get(name)}
    made.image.save(coded, "WEBP", exact=True, method=4, **carried, **settings)
    return coded.getvalue()


def _chunks(content: bytes) -> set[str]:
    return set(_names(content))


def _names(content: bytes) -> Iterator[str]:
    at = 12
    while at + 8 <= len(content):
        yield content[at : at + 4].decode("latin-1")
        length = int.from_bytes(content[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
