"""Videos and sound, by FFmpeg's libraries through PyAV."""

import contextlib
import math
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from unforge.errors import MediaError
from unforge.media.child import boxes, coded, sniff
from unforge.media.child.coded import Packet as Listed
from unforge.media.child.sampling import Grid
from unforge.media.child.skip import telling
from unforge.media.limits import MAX_FRAME_PX

if TYPE_CHECKING:
    from unforge.media.child.run import Replies

# No playlist (hls, dash, concat), no device, no picture sequence, no text: these open further files or draw letters.
_DEMUXERS = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,h264,hevc,m4v,ivf,obu,flv,asf,ogg,mxf,nut,rm,dv,yuv4mpegpipe,"
    "mp3,wav,w64,flac,aac,ac3,eac3,aiff,caf,amr,au"
)
_THREADS = 2
_SLACK_S = 1e-6
_WORTH_A_JUMP_S = 20.0  # decoding from the start is safe everywhere and quick enough up to here
_MARGIN_S = 0.5  # frames that are shown later may be stored earlier
_MAX_TIMED_PACKETS = 20_000  # more than ten minutes at 30 Hz
_BEGINNING_BYTES = 16_384  # where encoders sign
_HD_LINES = 576  # above it, unlabelled colour is BT.709 by custom, else BT.601
_UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
_MAX_STRETCH = 4.0  # pixels that claim to be longer than this are a mistake
_DISPLAY_MATRIX = struct.Struct("=9i")


def probe(replies: "Replies") -> None:
    with _open() as container:
        stream = _picture(container)
        seen = _survey(replies, container, stream)
        if seen.first is None:
            raise _nothing_decoded(stream)
        first, times_s = seen.first, seen.times_s
        _check_size(first.width, first.height)
        rate_hz = (len(times_s) - 1) / (times_s[-1] - times_s[0]) if times_s[-1] > times_s[0] else None
        claimed_s = _claimed_duration_s(container, stream)
        duration_s = times_s[-1] - times_s[0] + (1.0 / rate_hz if rate_hz else 0.0)
        if len(times_s) >= _MAX_TIMED_PACKETS:
            duration_s = max(duration_s, claimed_s or 0.0)
        geometry = _Geometry(first, stream)
        facts: dict[str, Any] = {
            "kind": "video",
            "size_wh": geometry.displayed_wh,
            "duration_s": duration_s,
            "rate_hz": rate_hz,
            "has_sound": any(other.codec_context for other in container.streams.audio),
            "codec": stream.codec_context.name,
            "container": {
                "format": container.format.name,
                "pixel_format": first.format.name,
                "rotation_deg": float(geometry.rotation_deg),
                "decode_errors": float(seen.errors),
                **({} if claimed_s is None else {"claimed_duration_s": claimed_s}),
                **_tags(container),
            },
            "written": _written(container, stream, seen),
        }
    replies.send("facts", {"facts": facts})
    replies.send("end")


def _tags(container: InputContainer) -> dict[str, str]:
    some = sorted(container.metadata.items())[:40]
    return {f"tag_{name.lower()[:40]}": value[:200] for name, value in some}


def _written(container: InputContainer, stream: VideoStream, seen: "_Survey") -> dict[str, str | float]:
    """How the film was written, by its tags, boxes and packets."""
    first = cast(VideoFrame, seen.first)
    written: dict[str, str | float] = {"profile": stream.profile} if stream.profile else {}
    written |= {"interlaced": float(first.interlaced_frame), "packets_corrupt": float(seen.errors)}
    written |= coded.encoder_words(bytes(stream.codec_context.extradata or b"") + seen.beginning)
    written |= coded.facts(seen.packets, float(stream.time_base or 0), first.width * first.height)
    written |= _sound_facts(container, stream)
    found = boxes.read_file()
    return written if found is None else written | found.facts


