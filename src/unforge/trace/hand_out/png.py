"""PNG: without loss, and with every chunk that does not describe the pixels."""

import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from unforge.errors import OutputError
from unforge.media.write import atomic_write
from unforge.trace.hand_out import Ink, Progress, Written, _picture

SUFFIXES = (".png",)

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BIT_DEPTH_AT = 24
# What the pixels are is said anew: they may have become RGB.
_OF_PIXELS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"bKGD", b"hIST", b"sBIT", b"sPLT"}


def mark(source: Path, target: Path, ink: Ink, on_progress: Progress) -> Written:
    """A marked copy whose pixels are exactly those of `mark.picture`."""
    made = _picture.marked(source, ("PNG",), ink, lambda image: _check_depth(image, source))
    coded = BytesIO()
    made.image.save(coded, "PNG")
    content = _with_chunks(coded.getvalue(), made.content)
    _picture.check_same(content, made, source)
    atomic_write(target, content)
    on_progress(1.0)
    return Written(target, 1.0, made.chip_px, made.notes)


def _check_depth(image: Any, source: Path) -> None:
    with source.open("rb") as file:
        if file.read(_BIT_DEPTH_AT + 1)[-1] > 8:
            raise OutputError(f"{source.name} has 16 bits a sample; make a copy of 8 bits and mark that")


def _with_chunks(coded: bytes, original: bytes) -> bytes:
    """The coded picture with the chunks of the original: those before its pixels, and those after them."""
    carried: tuple[list[bytes], list[bytes]] = ([], [])
    behind = False
    for kind, chunk in _chunks(original):
        behind |= kind == b"IDAT"
        if kind not in _OF_PIXELS:
            carried[behind].append(chunk)
    own = dict.fromkeys((b"IHDR", b"IDAT", b"IEND"), b"")
    for kind, chunk in _chunks(coded):
        if kind in own:
            own[kind] += chunk
    return b"".join((_SIGNATURE, own[b"IHDR"], *carried[0], own[b"IDAT"], *carried[1], own[b"IEND"]))


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and bytes of each chunk, length and checksum included."""
    at = len(_SIGNATURE)
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        yield content[at + 4 : at + 8], content[at : at + length + 12]
        at += length + 12
