"""Results on disk, all or nothing: written beside, then renamed. What stood there before survives any failure."""

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unforge.errors import OutputError, ShapeError, UsageError

if TYPE_CHECKING:
    from av.container import OutputContainer

_TICKS_PER_S = 1000
_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
_HD_LINES = 576
_BT709, _BT601 = 1, 6  # AVCOL_SPC_BT709, AVCOL_SPC_SMPTE170M
_ONE_THREAD = "threads=1:lookahead-threads=1"  # the result depends on their number


def atomic_write(path: Path | str, content: bytes) -> None:
    """Writes a file so that a reader sees the old content or the new one, never a part.

    Raises OutputError where the folder is missing or locked, or the disk is full; the old file is then untouched.
    """
    with _replacing(Path(path)) as draft, open(draft, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_video(path: Path | str, frames: Iterable[NDArray[np.uint8]], times_s: Iterable[float], crf: int = 18) -> None:
    """H.264 (yuv420p) with each frame (H, W, 3) at its own time, kept to the millisecond.

    An odd width or height is filled up by repeating the edge, because the format wants even ones. The suffix decides
    the container: .mp4, .m4v, .mov or .mkv. Raises ShapeError, UsageError (times that do not increase, no frames,
    another suffix) and OutputError.
    """
    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        raise UsageError(f"expected a name that ends in one of {', '.join(_FORMATS)}; got {path.name!r}")
    import av

    with _replacing(path) as draft:
        try:
            with av.open(str(draft.resolve()), "w", format=_FORMATS[path.suffix.lower()]) as container:
                _encode(container, frames, times_s, crf)
        except av.error.FFmpegError as error:
            raise OutputError(f"cannot write {path}: {error}") from error


def _encode(
    container: "OutputContainer", frames: Iterable[NDArray[np.uint8]], times_s: Iterable[float], crf: int
) -> None:
    import av

    stream, last_tick = None, -1
    shape: tuple[int, ...] = ()
    for rgb, time_s in zip(frames, times_s, strict=True):
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or (stream and rgb.shape != shape):
            expected = f"uint8 {shape or '(H, W, 3)'}"
            raise ShapeError("frame", expected=expected, got=f"{rgb.dtype} {rgb.shape}")
        tick = round(time_s * _TICKS_PER_S)
        if tick <= last_tick:
            raise UsageError(f"times_s: expected times that increase by 1 ms or more, from 0; got {time_s} s")
        if stream is None:
            shape = rgb.shape
            stream = container.add_stream(
                "libx264", rate=_TICKS_PER_S, options={"crf": str(crf), "x264-params": _ONE_THREAD}
            )
            stream.width, stream.height = shape[1] + shape[1] % 2, shape[0] + shape[0] % 2
            stream.pix_fmt = "yuv420p"
            context = stream.codec_context
            context.time_base = Fraction(1, _TICKS_PER_S)
            context.colorspace = _BT709 if stream.height > _HD_LINES else _BT601
        even = np.pad(rgb, ((0, shape[0] % 2), (0, shape[1] % 2), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(even, format="rgb24")
        matrix = "ITU709" if stream.height > _HD_LINES else "ITU601"
        frame = frame.reformat(format="yuv420p", dst_colorspace=matrix, threads=1)
        frame.pts, frame.time_base = tick, Fraction(1, _TICKS_PER_S)
        # Only the last frame's duration is read from here; the others last until the next one comes.
        frame.duration = max(tick - last_tick, 1)
        container.mux(stream.encode(frame))
        last_tick = tick
    if stream is None:
        raise UsageError("frames: expected one or more, got none")
    container.mux(stream.encode(None))


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; takes its place when the block ends well, goes when it does not."""
    draft = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        yield draft
        os.replace(draft, path)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)
