"""Whether what is behind a face moves with it: the motion of the surroundings against that of the head.

A filmed background stands still, or moves with the camera and not with the head. Where a still picture was animated,
the background is often pulled along with the head, or is frozen as no camera leaves it. Measured between frames STEP_S
apart, in the pixels of the film: two crops are laid onto each other by where they were cut out, so that what stands
still in the film stands still between them.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.detect._surroundings import inside_picture
from unforge.faces import FaceTrack, align
from unforge.faces.regions import LEFT_EYE, NOSE, OVAL, RIGHT_EYE, hull_mask

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

STEP_S = 0.2
SIDE_PX = 112  # crops are compared at half their size
HEAD = 1.5  # the oval so many times as wide is head and hair, not background
LEAST_MOTION_PX = 1.0  # of the head in a step; below, nothing can follow it
CORNERS, FEWEST_CORNERS = 40, 6
FEWEST_STEPS = 5
MOST_STEPS = 60
MOST_ERROR = 12.0  # grey levels, of a corner that was followed rightly
RIGID = NOSE + LEFT_EYE + RIGHT_EYE
UNCHANGED_LEVELS = 0.2  # mean change from the frame before, in grey levels, after laying both onto each other ...
SOFT_PX = 2.5  # ... and blurring both by so much
BEHIND_PX = 250  # of a half-sized crop, from which on there is a background


@dataclass(frozen=True, slots=True)
class Backdrop:
    """Motion over S steps of about STEP_S, in pixels of the film.

    times_s: (S,) where each step ends. face_px, behind_px: (S, 2) how far head and background went; behind is nan where
    too few corners could be followed. change: (S,) mean change of the background in grey levels that is left. size_px:
    of the face.
    """

    times_s: Floats
    face_px: Floats
    behind_px: Floats
    change: Floats
    size_px: float

    @property
    def facts(self) -> dict[str, float]:
        """Figures over all steps; those that need a background that can be followed are left out without one."""
        found = {"face_motion_px": _typical(self.face_px)}
        if np.isfinite(self.change).any():
            found["background_change_levels"] = float(np.nanmedian(self.change))
        known = np.isfinite(self.behind_px[:, 0])
        if int(known.sum()) >= FEWEST_STEPS:
            face, behind = self.face_px[known], self.behind_px[known]
            found["background_motion_px"] = _typical(behind)
            if _typical(face) >= LEAST_MOTION_PX:
                found["background_follows_face"] = follows(face, behind)
        return found


def follows(face_px: Floats, behind_px: Floats) -> float:
    """How much of the head's motion (S, 2) the background joins in: slope of one on the other, without their means.

    0: it stays; 1: it moves along, as under a moving camera. Steady motion of both is left out, because a camera that
    pans and a head that walks agree by accident.
    """
    face, behind = face_px - face_px.mean(axis=0), behind_px - behind_px.mean(axis=0)
    return float((face * behind).sum() / ((face**2).sum() + 1e-6 * len(face)))


def measure(track: FaceTrack, size_wh: tuple[int, int]) -> Backdrop | None:
    """Motion behind a face that was seen frame by frame; None where there are too few frames."""
    pairs = _pairs(track.times_s)
    if len(pairs) < FEWEST_STEPS:
        return None
    face, behind, change = [], [], []
    for before, after in pairs:
        moved = track.landmarks_px[after, list(RIGID)] - track.landmarks_px[before, list(RIGID)]
        face.append(moved.mean(axis=0))
        shift, left = _behind(track, before, after, size_wh)
        behind.append(shift)
        change.append(left)
    times_s = track.times_s[[after for _, after in pairs]]
    return Backdrop(times_s, np.array(face), np.array(behind), np.array(change), float(np.median(track.size_px)))


def unchanged_share(track: FaceTrack, most: int = 160) -> float | None:
    """Share of frames whose face shows no change from the frame before; None for a track that is too short."""
    if len(track) < FEWEST_STEPS:
        return None
    places = np.unique(np.linspace(1, len(track) - 1, most).round().astype(int))
    return float(np.mean([_is_unchanged(track, n) for n in places]))


def _is_unchanged(track: FaceTrack, n: int) -> bool:
    # Blurred, because a mesh that trembles by a tenth of a pixel makes another crop of the same picture.
    before, after = (
        cv2.GaussianBlur(grey.astype(np.float32), (0, 0), SOFT_PX)
        for grey in (_half(track.crops[n - 1]), _laid(track, n - 1, n))
    )
    middle = np.s_[SIDE_PX // 4 : 3 * SIDE_PX // 4, SIDE_PX // 4 : 3 * SIDE_PX // 4]
    return float(cv2.absdiff(before[middle], after[middle]).mean()) < UNCHANGED_LEVELS


def _pairs(times_s: Floats) -> list[tuple[int, int]]:
    """Frames about STEP_S apart, one pair after the other; evenly thinned to MOST_STEPS."""
    pairs, before = [], 0
    for after in range(1, len(times_s)):
        apart_s = times_s[after] - times_s[before]
        if apart_s >= STEP_S - 1e-6:
            if apart_s <= 2.0 * STEP_S:
                pairs.append((before, after))
            before = after
    return pairs[:: max(1, -(-len(pairs) // MOST_STEPS))]


def _behind(track: FaceTrack, before: int, after: int, size_wh: tuple[int, int]) -> tuple[Floats, float]:
    """How far the background went in pixels of the film (2,), and what change is left of it in grey levels."""
    first, second = _half(track.crops[before]), _laid(track, before, after)
    place = _background(track, before, size_wh) & _background(track, after, size_wh, onto=before)
    nothing = np.full(2, np.nan)
    if int(place.sum()) < BEHIND_PX:
        return nothing, float("nan")
    left = float(cv2.absdiff(first, second)[place].mean())
    corners = cv2.goodFeaturesToTrack(first, CORNERS, 0.02, 4, mask=place.astype(np.uint8))
    if corners is None or len(corners) < FEWEST_CORNERS:
        return nothing, left
    found, status, error = cv2.calcOpticalFlowPyrLK(
        first, second, corners, corners.copy(), winSize=(11, 11), maxLevel=2
    )
    good = (status[:, 0] == 1) & (error[:, 0] < MOST_ERROR)
    if int(good.sum()) < FEWEST_CORNERS:
        return nothing, left
    shift = np.median((found - corners)[good, 0], axis=0).astype(np.float64)
    back = np.linalg.inv(_matrix(track, before)[:, :2])
    return back @ shift, left


def _matrix(track: FaceTrack, n: int) -> Floats:
    """(2, 3) from the film to the half-sized crop."""
    return align.face_square(track.landmarks_px[n], align.CROP_MARGIN, SIDE_PX)


def _laid(track: FaceTrack, before: int, after: int) -> NDArray[np.uint8]:
    """A later crop, half-sized and grey, laid where an earlier one was cut out."""
    onto = _onto(track, before, after)
    size = (SIDE_PX, SIDE_PX)
    return np.asarray(
        cv2.warpAffine(_half(track.crops[after]), onto, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


def _onto(track: FaceTrack, before: int, after: int) -> Floats:
    """(2, 3) from the half-sized crop `after` to the place of `before`."""
    first, back = _matrix(track, before), align.invert(_matrix(track, after))
    return np.column_stack([first[:, :2] @ back[:, :2], first[:, :2] @ back[:, 2] + first[:, 2]])


def _half(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA), np.uint8)


def _background(track: FaceTrack, n: int, size_wh: tuple[int, int], onto: int | None = None) -> Mask:
    """(112, 112): beside and above the head and inside the picture; shoulders move with the head and are left out."""
    inside = inside_picture(track.landmarks_px[n], size_wh)[::2, ::2]
    mesh = track.crop_landmarks_px[n] / 2.0
    oval = mesh[list(OVAL)]
    centre = oval.mean(axis=0)
    head = hull_mask(centre + HEAD * (oval - centre), (SIDE_PX, SIDE_PX)) > 0
    above = np.arange(SIDE_PX)[:, None] < float(mesh[17, 1])
    place = inside & ~head & above
    if onto is None:
        return np.asarray(place)
    laid = cv2.warpAffine(place.astype(np.float32), _onto(track, onto, n), (SIDE_PX, SIDE_PX))
    return np.asarray(laid > 0.99)


def _typical(motion_px: Floats) -> float:
    """Median length of the steps (S, 2)."""
    return float(np.median(np.hypot(motion_px[:, 0], motion_px[:, 1])))
