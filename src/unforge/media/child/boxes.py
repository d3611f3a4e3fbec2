"""What the boxes of an MP4 or QuickTime file say of how it was written, read from descriptor 0.

FFmpeg applies edit lists and says nothing of them. Only headers of boxes and a few small boxes are read; a box that
lies about its size ends the walk of the box that it is in. Source: ISO/IEC 14496-12, sections 4.2 (box), 8.2.2 (mvhd),
8.4.2 (mdhd), 8.4.3 (hdlr), 8.6.6 (elst).
"""

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

_MOST_BOXES = 2_000  # of a whole file; a fragmented film of hours has more, and says nothing new after these
_MOST_TRACKS = 16
_MOST_EDITS = 64
_MOST_BYTES = 4_096  # of the content of one box
_FIRST_KINDS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp", b"uuid", b"pnot")
_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
_CREDENTIALS = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # C2PA manifest store, specification 2.1, section A.5

Read = Callable[[int, int], bytes]
"""So many bytes from a place in the file on; fewer at its end."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One line of an edit list. media_s: where in the track it begins; None for an empty edit, which only waits."""

    duration_s: float
    media_s: float | None
    rate: float


@dataclass(frozen=True, slots=True)
class Track:
    """kind: "vide", "soun", ... by the handler; duration_s: of all that is stored."""

    kind: str
    handler: str
    duration_s: float
    edits: tuple[Edit, ...]


@dataclass(slots=True)
class Boxes:
    """A file by its boxes. layout: kinds on the top level in order, repetitions left out; created: UTC, or None."""

    layout: list[str] = field(default_factory=list)
    brands: str = ""
    created: datetime | None = None
    tracks: list[Track] = field(default_factory=list)
    has_credentials: bool = False
    is_cut: bool = False  # a box goes on behind the end of the file

    @property
    def facts(self) -> dict[str, str | float]:
        """What it tells, under names with units."""
        told: dict[str, str | float] = {"box_layout": " ".join(self.layout), "boxes_cut": float(self.is_cut)}
        if self.brands:
            told["brands"] = self.brands
        if self.created is not None:
            told["created"] = self.created.isoformat(timespec="seconds")
        told["content_credentials"] = float(self.has_credentials)
        for kind, prefix in (("vide", ""), ("soun", "sound_")):
            track = next((track for track in self.tracks if track.kind == kind), None)
            told |= {} if track is None else {prefix + name: value for name, value in _track_facts(track).items()}
        return told


def _track_facts(track: Track) -> dict[str, str | float]:
    told: dict[str, str | float] = {"handler": track.handler} if track.handler else {}
    shown = [edit for edit in track.edits if edit.media_s is not None]
    told["edits"] = float(len(shown))
    if shown:
        waits_s = sum(edit.duration_s for edit in track.edits if edit.media_s is None)
        first_s, last = shown[0].media_s or 0.0, shown[-1]
        left_s = track.duration_s - (last.media_s or 0.0) - last.duration_s
        # An edit of duration 0 lasts to the end of the track.
        told |= {
            "edit_start_ms": round(1000.0 * first_s, 1),
            "edit_delay_ms": round(1000.0 * waits_s, 1),
            "edit_cut_end_ms": round(1000.0 * max(left_s, 0.0), 1) if last.duration_s > 0.0 else 0.0,
            "edit_rate_changes": float(sum(edit.rate != 1.0 for edit in shown)),
        }
    return told


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int  # of its content
    end: int
    is_cut: bool


def read_file() -> Boxes | None:
    """The boxes of the file on descriptor 0; None where it has none."""
    return read(lambda place, count: os.pread(0, count, place), os.fstat(0).st_size)


def read(source: Read, size_bytes: int) -> Boxes | None:
    """The boxes of a file of so many bytes; None where it does not begin with a box that such files begin with."""
    if source(4, 4) not in _FIRST_KINDS:
        return None
    walk, found = _Walk(source), Boxes()
    for box in walk.inside(0, size_bytes):
        name = _text(box.kind)
        if found.layout[-1:] != [name] and len(found.layout) < 32:
            found.layout.append(name)
        found.is_cut |= box.is_cut
        if box.kind == b"ftyp":
            found.brands = _brands(walk.content(box))
        elif box.kind == b"uuid":
            found.has_credentials |= source(box.start, 16) == _CREDENTIALS
        elif box.kind == b"moov":
            _movie(walk, box, found)
    return found