def _sound_facts(container: InputContainer, stream: VideoStream) -> dict[str, str | float]:
    sounds = [other for other in container.streams.audio if other.codec_context]
    if not sounds:
        return {}
    sound = sounds[0]
    facts: dict[str, str | float] = {
        "sound_codec": sound.codec_context.name,
        "sound_rate_hz": float(sound.codec_context.sample_rate or 0),
        "sound_after_picture_ms": round(1000.0 * (_start_s(sound) - _start_s(stream)), 1),
    }
    lengths = [float(one.duration * one.time_base) for one in (sound, stream) if one.duration and one.time_base]
    if len(lengths) == 2:
        facts["sound_longer_s"] = round(lengths[0] - lengths[1], 3)
    return facts


def frames(
    replies: "Replies",
    rate_hz: float | None,
    gap_s: float | None,
    max_side_px: int,
    every: int,
    start_s: float,
    end_s: float | None,
) -> None:
    with _open() as container:
        stream = _picture(container)
        _start(replies, container, stream)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = _THREADS
        wanted, errors, count, next_s = Grid(rate_hz), _Errors(), 0, None
        geometry: _Geometry | None = None
        for time_s, frame in _timed(replies, container, stream, errors, start_s, gap_s, rate_hz):
            _check_size(frame.width, frame.height)
            count += 1
            if end_s is not None and time_s >= end_s:
                next_s = time_s
                break
            if time_s >= start_s - _SLACK_S and wanted.takes(time_s) and (count - 1) % every == 0:
                if geometry is None or not geometry.fits(frame):
                    geometry = _Geometry(frame, stream)
                replies.frame(time_s, *geometry.displayed(frame, max_side_px))
    if count == 0:
        raise _nothing_decoded(stream)
    replies.send("end", {"decode_errors": errors.count, "next_s": next_s})


def _timed(
    replies: "Replies",
    container: InputContainer,
    stream: VideoStream,
    errors: "_Errors",
    start_s: float,
    gap_s: float | None,
    rate_hz: float | None,
) -> Iterator[tuple[float, VideoFrame]]:
    """Frames with their times, from the last key frame before a second on; from the first where none is found so."""
    jumped = _skip_to(start_s, container, stream)
    while True:
        clock = _Clock(stream)
        packets = _packets(container, stream, errors)
        if gap_s is not None:
            packets = telling(packets, lambda packet: _shown_s(packet, stream), gap_s, rate_hz)
        for frame in _decoded(replies, packets, stream, errors):
            time_s = clock.time_s(frame)
            if jumped and time_s > start_s:  # the index is wrong
                break
            jumped = False
            yield time_s, frame
        if not jumped:
            return
        jumped = False
        container.seek(stream.start_time or 0, stream=stream)


def _shown_s(packet: "Packet[Any]", stream: VideoStream) -> float | None:
    """When a packet's frame is shown, as `_Clock` counts; None where the container does not say."""
    if packet.pts is None or stream.start_time is None or not stream.time_base:
        return None
    return float((packet.pts - stream.start_time) * stream.time_base)


def _skip_to(start_s: float, container: InputContainer, stream: Any) -> bool:
    """Moves to the last key frame before a second, if the way is long and the container counts from a known start."""
    if start_s < _WORTH_A_JUMP_S or stream.start_time is None or not stream.time_base:
        return False
    # A film without an index cannot be skipped in: it is read from where it stands.
    with contextlib.suppress(av.error.FFmpegError):
        container.seek(stream.start_time + int((start_s - _MARGIN_S) / stream.time_base), stream=stream)
        return True
    return False


def image(replies: "Replies", max_side_px: int) -> None:
    _open().close()
    raise MediaError("this is a video, not a picture", code="not_media", path="")


