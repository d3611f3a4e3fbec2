"""Ink in the frames of a video, where it lives: in the blue difference."""

import struct
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.trace import mark

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.plane import VideoPlane

PIXEL_FORMATS = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p")

_MATRIX = struct.Struct("=9i")
_BT709, _UNSPECIFIED, _HD_LINES = 1, 2, 576
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_BLUE_OF_BT709, _BLUE_OF_BT601 = 0.0722, 0.114  # share of blue in brightness (ITU-R BT.709, BT.601)
_LEVELS, _LEVELS_OF_COLOUR = 255.0, 224.0  # of full range, and of colour in limited range


def rgb(frame: "VideoFrame") -> mark.Picture:
    """The frame (H, W, 3) as stored: not turned, and with the pixels that it has."""
    matrix = ("ITU709" if _is_bt709(frame) else "ITU601") if frame.colorspace == _UNSPECIFIED else None
    shown = frame.reformat(format="rgb24", src_colorspace=matrix, threads=1)
    return cast(mark.Picture, shown.to_ndarray())


def inked(frame: "VideoFrame", before: mark.Picture, after: mark.Picture) -> "VideoFrame":
    """A copy of the frame whose blue changes as it does from `before` to `after`, and whose brightness does not.

    A difference of 1 in blue is one of 1 / (2 (1 - share of blue in brightness)) in Cb (ITU-R BT.601 and BT.709).
    """
    from av import VideoFrame

    copied = VideoFrame(frame.width, frame.height, frame.format.name)
    for n in range(3):
        _pixels(copied.planes[n])[:] = _pixels(frame.planes[n])
    share = _BLUE_OF_BT709 if _is_bt709(frame) else _BLUE_OF_BT601
    full = frame.format.name.startswith("yuvj") or frame.color_range == _FULL_RANGE
    gain = 0.5 / (1.0 - share) * (1.0 if full else _LEVELS_OF_COLOUR / _LEVELS)
    blue = after[..., 2].astype(np.float32) - before[..., 2]
    plane = _pixels(copied.planes[1])
    change = cv2.resize(blue, plane.shape[::-1], interpolation=cv2.INTER_AREA) * gain
    plane[:] = np.clip(np.rint(plane + change), 0, 255).astype(np.uint8)
    for name in ("pts", "time_base", "colorspace", "color_range", "color_primaries", "color_trc"):
        setattr(copied, name, getattr(frame, name))
    return copied


def display_matrix(frame: "VideoFrame") -> tuple[int, ...] | None:
    """How the frame is turned for display, as FFmpeg stores it; None where it is not."""
    data = frame.side_data.get("DISPLAYMATRIX")
    return None if data is None else _MATRIX.unpack(bytes(cast(Any, data))[: _MATRIX.size])


def as_stored(chips: mark.Tile, matrix: tuple[int, ...] | None) -> mark.Tile:
    """The tile so that it stands upright when the frame is displayed."""
    if matrix is None:
        return chips
    a, b, _, c, d = matrix[:5]  # from stored (right, down) to displayed (right, down)
    swapped = abs(b) + abs(c) > abs(a) + abs(d)
    across, down = (c < 0, b < 0) if swapped else (a < 0, d < 0)
    chips = chips[:: -1 if down else 1, :: -1 if across else 1]
    return np.ascontiguousarray(chips.T if swapped else chips)


def _is_bt709(frame: "VideoFrame") -> bool:
    if frame.colorspace == _UNSPECIFIED:
        return frame.height > _HD_LINES
    return frame.colorspace == _BT709


def _pixels(plane: "VideoPlane") -> NDArray[np.uint8]:
    """The samples (h, w) of a plane, not copied, without what fills up its lines."""
    lines = np.frombuffer(cast(Any, plane), np.uint8)[: plane.line_size * plane.height]
    return lines.reshape(plane.height, plane.line_size)[:, : plane.width]
