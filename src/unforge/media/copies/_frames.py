"""A change in the frames of a video, added to the planes that are coded: what does not change stays bit by bit."""

import struct
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.media.copies import Picture

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.plane import VideoPlane

PIXEL_FORMATS = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p")

_MATRIX = struct.Struct("=9i")
_BT709, _UNSPECIFIED, _HD_LINES = 1, 2, 576
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_OF_BT709, _OF_BT601 = (0.2126, 0.7152, 0.0722), (0.299, 0.587, 0.114)  # share of R, G and B in brightness
_LEVELS, _LEVELS_OF_BRIGHTNESS, _LEVELS_OF_COLOUR = 255.0, 219.0, 224.0  # of full range, and in limited range
_BLUE_DIFFERENCE = 1  # the number of its plane


def rgb(frame: "VideoFrame") -> Picture:
    """The frame (H, W, 3) as stored: not turned, and with the pixels that it has."""
    matrix = ("ITU709" if _is_bt709(frame) else "ITU601") if frame.colorspace == _UNSPECIFIED else None
    shown = frame.reformat(format="rgb24", src_colorspace=matrix, threads=1)
    return cast(Picture, shown.to_ndarray())


def change(frame: "VideoFrame", before: Picture, after: Picture, only_blue: bool) -> None:
    """Change a frame as it does from `before` to `after` (H, W, 3), both as stored; captions in it stay.

    There must be a change. only_blue: it is in blue alone and goes to the blue difference (Cb); brightness stays.
    """
    frame.make_writable()  # the decoder still predicts other frames from these pixels
    where = _changed_box(before, after)
    difference = cv2.subtract(after[where], before[where], dtype=cv2.CV_32F)
    rows = _rows(frame)
    for n in (_BLUE_DIFFERENCE,) if only_blue else range(3):
        part = cast(NDArray[np.float32], cv2.transform(difference, rows[n : n + 1]))
        _add(_pixels(frame.planes[n]), part, where, frame)


def display_matrix(frame: "VideoFrame") -> tuple[int, ...] | None:
    """How the frame is turned for display, as FFmpeg stores it; None where it is not."""
    data = frame.side_data.get("DISPLAYMATRIX")
    return None if data is None else _MATRIX.unpack(bytes(cast(Any, data))[: _MATRIX.size])


def _changed_box(before: Picture, after: Picture) -> tuple[slice, slice]:
    """Rows and columns that hold all changes, from and to even ones, so that it also is a box in reduced planes."""
    changed = (before != after).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    return _even_span(rows, len(before)), _even_span(columns, before.shape[1])


def _even_span(numbers: NDArray[np.intp], count: int) -> slice:
    return slice(int(numbers[0]) // 2 * 2, min(int(numbers[-1]) // 2 * 2 + 2, count))


def _add(
    plane: NDArray[np.uint8], change: NDArray[np.float32], where: tuple[slice, slice], frame: "VideoFrame"
) -> None:
    """Add a change, given for the pixels of the frame in a box, to a plane, which may have fewer."""
    down, across = -(-frame.height // plane.shape[0]), -(-frame.width // plane.shape[1])
    part = plane[_reduced(where[0], down), _reduced(where[1], across)]
    if change.shape != part.shape:
        change = cast(NDArray[np.float32], cv2.resize(change, part.shape[::-1], interpolation=cv2.INTER_AREA))
    part[:] = np.clip(np.rint(part + change), 0, 255).astype(np.uint8)


def _reduced(span: slice, times: int) -> slice:
    return slice(span.start // times, -(-span.stop // times))


def _rows(frame: "VideoFrame") -> NDArray[np.float32]:
    """Rows (3, 3) from R, G and B to Y, Cb and Cr: ITU-R BT.601-7, section 2.5, and BT.709-6, section 3."""
    shares = np.asarray(_OF_BT709 if _is_bt709(frame) else _OF_BT601)
    full = frame.format.name.startswith("yuvj") or frame.color_range == _FULL_RANGE
    rows = np.empty((3, 3))
    rows[0] = shares * (1.0 if full else _LEVELS_OF_BRIGHTNESS / _LEVELS)
    for row, colour in ((1, 2), (2, 0)):
        rows[row] = (np.eye(3)[colour] - shares) * 0.5 / (1.0 - shares[colour])
        rows[row] *= 1.0 if full else _LEVELS_OF_COLOUR / _LEVELS
    return rows.astype(np.float32)


def _is_bt709(frame: "VideoFrame") -> bool:
    if frame.colorspace == _UNSPECIFIED:
        return frame.height > _HD_LINES
    return frame.colorspace == _BT709


def _pixels(plane: "VideoPlane") -> NDArray[np.uint8]:
    """The samples (h, w) of a plane, not copied, without what fills up its lines."""
    lines = np.frombuffer(cast(Any, plane), np.uint8)[: plane.line_size * plane.height]
    return lines.reshape(plane.height, plane.line_size)[:, : plane.width]