class _Walk:
    """Goes through boxes; all of it together is bounded, whatever the boxes say."""

    def __init__(self, source: Read) -> None:
        self._source, self._left = source, _MOST_BOXES

    def inside(self, start: int, end: int) -> Iterator[_Box]:
        place = start
        while place + 8 <= end and self._left > 0:
            self._left -= 1
            head = self._source(place, 16)
            if len(head) < 8:
                return
            size, kind, first = int.from_bytes(head[:4], "big"), head[4:8], place + 8
            if size == 1:
                if len(head) < 16:
                    return
                size, first = int.from_bytes(head[8:16], "big"), place + 16
            after = end if size == 0 else place + size
            if after < first:
                return
            yield _Box(kind, first, min(after, end), after > end)
            place = after

    def content(self, box: _Box) -> bytes:
        return self._source(box.start, min(box.end - box.start, _MOST_BYTES))

    def find(self, box: _Box, *path: bytes) -> _Box | None:
        """The first box on a path of kinds below a box."""
        for kind in path:
            below = next((one for one in self.inside(box.start, box.end) if one.kind == kind), None)
            if below is None:
                return None
            box = below
        return box


def _movie(walk: _Walk, movie: _Box, found: Boxes) -> None:
    timescale = 0
    for box in walk.inside(movie.start, movie.end):
        if box.kind == b"mvhd":
            timescale, _, found.created = _header(walk.content(box))
        elif box.kind == b"trak" and len(found.tracks) < _MOST_TRACKS:
            track = _track(walk, box, timescale)
            found.tracks += [] if track is None else [track]


def _track(walk: _Walk, box: _Box, timescale: int) -> Track | None:
    head, handler = walk.find(box, b"mdia", b"mdhd"), walk.find(box, b"mdia", b"hdlr")
    if head is None or handler is None:
        return None
    media_timescale, duration, _ = _header(walk.content(head))
    edits = walk.find(box, b"edts", b"elst")
    found = () if edits is None else _edits(walk.content(edits), timescale, media_timescale)
    kind, name = _handler(walk.content(handler))
    return Track(kind, name, duration / media_timescale if media_timescale else 0.0, found)


def _header(content: bytes) -> tuple[int, int, datetime | None]:
    """Ticks a second, duration in ticks and time of creation, of mvhd or mdhd; 0 and None where it is damaged."""
    layout = struct.Struct(">QQIQ" if content[:1] == b"\1" else ">IIII")
    if len(content) < 4 + layout.size:
        return 0, 0, None
    created_s, _, timescale, duration = layout.unpack_from(content, 4)
    unknown = duration == (1 << (64 if layout.format == ">QQIQ" else 32)) - 1
    return timescale, 0 if unknown else duration, _date(created_s)


def _date(since_1904_s: int) -> datetime | None:
    """0 means that nobody set it; so does a time that no calendar knows."""
    try:
        return _EPOCH + timedelta(seconds=since_1904_s) if since_1904_s else None
    except OverflowError:
        return None


def _handler(content: bytes) -> tuple[str, str]:
    """Kind and name. QuickTime counts the letters of the name, MP4 ends it with a zero."""
    name = content[24:]
    if name and name[0] == len(name.rstrip(b"\0")) - 1:
        name = name[1:]
    return _text(content[8:12]), _text(name.split(b"\0")[0][:80])


def _edits(content: bytes, timescale: int, media_timescale: int) -> tuple[Edit, ...]:
    line = struct.Struct(">Qqi" if content[:1] == b"\1" else ">Iii")
    count = min(int.from_bytes(content[4:8], "big"), (len(content) - 8) // line.size, _MOST_EDITS)
    if not timescale or not media_timescale:
        return ()
    edits = []
    for n in range(count):
        duration, media, rate = line.unpack_from(content, 8 + n * line.size)
        edits.append(Edit(duration / timescale, None if media < 0 else media / media_timescale, rate / 65536.0))
    return tuple(edits)


def _brands(content: bytes) -> str:
    """The major brand and the compatible ones, without repetitions."""
    brands = [content[:4], *(content[n : n + 4] for n in range(8, min(len(content), 72) - 3, 4))]
    return " ".join(dict.fromkeys(_text(brand) for brand in brands if brand.strip(b"\0 ")))


def _text(letters: bytes) -> str:
    """Printable ASCII; anything else becomes a question mark."""
    return "".join(chr(one) if 32 <= one < 127 else "?" for one in letters).strip()
