"""Tags of a TIFF file, byte by byte: read from one file, written into another.

Pillow writes what it knows of tags, as it understands them. Here the bytes of their values are carried as they stand,
and with them the directories below (EXIF, location). Source: TIFF 6.0, Adobe, 1992, section 2.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unforge.errors import OutputError

STRIP_OFFSETS, STRIP_BYTES = 273, 279
BELOW = (34665, 34853, 40965)  # lead to further directories: EXIF, location, interoperability

_ORDERS = {b"II": "<", b"MM": ">"}
_PLAIN = 42  # 43 is BigTIFF
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}  # of a value, by its type
_WORDS = {5: 4, 10: 4}  # of these types, two numbers of 4 bytes each make a value
_LONG = 4
_ENTRY_BYTES = 12
_DEEPEST = 2


@dataclass(frozen=True, slots=True)
class Value:
    """What stands under a tag: its type, how many, and their bytes; or a directory below, and no bytes."""

    kind: int
    count: int
    content: bytes
    below: Mapping[int, "Value"] | None = None


Directory = Mapping[int, Value]


def order_of(content: bytes) -> str:
    """The order of bytes in a TIFF file, as `struct` writes it. Raises OutputError for BigTIFF and for other files."""
    order = _ORDERS.get(content[:2])
    if order is None or struct.unpack_from(f"{order}H", content, 2) != (_PLAIN,):
        raise OutputError("expected a TIFF file of the plain kind, got BigTIFF or another; save it anew and take that")
    return order


def read(content: bytes) -> Directory:
    """The tags of the first page. Raises OutputError where they point out of the file or are of unknown types."""
    order = order_of(content)
    return _read(content, order, _number(content, order, 4), 0)


def numbers(value: Value, order: str) -> list[int]:
    """A value of the types SHORT or LONG."""
    return [int(n) for n in np.frombuffer(value.content, f"{order}u{_BYTES[value.kind]}")]


def of_numbers(given: Sequence[int], order: str) -> Value:
    """A value of the type LONG."""
    return Value(_LONG, len(given), np.asarray(given, f"{order}u4").tobytes())


def turned(value: Value, order: str, wanted: str) -> Value:
    """The same value in another order of bytes."""
    width = _WORDS.get(value.kind, _BYTES[value.kind])
    if order == wanted or width == 1:
        return value
    return Value(value.kind, value.count, np.frombuffer(value.content, f"u{width}").byteswap().tobytes())


def write(order: str, directory: Directory, strips: Sequence[bytes]) -> bytes:
    """A file of one page with these tags and strips; where the strips lie is filled in."""
    letters = next(letters for letters, each in _ORDERS.items() if each == order)
    content = bytearray(letters + struct.pack(f"{order}HI", _PLAIN, 0))
    places = [_put(content, strip) for strip in strips]
    where = {STRIP_OFFSETS: of_numbers(places, order), STRIP_BYTES: of_numbers([len(strip) for strip in strips], order)}
    struct.pack_into(f"{order}I", content, 4, _put_directory(content, order, {**directory, **where}))
    return bytes(content)


def _read(content: bytes, order: str, at: int, depth: int) -> Directory:
    count = int.from_bytes(_bytes(content, at, 2), "little" if order == "<" else "big")
    found: dict[int, Value] = {}
    for n in range(count):
        tag, kind, many = struct.unpack(f"{order}HHI", _bytes(content, at + 2 + n * _ENTRY_BYTES, 8))
        if kind not in _BYTES:
            raise OutputError(f"expected known types of tags, got {kind} under {tag}; save the picture anew")
        place, length = at + 10 + n * _ENTRY_BYTES, many * _BYTES[kind]
        if length > 4:
            place = _number(content, order, place)
        if tag in BELOW and depth < _DEEPEST:
            found[tag] = Value(kind, 1, b"", _read(content, order, _number(content, order, place), depth + 1))
        else:
            found[tag] = Value(kind, many, _bytes(content, place, length))
    return found


def _number(content: bytes, order: str, at: int) -> int:
    (number,) = struct.unpack(f"{order}I", _bytes(content, at, 4))
    return int(number)


def _bytes(content: bytes, at: int, count: int) -> bytes:
    if at + count > len(content):
        raise OutputError("expected tags inside of the file, got one that lies behind its end; save the picture anew")
    return content[at : at + count]


def _put_directory(content: bytearray, order: str, directory: Directory) -> int:
    """Write a directory and all below it to the end; returns where it begins."""
    lines = bytearray(struct.pack(f"{order}H", len(directory)))
    for tag, value in sorted(directory.items()):
        if value.below is not None:
            place = of_numbers([_put_directory(content, order, value.below)], order)
            value = Value(value.kind, 1, place.content)
        lines += struct.pack(f"{order}HHI", tag, value.kind, value.count)
        if len(value.content) > 4:
            lines += struct.pack(f"{order}I", _put(content, value.content))
        else:
            lines += value.content.ljust(4, b"\0")
    return _put(content, bytes(lines) + bytes(4))  # no further page


def _put(content: bytearray, more: bytes) -> int:
    content += bytes(len(content) % 2)  # everything begins at an even place
    place = len(content)
    content += more
    return place