def sound(replies: "Replies", rate_hz: int, start_s: float, end_s: float) -> None:
    with _open() as container:
        streams = [stream for stream in container.streams.audio if stream.codec_context]
        if not streams:
            raise MediaError("the file has no sound", code="no_sound", path="")
        stream = streams[0]
        _start(replies, container, stream)
        pictures = _pictures(container)
        origin_s = _start_s(pictures[0]) if pictures else _start_s(stream)
        resampler = AudioResampler(format="flt", layout="mono", rate=rate_hz)
        decoded, first_s, left = 0, None, math.ceil((end_s - start_s) * rate_hz)
        _skip_to(start_s + origin_s - _start_s(stream), container, stream)
        errors = _Errors()
        for frame in _decoded(replies, _packets(container, stream, errors), stream, errors):
            decoded += 1
            time_s = float(frame.time if frame.time is not None else 0.0) - origin_s
            if time_s + frame.samples / frame.sample_rate <= start_s and start_s > 0.0:
                continue
            if first_s is None and time_s >= end_s:
                break
            first_s = time_s if first_s is None else first_s
            left -= _send_samples(replies, resampler.resample(frame), left)
            if left <= 0:
                break
        if not decoded:
            raise MediaError("no sound in the file's track can be decoded", code="unreadable", path="")
        if first_s is None:
            raise MediaError("the sound has ended before that", code="no_sound", path="")
        _send_samples(replies, resampler.resample(None), left)
    replies.send("end", {"start_s": first_s})


def look(replies: "Replies", max_side_px: int) -> None:
    """Of a film, its facts alone."""
    probe(replies)


TASKS: dict[str, Callable[..., None]] = {
    "probe": probe,
    "look": look,
    "image": image,
    "frames": frames,
    "sound": sound,
}


def _open() -> InputContainer:
    """The container on descriptor 0. FFmpeg may open that descriptor and nothing else."""
    av.logging.set_level(None)
    os.lseek(0, 0, os.SEEK_SET)
    try:
        return av.open(
            "fd:",
            "r",
            options={"protocol_whitelist": "fd", "format_whitelist": _DEMUXERS},
            metadata_errors="replace",
        )
    except av.error.MemoryError:
        raise
    except av.error.FFmpegError as error:
        if sniff.looks_like_clip(sniff.head()):
            raise MediaError(f"the video is damaged: {error.strerror}", code="unreadable", path="") from error
        raise MediaError("this is neither a video nor a picture", code="not_media", path="") from error


def _pictures(container: InputContainer) -> list[VideoStream]:
    """Video streams, the largest first; the cover of an album is not one."""
    still = av.stream.Disposition.attached_pic
    found = [s for s in container.streams.video if s.codec_context and not s.disposition & still]
    return sorted(found, key=lambda s: -s.codec_context.width * s.codec_context.height)


def _picture(container: InputContainer) -> VideoStream:
    pictures = _pictures(container)
    if not pictures:
        if any(stream.codec_context for stream in container.streams.audio):
            raise MediaError("the file holds sound but no picture", code="no_picture", path="")
        if any(stream.type == "video" and not stream.codec_context for stream in container.streams):
            raise MediaError("no decoder knows this video's format", code="unreadable", path="")
        if any(stream.type in ("video", "subtitle") for stream in container.streams):
            raise MediaError("the file holds no picture", code="no_picture", path="")
        raise MediaError("the video is damaged: nothing in it can be named", code="unreadable", path="")
    stream = pictures[0]
    _check_size(stream.codec_context.width, stream.codec_context.height)
    # A frame may still announce another size later on: the decoder itself refuses it before it allocates.
    stream.codec_context.options = {"max_pixels": str(MAX_FRAME_PX)}
    return stream


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_FRAME_PX:
        message = f"the frames are too large: {width} x {height} px, {MAX_FRAME_PX // 1_000_000} million allowed"
        raise MediaError(message, code="too_large", path="")


def _nothing_decoded(stream: VideoStream) -> MediaError:
    _check_size(stream.codec_context.width, stream.codec_context.height)
    return MediaError("the file names a video, but no frame of it can be decoded", code="unreadable", path="")


