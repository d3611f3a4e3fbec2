"""Lips over time: how far a mouth is open and how it looks, from a close-up of every frame."""

from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from unforge.detect._voice import GRID_HZ
from unforge.faces import FaceTrack

# Mesh points.
INNER_LIPS = ((13, 14), (82, 87), (312, 317), (81, 178), (311, 402))  # upper and lower edge, from the middle outwards
OUTER_LIPS = (0, 17)
INNER_CORNERS, OUTER_CORNERS = (78, 308), (61, 291)
EYES = ((33, 133), (362, 263))  # corners
NOSE_BRIDGE, NOSE_BASE, CHIN = 168, 2, 152

SHAPES = 5
SIDE_PX = 32  # of the mouth's picture
REACH = 0.62  # half the side of that picture, in face scales
BELOW = 0.5  # its centre under the base of the nose, in lengths of the nose
NOSE_SHARE = 1.3  # of eyes x nose: about the width of a mouth and its surroundings
MAX_YAW_DEG = 45.0
GAP_S = 0.25  # across a longer absence nothing is interpolated
SMOOTH_S = 0.025
MOVE = 0.1  # of the deviation of the opening, from one frame to the next: less is tremble, as in a slide show

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lips:
    """The mouth of one person on rows of 1 / GRID_HZ s; row n lies at (first + n) / GRID_HZ.

    features: (T, SHAPES + SIDE_PX^2) float32: five distances, then the picture of the mouth row by row, each without
    its mean over time. opening: (T,) gap between the inner lips, in lengths of the nose.
    width_px: of the mouth, median. moves_s: (M,) seconds of the frames in which the mouth has moved.
    """

    first: int
    features: NDArray[np.float32]
    opening: Floats
    width_px: float
    moves_s: Floats

    @property
    def times_s(self) -> Floats:
        return (self.first + np.arange(len(self.opening))) / GRID_HZ

    @property
    def movement(self) -> float:
        """Standard deviation of the opening, in lengths of the nose."""
        return float(self.opening.std())


def steady(track: FaceTrack) -> FaceTrack | None:
    """The longest part of a close-up in which the face is seen from the front without a gap; None without two looks."""
    kept = np.flatnonzero((np.abs(track.yaw_deg) <= MAX_YAW_DEG) & (np.diff(track.times_s, prepend=-np.inf) > 0.0))
    if len(kept) < 2:
        return None
    starts = np.flatnonzero(np.diff(track.times_s[kept]) > GAP_S) + 1
    longest = max(np.split(kept, starts), key=lambda part: float(track.times_s[part[-1]] - track.times_s[part[0]]))
    if len(longest) < 2:
        return None
    arrays = {field.name: getattr(track, field.name)[longest] for field in fields(track) if field.name != "id"}
    return replace(track, **arrays)


def read(track: FaceTrack) -> Lips:
    """The mouth of a close-up without gaps (`steady`), brought to even rows and smoothed without delay."""
    first = int(np.ceil(track.times_s[0] * GRID_HZ))
    last = max(first + 1, int(np.floor(track.times_s[-1] * GRID_HZ)))
    shape, pictures = shapes(track.landmarks_px), mouths(track.crops, track.crop_landmarks_px)
    columns = np.concatenate([shape, pictures.reshape(len(pictures), -1)], axis=1)
    even = _evenly(track.times_s, columns, np.arange(first, last + 1) / GRID_HZ)
    smooth = gaussian_filter1d(even, SMOOTH_S * GRID_HZ, axis=0, mode="nearest")
    corners = track.landmarks_px[:, OUTER_CORNERS]
    return Lips(
        first=first,
        features=(smooth - smooth.mean(axis=0)).astype(np.float32),
        opening=np.asarray(smooth[:, 0], np.float64),
        width_px=float(np.median(np.hypot(*(corners[:, 1] - corners[:, 0]).T))),
        moves_s=track.times_s[1:][np.abs(np.diff(shape[:, 0])) > MOVE * shape[:, 0].std()],
    )


