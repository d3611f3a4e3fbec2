"""Videos: every frame is changed; sound, subtitles, times, rotation and tags go along as they are.

The picture is coded anew as H.264 at a stated CRF, from planes to which only the change was added (`_frames`). The copy
is then read to its end: every frame at its time, every other packet equal, the tags the same, the change in its place.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from unforge.errors import MediaError, OutputError
from unforge.media.copies import Change, Picture, Progress, Written, _boxes, _frames, _said, _turn
from unforge.media.probe import MediaFacts

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer, OutputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")

# Quantisers below that of brightness, where nothing but blue changes. At 0, text on screens keeps a third of a change
# of blue, at -8 two thirds, and what colour for every other pixel keeps at best is little more.
_COLOUR_OFFSET = -8
_CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
_BOXED = ("mp4", "mov")
_COMPARED, _COMPARED_PX = 6, 16_000_000  # so many frames, or two, are held against the copy
_MOVED_S = 0.001  # Matroska counts milliseconds
_ENCODING = 0.7  # share of the work
_ANY = 0  # AV_PICTURE_TYPE_NONE


def copy(source: Path, target: Path, change: Change, facts: MediaFacts, on_progress: Progress) -> Written:
    """A changed copy of the film.

    Raises OutputError for what cannot be carried over: more than 8 bits a sample, interlaced frames, several pictures.
    """
    if facts.kind != "video":
        raise MediaError("this is a still picture, whatever its name says", code="not_media", path=source)
    whole_s = facts.duration_s or 0.0
    with _draft(source, target) as draft:
        copied = _Copy(source, draft, change)
        copied.write(lambda time_s: on_progress(_ENCODING * _done(time_s, whole_s)))
        share = copied.read_back(lambda time_s: on_progress(_ENCODING + (1 - _ENCODING) * _done(time_s, whole_s)))
        change.check(share, source)
    on_progress(1.0)
    return Written(target, share, (f"coded as H.264 at CRF {change.crf}", *copied.left_out))


@contextmanager
def _draft(source: Path, target: Path) -> Iterator[Path]:
    """A name beside the target, which it takes when all has gone well."""
    import av

    draft = target.with_name(f".{target.stem[:100]}.{secrets.token_hex(4)}.part{target.suffix}")
    try:
        yield draft
        os.replace(draft, target)
    except (MediaError, OutputError):
        raise
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
    except av.error.FFmpegError as error:
        raise OutputError(f"{source.name} cannot be copied whole: {error}; write it anew and take that") from error
    finally:
        draft.unlink(missing_ok=True)


@dataclass
class _Track:
    """What went through one stream: when, and for those that are copied as they are, a digest of what."""

    times_s: list[float] = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, packet: "Packet[Stream]") -> None:
        if packet.size:
            self.times_s.append(_time_s(packet))
            self.digest.update(bytes(packet))

    def add_attachment(self, stream: "Stream") -> None:
        """A file inside of the film, which does not come in packets."""
        self.digest.update(getattr(stream, "data", None) or b"")

    def same_as(self, other: "_Track") -> bool:
        pairs = zip(self.times_s, other.times_s, strict=False)
        at_their_times = all(abs(one - another) <= _MOVED_S for one, another in pairs)
        same_count = len(self.times_s) == len(other.times_s)
        return same_count and at_their_times and bool(self.digest.digest() == other.digest.digest())


@dataclass
class _Some:
    """A few of the changed frames of a film of unknown length: every n-th; n doubles when they become too many.

    frames: before and after, upright, by the number of the frame in the film.
    """

    frames: dict[int, tuple[Picture, Picture]] = field(default_factory=dict)
    every: int = 1
    n_offered: int = 0

    def offer(self, number: int, before: Picture, after: Picture) -> None:
        if self.n_offered % self.every == 0:
            self.frames[number] = before, after
        self.n_offered += 1
        if len(self.frames) > min(_COMPARED, max(_COMPARED_PX // (before.shape[0] * before.shape[1]), 2)):
            self.every *= 2
            self.frames = {n: self.frames[n] for n in list(self.frames)[::2]}


@dataclass
class _Copy:
    """One film and its copy.

    turn: how its frames are turned for display. number: of the stream with the picture, in the copy. others: what goes
    along, by the number of its stream in the copy.
    """

    source: Path
    draft: Path
    change: Change
    left_out: list[str] = field(default_factory=list)
    turn: _turn.Turn = field(default_factory=_turn.Turn)
    start_s: float = 0.0
    number: int = 0
    picture: _Track = field(default_factory=_Track)
    others: dict[int, _Track] = field(default_factory=dict)
    said: _said.Said = field(default_factory=lambda: _said.Said({}))
    told: _boxes.Told = field(default_factory=_boxes.Told)
    compared: _Some = field(default_factory=_Some)

    def write(self, on_time: Progress) -> None:
        """Code the picture, let the rest go along. on_time: gets the time of each frame in seconds."""
        import av

        self.told = _boxes.read(self.source)
        with av.open(str(self.source)) as read, self._written(read) as written:
            picture = self._picture_of(read)
            first = next(read.decode(picture))
            read.seek(0)
            self._check_frame(first)
            matrix = _frames.display_matrix(first)
            self.turn, self.start_s = _turn.of_matrix(matrix), _start_s(picture, first)
            streams = self._streams(read, written, picture, first, matrix)
            self.number = streams[picture].index
            self.said = _said.said(read, {stream: into.index for stream, into in streams.items()})
            for packet in read.demux(list(streams)):
                into = streams[packet.stream]
                if packet.stream is picture:
                    for frame in picture.decode(packet):
                        self._apply(frame)
                        written.mux(into.encode(frame))
                        on_time(self.picture.times_s[-1])
                elif packet.size:
                    self.others[into.index].add(packet)
                    packet.stream = into
                    written.mux(packet)
            written.mux(streams[picture].encode(None))
        self._add_boxes()

    def read_back(self, on_time: Progress) -> float:
        """Times and what went along must be equal. Returns the share of the change in the frames that were kept."""
        import av

        picture, others = _Track(), {number: _Track() for number in self.others}
        shares: list[float] = []
        with av.open(str(self.draft)) as read:
            stream = cast("VideoStream", read.streams[self.number])
            self.said.check(_said.said(read, {each: each.index for each in read.streams}), self.source)
            for number in others:
                others[number].add_attachment(read.streams[number])
            for packet in read.demux():
                if packet.stream.index in others:
                    others[packet.stream.index].add(packet)
                for frame in stream.decode(packet) if packet.stream is stream else ():
                    pair = self.compared.frames.get(len(picture.times_s))
                    picture.times_s.append(_time_s(frame))
                    on_time(picture.times_s[-1])
                    if pair is not None:
                        shares.append(self.change.held(*pair, self.turn.displayed(_frames.rgb(frame))))
        if not picture.same_as(self.picture):
            raise OutputError(f"{self.source.name}: the frames of the copy do not stand at their times")
        if not all(track.same_as(self.others[number]) for number, track in others.items()):
            raise OutputError(f"{self.source.name}: sound or subtitles of the copy differ from those of the original")
        return sum(shares) / len(shares) if shares else 1.0

    def _picture_of(self, read: "InputContainer") -> "VideoStream":
        import av

        pictures = [s for s in read.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
        if len(pictures) != 1:
            raise OutputError(f"{self.source.name} holds {len(pictures)} video streams; expected one")
        return pictures[0]

    def _written(self, read: "InputContainer") -> "OutputContainer":
        """The copy, opened to be written, with the tags and chapters of the original."""
        import av

        container = _CONTAINERS[self.draft.suffix.lower()]
        free_names = container in _BOXED and not _said.have_places(read.metadata)
        options = {"movflags": "use_metadata_tags"} if free_names else {}
        written = av.open(str(self.draft), "w", format=container, options=options)
        written.metadata.update(_said.tags(read.metadata))
        written.set_chapters(read.chapters())
        return written

    def _streams(
        self,
        read: "InputContainer",
        written: "OutputContainer",
        picture: "VideoStream",
        first: "VideoFrame",
        matrix: tuple[int, ...] | None,
    ) -> dict["Stream", Any]:
        """The streams of the copy by those of the original; the picture stays in its place among them."""
        streams: dict[Stream, Any] = {}
        for stream in read.streams:
            if stream is picture:
                streams[stream] = _coder(written, picture, first, matrix, self.change)
            elif _can_be_copied(stream, written.format.name):
                streams[stream] = written.add_stream_from_template(stream)
                self.others[streams[stream].index] = _Track()
                self.others[streams[stream].index].add_attachment(stream)
            elif not _holds_chapters(stream, read):
                self.left_out.append(f"stream {stream.index} ({stream.type}) was left out: it cannot be copied")
            if stream in streams:
                _tell(stream, streams[stream])
        return streams

    def _add_boxes(self) -> None:
        """What is told in boxes is added to the copy and read back from it."""
        added = self.told.missing_in(_boxes.read(self.draft))
        _boxes.add(self.draft, added)
        if not self.told.is_in(_boxes.read(self.draft), added):
            raise OutputError(f"{self.source.name}: the copy would lose credentials or notes; nothing was written")

    def _apply(self, frame: "VideoFrame") -> None:
        """Change the frame; where nothing changes, it is not touched."""
        self._check_frame(frame)
        frame.pict_type = _ANY  # the coder decides anew
        stored = _frames.rgb(frame)
        before = self.turn.displayed(stored)
        number = len(self.picture.times_s)
        self.picture.times_s.append(_time_s(frame))
        after = self.change.applied(before, max(self.picture.times_s[-1] - self.start_s, 0.0))
        if not np.array_equal(before, after):
            self.compared.offer(number, before, after)
            _frames.change(frame, stored, self.turn.stored(after), self.change.only_blue)

    def _check_frame(self, frame: "VideoFrame") -> None:
        if frame.format.name not in _frames.PIXEL_FORMATS:
            what = f"has pixels of the format {frame.format.name}; make a copy in yuv420p (8 bits, no HDR)"
        elif frame.interlaced_frame:
            what = "is interlaced; make a progressive copy"
        elif frame.pts is None:
            what = "has frames without a time; write it anew"
        else:
            return
        raise OutputError(f"{self.source.name} {what} and take that")


def _coder(
    written: "OutputContainer",
    picture: "VideoStream",
    first: "VideoFrame",
    matrix: tuple[int, ...] | None,
    change: Change,
) -> "VideoStream":
    """H.264 with the size, colours, times and rotation of the original."""
    offset = _COLOUR_OFFSET if change.only_blue else 0
    options = {"crf": str(change.crf), "x264-params": f"chroma-qp-offset={offset}"}
    stream = written.add_stream("libx264", rate=picture.average_rate or 25, options=options)
    stream.width, stream.height, stream.pix_fmt = first.width, first.height, first.format.name
    stream.set_display_matrix(matrix)
    context = stream.codec_context
    if picture.time_base is not None:
        context.time_base = picture.time_base
    if picture.sample_aspect_ratio:
        context.sample_aspect_ratio = picture.sample_aspect_ratio
    for name in ("colorspace", "color_range", "color_primaries", "color_trc"):
        setattr(context, name, getattr(first, name))
    return stream


def _can_be_copied(stream: "Stream", container: str) -> bool:
    """Whether the container takes the stream as it is, by trying with nothing else in it."""
    import av

    try:
        with av.open(BytesIO(), "w", format=container) as tried:
            tried.add_stream_from_template(stream)
            tried.start_encoding()
    except (ValueError, TypeError, OSError, av.error.FFmpegError):
        return False
    return True


def _holds_chapters(stream: "Stream", read: "InputContainer") -> bool:
    """MP4 and QuickTime keep chapters as a stream with a text for each; they are written anew."""
    chapters = read.chapters()
    return stream.type == "data" and 0 < len(chapters) == stream.frames


def _tell(stream: "Stream", copied: "Stream") -> None:
    """Tags and purpose of a stream go to its copy. MP4 calls a name what is written as a title."""
    copied.metadata.update(stream.metadata)
    copied.disposition = stream.disposition
    if "name" in stream.metadata:
        copied.metadata.setdefault("title", stream.metadata["name"])


def _start_s(picture: "VideoStream", first: "VideoFrame") -> float:
    """When the film starts, as `media.video` has it."""
    if picture.start_time is None or picture.time_base is None:
        return _time_s(first)
    return float(picture.start_time * picture.time_base)


def _time_s(seen: "VideoFrame | Packet[Stream]") -> float:
    if seen.pts is None or seen.time_base is None:
        raise OutputError(
            "expected every frame and packet at a time, got one without; write the film anew and take that"
        )
    return float(seen.pts * seen.time_base)


def _done(time_s: float, whole_s: float) -> float:
    return min(max(time_s / whole_s, 0.0), 1.0) if whole_s > 0.0 else 0.0
