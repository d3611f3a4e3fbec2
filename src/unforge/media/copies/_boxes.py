"""What an MP4 or QuickTime file tells in boxes that FFmpeg does not carry: credentials, XMP, makers' notes.

Carried are the boxes `uuid` of the file and of its `moov`, and those of `moov/udta` that the copy does not have by
itself. Source: ISO/IEC 14496-12, 4.2 (box), 8.10.1 (udta); C2PA specification 2.1, A.5; XMP specification, part 3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from unforge.errors import OutputError

_FIRST_KINDS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"uuid", b"pnot")
_OF_FILMS, _OF_OWNERS, _OWN = b"moov", b"udta", b"uuid"
_MOST_BYTES = 256 * 1024 * 1024  # of all that is carried, and of the index of the film
_HEAD_BYTES = 8


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its name of four letters, its bytes with its head, and how long the head is."""

    kind: bytes
    content: bytes
    head_bytes: int = _HEAD_BYTES

    def inside(self) -> "list[Box]":
        """The boxes that it holds."""
        return list(_inside(self.content, self.head_bytes))


@dataclass(frozen=True, slots=True)
class Told:
    """Boxes that tell something: of the file, of the film (`moov`), and of its owners (`moov/udta`)."""

    of_file: tuple[bytes, ...] = ()
    of_film: tuple[bytes, ...] = ()
    of_owners: tuple[Box, ...] = ()

    def missing_in(self, copied: "Told") -> "Told":
        """What has to be added to a copy. Of owners, those kinds that it does not have by itself."""
        kinds = {box.kind for box in copied.of_owners}
        return Told(self.of_file, self.of_film, tuple(box for box in self.of_owners if box.kind not in kinds))

    def is_in(self, copied: "Told", added: "Told") -> bool:
        """Whether a copy has the same boxes, and what was added to it byte by byte."""
        return (
            self.of_file == copied.of_file
            and self.of_film == copied.of_film
            and {box.kind for box in self.of_owners} <= {box.kind for box in copied.of_owners}
            and set(added.of_owners) <= set(copied.of_owners)
        )


def read(path: Path) -> Told:
    """What a file tells; nothing where it is not made of boxes.

    Raises OutputError for what cannot be carried: boxes `uuid` of single tracks.
    """
    with path.open("rb") as file:
        if file.read(8)[4:] not in _FIRST_KINDS:
            return Told()
        boxes = {place: box for place, box in _outer(file) if box.kind in (_OWN, _OF_FILMS)}
    film = [box for whole in boxes.values() if whole.kind == _OF_FILMS for box in whole.inside()]
    _check_tracks(film, path)
    return Told(
        tuple(box.content for box in boxes.values() if box.kind == _OWN),
        tuple(box.content for box in film if box.kind == _OWN),
        tuple(box for owners in film if owners.kind == _OF_OWNERS for box in owners.inside()),
    )


def add(path: Path, told: Told) -> None:
    """Write boxes into a file whose `moov` is its last one, so that nothing else moves."""
    if told == Told():
        return
    with path.open("r+b") as file:
        last_at, last = list(_outer(file))[-1]
        if last.kind != _OF_FILMS:
            raise OutputError(f"expected moov at the end of the copy, got {last.kind.decode('latin-1')}")
        file.seek(last_at)
        file.write(_film_with(last, told))
        file.write(b"".join(told.of_file))
        file.truncate()


def _film_with(film: Box, told: Told) -> bytes:
    inside = [box.content for box in film.inside() if box.kind != _OF_OWNERS]
    owners = [box.content for one in film.inside() if one.kind == _OF_OWNERS for box in one.inside()]
    owners += [box.content for box in told.of_owners]
    udta = [_box(_OF_OWNERS, owners)] if owners else []
    return _box(_OF_FILMS, [*inside, *udta, *told.of_film])


def _box(kind: bytes, inside: list[bytes]) -> bytes:
    content = b"".join(inside)
    return (len(content) + _HEAD_BYTES).to_bytes(4, "big") + kind + content


def _check_tracks(film: list[Box], path: Path) -> None:
    for track in film:
        if track.kind == b"trak" and any(box.kind == _OWN for box in track.inside()):
            raise OutputError(
                f"{path.name} tells something of a single track in a box of its own, which a copy would lose; "
                "write the film anew without it and take that"
            )


def _outer(file: BinaryIO) -> Iterator[tuple[int, Box]]:
    """The boxes of a file with their places; of those that hold pixels and sound, only the head."""
    size_bytes, place, left = file.seek(0, 2), 0, _MOST_BYTES
    while place + _HEAD_BYTES <= size_bytes:
        file.seek(place)
        kind, head_bytes, end = _head(file.read(16), place, size_bytes)
        is_read = kind in (_OWN, _OF_FILMS)
        left -= (end - place) if is_read else 0
        if left < 0:
            raise OutputError(
                f"expected up to {_MOST_BYTES} bytes of boxes to carry over, got more; write the film anew"
            )
        file.seek(place)
        yield place, Box(kind, file.read(end - place if is_read else head_bytes), head_bytes)
        place = end


def _inside(content: bytes, start: int) -> Iterator[Box]:
    place = start
    while place + _HEAD_BYTES <= len(content):
        kind, head_bytes, end = _head(content[place : place + 16], place, len(content))
        if kind == bytes(4):  # QuickTime may end a list of owners by zeros
            return
        yield Box(kind, content[place:end], head_bytes)
        place = end


def _head(head: bytes, place: int, end_of_all: int) -> tuple[bytes, int, int]:
    """Name, length of the head, and end. Raises OutputError for a box that does not lie in what is around it."""
    size, kind, head_bytes = int.from_bytes(head[:4], "big"), head[4:8], _HEAD_BYTES
    if size == 1:
        size, head_bytes = int.from_bytes(head[8:16], "big"), 16
    end = end_of_all if size == 0 and any(kind) else place + size
    if kind != bytes(4) and not place + head_bytes <= end <= end_of_all:
        raise OutputError(
            "expected boxes that lie one in the other, got one that is too long; write the film anew and take that"
        )
    return kind, head_bytes, max(end, place + head_bytes)