def shapes(landmarks_px: NDArray[np.floating]) -> Floats:
    """(T, SHAPES) of meshes (T, 468, 2): gap of the inner lips, height of the lips, nose to chin, nose to upper lip in
    lengths of the nose; width of the inner mouth in distances of the eyes. Both rulers are rigid, and each shortens
    with the head's nod or turn as what it measures does.
    """
    points = np.asarray(landmarks_px, np.float64)
    across, down, eyes_px = _axes(points)
    nose_px = np.maximum(_along(points, NOSE_BRIDGE, NOSE_BASE, down), 1e-6)
    gap = np.mean([_along(points, upper, lower, down) for upper, lower in INNER_LIPS], axis=0)
    heights = [
        gap,
        _along(points, *OUTER_LIPS, down),
        _along(points, NOSE_BASE, CHIN, down),
        _along(points, NOSE_BASE, INNER_LIPS[0][0], down),
    ]
    width = _along(points, *INNER_CORNERS, across) / np.maximum(eyes_px, 1e-6)
    return np.column_stack([height / nose_px for height in heights] + [width])


def mouths(crops: NDArray[np.uint8], crop_landmarks_px: NDArray[np.floating]) -> NDArray[np.float32]:
    """(T, SIDE_PX, SIDE_PX) grey pictures of the mouth, held by eyes and nose, light and contrast of the clip removed.

    crops: (T, 224, 224, 3); crop_landmarks_px: (T, 468, 2) on them.
    """
    points = np.asarray(crop_landmarks_px, np.float64)
    across, down, eyes_px = _axes(points)
    nose_px = np.maximum(_along(points, NOSE_BRIDGE, NOSE_BASE, down), 1.0)
    centres = points[:, NOSE_BASE] + BELOW * nose_px[:, None] * down
    scales = SIDE_PX / (2.0 * REACH * np.sqrt(NOSE_SHARE * np.maximum(eyes_px, 1.0) * nose_px))
    pictures = np.empty((len(crops), SIDE_PX, SIDE_PX), np.float32)
    for n, crop in enumerate(crops):
        turn = scales[n] * np.stack([across[n], down[n]])
        matrix = np.column_stack([turn, SIDE_PX / 2.0 - turn @ centres[n]])
        grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        pictures[n] = cv2.warpAffine(grey, matrix, (SIDE_PX, SIDE_PX), flags=cv2.INTER_LINEAR)
    pictures -= pictures.mean(axis=(1, 2), keepdims=True)
    return np.asarray(pictures / max(float(pictures.std()), 1.0), np.float32)


def _axes(points: Floats) -> tuple[Floats, Floats, Floats]:
    """Unit vectors (T, 2) across and down a face, and the distance of the eyes (T,)."""
    left, right = (points[:, corners].mean(axis=1) for corners in EYES)
    eyes_px = np.hypot(*(right - left).T)
    across = (right - left) / np.maximum(eyes_px, 1e-6)[:, None]
    return across, np.column_stack([-across[:, 1], across[:, 0]]), eyes_px


def _along(points: Floats, start: int, end: int, axis: Floats) -> Floats:
    """From one point to another along an axis (T, 2)."""
    return np.asarray(((points[:, end] - points[:, start]) * axis).sum(axis=1), np.float64)


def _evenly(times_s: Floats, columns: NDArray[np.floating], wanted_s: Floats) -> Floats:
    """Columns (T, C) at other times, on straight lines between their rows."""
    after = np.clip(np.searchsorted(times_s, wanted_s), 1, len(times_s) - 1)
    share = np.clip((wanted_s - times_s[after - 1]) / (times_s[after] - times_s[after - 1]), 0.0, 1.0)[:, None]
    return np.asarray((1.0 - share) * columns[after - 1] + share * columns[after], np.float64)
