"""Where a forged clip differs from its original: the true place of a forgery that somebody else has made."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge import faces
from unforge.errors import MediaError
from unforge.media.frame import Frame
from unforge.media.video import frames

ROOM = 0.9  # kept around the face on each side, in its own sizes
SAME_LEVELS = 4.0  # median difference of two frames that show the same moment; coding alone gives 1 to 2
CHANGED_LEVELS = 5.0  # smoothed difference inside of a forgery; beside it, coding gives 1 to 3
SMOOTH = 48  # the difference is smoothed by one part in so many of the view's side
LEAST, MOST = 0.01, 0.75  # share of the view that may have changed: beyond, pictures do not fit each other

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Look:
    """The surroundings of the forged main face at one moment, those of the original, and the mesh (468, 2) on both."""

    forged: Picture
    original: Picture
    landmarks_px: NDArray[np.float32]


def looks(forged: Path, original: Path, rate_hz: float, most: int) -> list[Look]:
    """Up to `most` moments of a clip and its original; fewer or none where they do not fit or nothing decodes."""
    try:
        return list(islice(_looks(forged, original, rate_hz), most))
    except MediaError:
        return []


def _looks(forged: Path, original: Path, rate_hz: float) -> Iterator[Look]:
    with frames(forged, rate_hz=rate_hz) as ours, frames(original, rate_hz=rate_hz) as theirs:
        for frame, source in zip(ours, theirs, strict=False):
            partner = fitted(source.rgb, frame.rgb)
            tracks = faces.scan([Frame(0.0, frame.rgb)]).tracks
            if partner is not None and tracks:
                main = max(tracks, key=lambda track: float(track.size_px[0]))
                yield _around(main, frame.rgb, partner)


def _around(face: faces.FaceTrack, forged: Picture, original: Picture) -> Look:
    """Nothing but what a network may see is kept: whole frames of many clips would fill the memory."""
    points_px, room = face.landmarks_px[0], ROOM * float(face.size_px[0])
    height, width = forged.shape[:2]
    low = np.clip(points_px.min(axis=0) - room, 0, [width - 1, height - 1]).astype(int)
    high = np.clip(points_px.max(axis=0) + room, low + 1, [width, height]).astype(int)
    inside = np.s_[low[1] : high[1], low[0] : high[0]]
    return Look(forged[inside].copy(), original[inside].copy(), (points_px - low).astype(np.float32))


def fitted(original: Picture, forged: Picture) -> Picture | None:
    """The original in the forgery's size, or None if it shows something else: some tools cut the rim off."""
    height, width = forged.shape[:2]
    low_y, low_x = (original.shape[0] - height) // 2, (original.shape[1] - width) // 2
    if min(low_y, low_x) < 0:
        return None
    middle = original[low_y : low_y + height, low_x : low_x + width]
    difference = cv2.absdiff(middle, forged)
    return middle if float(np.median(difference)) <= SAME_LEVELS else None


def mask(forged: Picture, original: Picture) -> NDArray[np.float64] | None:
    """(S, S), 1.0 where the same view (S, S, 3) of both differs; None where next to nothing or nearly all does."""
    levels = cv2.absdiff(forged, original).astype(np.float32).mean(axis=2)
    smooth = cv2.GaussianBlur(levels, (0, 0), forged.shape[0] / SMOOTH)
    found = _one_piece((smooth > CHANGED_LEVELS).astype(np.uint8))
    return found if LEAST <= found.mean() <= MOST else None


def _one_piece(marks: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The largest piece without its holes: inside of a pasted face some places happen to look like the original."""
    reach = max(3, marks.shape[0] // 12) | 1
    closed = cv2.morphologyEx(marks, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    outlines, _ = cv2.findContours(np.asarray(closed, np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    piece = np.zeros(marks.shape, np.uint8)
    if outlines:
        cv2.drawContours(piece, [max(outlines, key=cv2.contourArea)], -1, 1, cv2.FILLED)
    return piece.astype(np.float64)
