"""WebP: without loss where the original is; else at the first quality that lets the change through.

Every chunk that does not describe the pixels is carried over byte by byte, with those that decoders do not know, such
as content credentials. Source: WebP container specification, Google, 2011-2023.
"""

import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from unforge.errors import OutputError
from unforge.media.copies import Change, Progress, Written, _still
from unforge.media.probe import MediaFacts
from unforge.media.write import atomic_write

SUFFIXES = (".webp",)

_QUALITIES = (90, 96, 100)
_HEAD_BYTES = 12
_OF_PIXELS = {b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"}
_BEFORE_PIXELS = b"ICCP"
_FLAGS = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}  # of VP8X
_ALPHA = 0x10


def copy(source: Path, target: Path, change: Change, facts: MediaFacts, on_progress: Progress) -> Written:
    """A changed copy; a file with loss does not tell its quality, so that of the copy is stated in the notes."""
    made = _still.changed(source, ("WEBP",), change)
    if b"VP8L" in dict(_chunks(made.content)):
        content, share, notes = _coded(made, lossless=True), 1.0, made.notes
        made.check_same(content, source)
    else:
        content, share, quality = _with_loss(made, change)
        change.check(share, source, ", or write it as PNG")
        notes = (*made.notes, f"coded at quality {quality}; the file does not tell the original's")
    _still.check_told(_told(made.content), _told(content), source)
    atomic_write(target, content)
    on_progress(1.0)
    return Written(target, share, notes)


def _with_loss(made: _still.Still, change: Change) -> tuple[bytes, float, int]:
    for quality in _QUALITIES:
        content = _coded(made, quality=quality)
        share = change.held(made.before, made.after, made.found(content)[0])
        if share >= change.enough:
            break
    return content, share, quality


def _coded(made: _still.Still, **settings: Any) -> bytes:
    coded = BytesIO()
    made.image.save(coded, "WEBP", exact=True, method=4, **settings)
    return _with_chunks(coded.getvalue(), made)


def _with_chunks(coded: bytes, made: _still.Still) -> bytes:
    """The coded picture with everything that the original tells beside its pixels."""
    told = _told(made.content)
    if not told:
        return coded
    pixels = [_chunk(kind, body) for kind, body in _chunks(coded) if kind in _OF_PIXELS and kind != b"VP8X"]
    before = [_chunk(kind, body) for kind, body in told if kind == _BEFORE_PIXELS]
    behind = [_chunk(kind, body) for kind, body in told if kind != _BEFORE_PIXELS]
    body = b"".join((b"WEBP", _chunk(b"VP8X", _header(told, made)), *before, *pixels, *behind))
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _header(told: list[tuple[bytes, bytes]], made: _still.Still) -> bytes:
    flags = _ALPHA if made.alpha is not None else 0
    for kind, _ in told:
        flags |= _FLAGS.get(kind, 0)
    width, height = made.image.size
    return struct.pack("<I", flags) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def _told(content: bytes) -> list[tuple[bytes, bytes]]:
    """Name and content of the chunks that do not describe the pixels, the colour profile first."""
    told = [(kind, body) for kind, body in _chunks(content) if kind not in _OF_PIXELS]
    return sorted(told, key=lambda chunk: chunk[0] != _BEFORE_PIXELS)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk. Raises OutputError for one that is cut short."""
    at, end = _HEAD_BYTES, min(len(content), 8 + int.from_bytes(content[4:8], "little"))
    while at + 8 <= end:
        length = int.from_bytes(content[at + 4 : at + 8], "little")
        if at + 8 + length > end:
            raise OutputError("expected a whole chunk of WebP, got one cut short; save the picture anew and take that")
        yield content[at : at + 4], content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
