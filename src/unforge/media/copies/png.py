"""PNG: without loss, and with every chunk that does not describe the pixels."""

import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from unforge.errors import OutputError
from unforge.media.copies import Change, Progress, Written, _still
from unforge.media.probe import MediaFacts
from unforge.media.write import atomic_write

SUFFIXES = (".png",)

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BIT_DEPTH_AT = 24
# What the pixels are is said anew: they may have become RGB.
_OF_PIXELS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"bKGD", b"hIST", b"sBIT", b"sPLT"}


def copy(source: Path, target: Path, change: Change, facts: MediaFacts, on_progress: Progress) -> Written:
    """A copy whose pixels are exactly the changed ones."""
    made = _still.changed(source, ("PNG",), change, lambda image: _check_depth(image, source))
    coded = BytesIO()
    made.image.save(coded, "PNG")
    content = _with_chunks(coded.getvalue(), made.content)
    made.check_same(content, source)
    _still.check_told(_told(made.content), _told(content), source)
    atomic_write(target, content)
    on_progress(1.0)
    return Written(target, 1.0, made.notes)


def _check_depth(image: Any, source: Path) -> None:
    with source.open("rb") as file:
        if file.read(_BIT_DEPTH_AT + 1)[-1] > 8:
            raise OutputError(f"{source.name} has 16 bits a sample; make a copy of 8 bits and take that")


def _with_chunks(coded: bytes, original: bytes) -> bytes:
    """The coded picture with the chunks of the original: those before its pixels, and those after them."""
    before, behind = _told(original)
    own = dict.fromkeys((b"IHDR", b"IDAT", b"IEND"), b"")
    for kind, chunk in _chunks(coded):
        if kind in own:
            own[kind] += chunk
    return b"".join((_SIGNATURE, own[b"IHDR"], *before, own[b"IDAT"], *behind, own[b"IEND"]))


def _told(content: bytes) -> tuple[list[bytes], list[bytes]]:
    """The chunks that do not describe the pixels: those before the pixels, and those after them."""
    told: tuple[list[bytes], list[bytes]] = ([], [])
    behind = False
    for kind, chunk in _chunks(content):
        behind |= kind == b"IDAT"
        if kind not in _OF_PIXELS:
            told[behind].append(chunk)
    return told


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and bytes of each chunk, length and checksum included."""
    at = len(_SIGNATURE)
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        yield content[at + 4 : at + 8], content[at : at + length + 12]
        at += length + 12