def _start(replies: "Replies", container: InputContainer, stream: Any) -> None:
    replies.send("start", {"duration_s": _claimed_duration_s(container, stream)})


def _claimed_duration_s(container: InputContainer, stream: Any) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration is not None else None


def _start_s(stream: Any) -> float:
    return float(stream.start_time * stream.time_base) if stream.start_time is not None else 0.0


class _Errors:
    def __init__(self) -> None:
        self.count = 0


def _packets(container: InputContainer, stream: Any, errors: _Errors) -> "Iterator[Packet[Any]]":
    """Packets to the end of the file, or to where its structure breaks."""
    try:
        yield from container.demux(stream)
    except av.error.MemoryError:
        raise
    except av.error.FFmpegError:
        errors.count += 1


def _decode(packet: "Packet[Any]", errors: _Errors) -> list[Any]:
    try:
        return list(packet.decode())
    except av.error.MemoryError:
        raise
    except av.error.FFmpegError:
        errors.count += 1
        return []


def _decoded(replies: "Replies", packets: "Iterator[Packet[Any]]", stream: Any, errors: _Errors) -> Iterator[Any]:
    flushed = False
    for packet in packets:
        replies.alive()
        flushed = packet.size == 0
        yield from _decode(packet, errors)
    if not flushed:  # the structure broke: what the decoder still holds is good
        try:
            yield from stream.codec_context.decode(None)
        except av.error.FFmpegError:
            errors.count += 1


@dataclass(slots=True)
class _Survey:
    """What goes by while a film is read once: first: the first frame that can be decoded; times_s: of the packets."""

    first: VideoFrame | None = None
    times_s: list[float] = field(default_factory=list)
    packets: list[Listed] = field(default_factory=list)
    beginning: bytes = b""  # of the first packet
    errors: int = 0


def _survey(replies: "Replies", container: InputContainer, stream: VideoStream) -> _Survey:
    seen, ticks, errors = _Survey(), set[int](), _Errors()
    for packet in _packets(container, stream, errors):
        replies.alive()
        if packet.size and packet.pts is not None:
            ticks.add(packet.pts)
        if len(seen.packets) < _MAX_TIMED_PACKETS:
            seen.packets.append(Listed(packet.pts, packet.dts, packet.size, packet.is_keyframe))
        seen.beginning = seen.beginning or bytes(packet)[:_BEGINNING_BYTES]
        errors.count += packet.is_corrupt
        if seen.first is None:
            seen.first = next(iter(_decode(packet, errors)), None)
        elif len(ticks) >= _MAX_TIMED_PACKETS:
            break
    step_s = float(stream.time_base or 0)
    seen.times_s, seen.errors = [tick * step_s for tick in sorted(ticks)] or [0.0], errors.count
    return seen


class _Clock:
    """Seconds since the start of the stream, by the container's timestamps; they never decrease.

    A frame without a timestamp, or with one that does not go forward, follows its predecessor at the interval
    seen last.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._start_s: float | None = _start_s(stream) if stream.start_time is not None else None
        rate = stream.average_rate or stream.guessed_rate
        self._interval_s = float(1 / rate) if rate else 0.0
        self._last_s: float | None = None

    def time_s(self, frame: VideoFrame) -> float:
        stamp_s = float(frame.pts * frame.time_base) if frame.pts is not None and frame.time_base else None
        if self._start_s is None:
            self._start_s = stamp_s or 0.0
        time_s = max(stamp_s - self._start_s, 0.0) if stamp_s is not None else None
        if self._last_s is not None:
            if time_s is None or time_s <= self._last_s:
                time_s = self._last_s + self._interval_s
            else:
                self._interval_s = time_s - self._last_s
        self._last_s = time_s or 0.0
        return self._last_s


class _Geometry:
    """How a stored frame is turned and stretched for display."""

    def __init__(self, frame: VideoFrame, stream: VideoStream) -> None:
        a, b, _, c, d, _, _, _, _ = _display_matrix(frame)
        # The matrix takes a stored (right, down) to a displayed (right, down).
        self.swapped = abs(b) + abs(c) > abs(a) + abs(d)
        self.mirrored = (c < 0, b < 0) if self.swapped else (a < 0, d < 0)  # along displayed x, y
        self.rotation_deg = frame.rotation
        self.square_wh = _with_square_pixels(frame, _pixel_ratio(stream))
        self.displayed_wh = self.square_wh[::-1] if self.swapped else self.square_wh
        self._stored = frame.width, frame.height, frame.rotation

    def fits(self, frame: VideoFrame) -> bool:
        """Whether it holds for another frame, too. To read side data keeps a whole frame alive until the next garbage
        collection, which few objects may put off for hundreds of frames: it is read as rarely as can be.
        """
        return self._stored == (frame.width, frame.height, frame.rotation)

    def displayed(self, frame: VideoFrame, max_side_px: int) -> tuple[NDArray[np.uint8], float]:
        """RGB (H, W, 3) as displayed, at most `max_side_px` long; and displayed px per px of it."""
        width, height = self.square_wh
        scale = max(max(width, height) / max_side_px, 1.0)
        rgb = _to_rgb(frame, max(round(width / scale), 1), max(round(height / scale), 1))
        if self.swapped:
            rgb = rgb.transpose(1, 0, 2)
        across, down = self.mirrored
        rgb = rgb[:: -1 if down else 1, :: -1 if across else 1]
        return np.ascontiguousarray(rgb), max(width, height) / max(rgb.shape[:2])


def _display_matrix(frame: VideoFrame) -> tuple[int, ...]:
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return (1, 0, 0, 0, 1, 0, 0, 0, 1)
    matrix = _DISPLAY_MATRIX.unpack(bytes(cast(Any, data))[: _DISPLAY_MATRIX.size])
    return matrix if any(matrix[:2]) and any(matrix[3:5]) else (1, 0, 0, 0, 1, 0, 0, 0, 1)


def _with_square_pixels(frame: VideoFrame, ratio: float) -> tuple[int, int]:
    if ratio >= 1.0:
        return round(frame.width * ratio), frame.height
    return frame.width, round(frame.height / ratio)


def _pixel_ratio(stream: VideoStream) -> float:
    """Width over height of one pixel."""
    ratio = float(stream.sample_aspect_ratio or 1)
    return ratio if 1 / _MAX_STRETCH <= ratio <= _MAX_STRETCH else 1.0


def _to_rgb(frame: VideoFrame, width: int, height: int) -> NDArray[np.uint8]:
    has_alpha = frame.format.name == "pal8" or any(part.is_alpha for part in frame.format.components)
    lines_hd = frame.height > _HD_LINES
    unlabelled = frame.colorspace == _UNSPECIFIED and not frame.format.is_rgb
    picture = frame.reformat(
        width,
        height,
        format="rgba" if has_alpha else "rgb24",
        src_colorspace=(Colorspace.ITU709 if lines_hd else Colorspace.ITU601) if unlabelled else None,
        interpolation=Interpolation.AREA if width < frame.width else Interpolation.BILINEAR,
        threads=1,
    ).to_ndarray()
    rgb = cast(NDArray[np.uint8], picture)
    return _over_white(rgb) if has_alpha else rgb


def _over_white(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    alpha = rgba[..., 3:].astype(np.uint16)
    if alpha.min() == 255:
        return rgba[..., :3]
    return ((rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def _send_samples(replies: "Replies", pieces: list[AudioFrame], left: int) -> int:
    sent = 0
    for piece in pieces:
        samples = np.ascontiguousarray(piece.to_ndarray().reshape(-1)[: left - sent], np.float32)
        if samples.size:
            replies.send("samples", None, samples.data.cast("B"))
            sent += samples.size
    return sent
