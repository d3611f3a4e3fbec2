"""Faces followed over time: who is in front of the camera, from when to when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.faces import align, quality
from unforge.faces.find import Window, find, overlap, tiles
from unforge.faces.mesh import again, mesh
from unforge.media.frame import Frame

TILE_PX = 480  # tiles of about this size show a face of 40 px to the detector
TILED_EVERY_S = 1.0  # somebody small who enters is seen after a second at the latest
GAP_S = 1.5  # a face that is away for longer starts a new track
NEAR_S = 0.6  # a face is expected where it was so long before or will be so long after
SAME_FACE = 0.25  # IoU from one look to the next
FACES_PER_FRAME = 8
FACES_PER_STILL = 40
CUT_LEVELS = 24.0  # mean change of a thumbnail, in grey levels
CUT_COLOURS = 0.4  # share of the colours that changed


@dataclass(frozen=True, slots=True, eq=False)
class FaceTrack:
    """One face over time, as parallel arrays; T looks, pixels of the displayed frame.

    times_s (T,) float64; boxes_px (T, 4) float32 xyxy around the mesh; landmarks_px (T, 468, 2) float32.
    size_px, sharpness, yaw_deg, blockiness: (T,) float32, see faces/quality.py.
    crops: (T, 224, 224, 3) uint8, level squares of 1.6 x the mesh; crop_landmarks_px: (T, 468, 2) float32 on them.
    """

    id: int
    times_s: NDArray[np.float64]
    boxes_px: NDArray[np.float32]
    landmarks_px: NDArray[np.float32]
    size_px: NDArray[np.float32]
    sharpness: NDArray[np.float32]
    yaw_deg: NDArray[np.float32]
    blockiness: NDArray[np.float32]
    crops: NDArray[np.uint8]
    crop_landmarks_px: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.times_s)


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over the frames gave: tracks in order of appearance, the times looked at, the cuts between them."""

    tracks: tuple[FaceTrack, ...]
    times_s: tuple[float, ...]
    cuts_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Look:
    """One face in one frame, on the way to becoming a row of a track."""

    time_s: float
    box_px: NDArray[np.float32]  # in the frame as decoded, for following
    scale: float
    mesh: NDArray[np.float32]  # (468, 3) in the frame as decoded
    crop: NDArray[np.uint8]
    crop_landmarks_px: NDArray[np.float32]
    blockiness: float


@dataclass(slots=True)
class _Path:
    looks: list[_Look] = field(default_factory=list)
    open: bool = True


def scan(frames: Iterable[Frame], most: int = FACES_PER_FRAME) -> Scan:
    """Find and follow the faces in frames that come in order of time; one frame alone is a still.

    most: faces kept of one frame, the largest first.
    Memory holds the crops, never the frames. A face seen only once in a film is taken for a false alarm, unless the
    film is looked at so rarely that somebody may well be gone at the next look.
    """
    paths: list[_Path] = []
    times_s: list[float] = []
    cuts_s: list[float] = []
    thumbnail, tiled_s = None, -np.inf
    for frame in frames:
        before, thumbnail = thumbnail, _thumbnail(frame.rgb)
        if before is not None and _is_cut(before, thumbnail):
            cuts_s.append(frame.time_s)
            tiled_s = -np.inf
            for path in paths:
                path.open = False
        for path in paths:
            path.open = path.open and frame.time_s - path.looks[-1].time_s <= GAP_S + _step(times_s)
        tiled = frame.time_s - tiled_s >= TILED_EVERY_S
        tiled_s = frame.time_s if tiled else tiled_s
        windows = _windows(frame, [path for path in paths if path.open], tiled)
        _follow(paths, _looks(frame, windows, most))
        times_s.append(frame.time_s)
    rarely = len(times_s) < 4 or _step(times_s) > GAP_S
    kept = [path.looks for path in paths if len(path.looks) > 1 or rarely]
    return Scan(tuple(_track(n, looks) for n, looks in enumerate(kept)), tuple(times_s), tuple(cuts_s))


def follow(frames: Iterable[Frame], tracks: Sequence[FaceTrack]) -> tuple[FaceTrack, ...]:
    """The same people in more frames: known faces are looked at again in every frame, without searching.

    tracks: from a `scan` of the same film; what lies between two of its looks is found from them. People of whom
    fewer than two frames show a face are left out.
    """
    looks: dict[int, list[_Look]] = {track.id: [] for track in tracks}
    for frame in frames:
        for track in tracks:
            expected = _expected(track, frame.time_s)
            points = None if expected is None else again(frame.rgb, expected / frame.scale)
            if points is not None:
                box_px = np.concatenate([points[:, :2].min(axis=0), points[:, :2].max(axis=0)])
                looks[track.id].append(_look(frame, box_px, points))
    return tuple(_track(track_id, found) for track_id, found in looks.items() if len(found) > 1)


def _expected(track: FaceTrack, time_s: float) -> NDArray[np.float32] | None:
    """Where the mesh (468, 2) of a person should be, between the looks before and after; None where it is unknown."""
    after = int(np.searchsorted(track.times_s, time_s))
    known = [n for n in (after - 1, after) if 0 <= n < len(track) and abs(track.times_s[n] - time_s) <= NEAR_S]
    if not known:
        return None
    if len(known) == 1:
        return np.asarray(track.landmarks_px[known[0]], np.float32)
    before_s, after_s = track.times_s[known]
    share = (time_s - before_s) / (after_s - before_s)
    between = (1.0 - share) * track.landmarks_px[known[0]] + share * track.landmarks_px[known[1]]
    return np.asarray(between, np.float32)


def _step(times_s: list[float]) -> float:
    """The usual time between looks: films that are looked at rarely need longer gaps."""
    return float(np.median(np.diff(times_s[-9:]))) if len(times_s) > 1 else 0.0


def _windows(frame: Frame, paths: list[_Path], tiled: bool) -> tuple[Window, ...]:
    """Where to look closely: all tiles now and then, and always around small known faces."""
    height, width = frame.rgb.shape[:2]
    n = round(max(height, width) / TILE_PX)
    if tiled and n >= 2:
        several = {n, n - 1} - {1} if n > 2 else {n}
        return tuple(window for count in sorted(several) for window in tiles((width, height), count))
    around = []
    for path in paths:
        x0, y0, x1, y1 = path.looks[-1].box_px
        side = 4.0 * max(x1 - x0, y1 - y0)
        if side < 0.75 * max(height, width):
            centre_x, centre_y = (x0 + x1) / 2.0, (y0 + y1) / 2.0
            low = max(0, round(centre_x - side / 2)), max(0, round(centre_y - side / 2))
            high = min(width, round(centre_x + side / 2)), min(height, round(centre_y + side / 2))
            around.append((*low, *high))
    return tuple(around)


def _looks(frame: Frame, windows: tuple[Window, ...], most: int) -> list[_Look]:
    """The faces of a frame that the mesh confirms, the largest first."""
    found = find(frame.rgb, windows)
    order = np.argsort(-(found.boxes_px[:, 2] - found.boxes_px[:, 0]), kind="stable")
    looks: list[_Look] = []
    for n in order:
        points = mesh(frame.rgb, found.boxes_px[n], found.eyes_px[n])
        if points is None:
            continue
        box_px = np.concatenate([points[:, :2].min(axis=0), points[:, :2].max(axis=0)])
        known = np.array([look.box_px for look in looks], np.float32).reshape(-1, 4)
        if not (overlap(box_px, known) > 0.4).any():
            looks.append(_look(frame, box_px, points))
        if len(looks) == most:
            break
    return looks


def _look(frame: Frame, box_px: NDArray[np.float32], points: NDArray[np.float32]) -> _Look:
    matrix = align.face_square(points[:, :2], align.CROP_MARGIN, align.CROP_PX)
    return _Look(
        time_s=frame.time_s,
        box_px=box_px,
        scale=frame.scale,
        mesh=points,
        crop=align.warp(frame.rgb, matrix, align.CROP_PX),
        crop_landmarks_px=(points[:, :2] @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32),
        blockiness=quality.blockiness(frame.rgb, box_px),
    )


def _follow(paths: list[_Path], looks: list[_Look]) -> None:
    """Give each look to the open path it overlaps most, best matches first; the rest start paths of their own."""
    free = [path for path in paths if path.open]
    known = np.array([path.looks[-1].box_px for path in free], np.float32).reshape(-1, 4)
    matches = [
        (float(value), n, m) for n, look in enumerate(looks) for m, value in enumerate(overlap(look.box_px, known))
    ]
    taken_looks, taken_paths = set(), set()
    for value, n, m in sorted(matches, key=lambda match: (-match[0], match[1], match[2])):
        if value >= SAME_FACE and n not in taken_looks and m not in taken_paths:
            free[m].looks.append(looks[n])
            taken_looks.add(n)
            taken_paths.add(m)
    paths.extend(_Path([look]) for n, look in enumerate(looks) if n not in taken_looks)


def _thumbnail(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(rgb, (48, 27), interpolation=cv2.INTER_AREA), np.uint8)


def _is_cut(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> bool:
    """Whether another scene begins: the picture changes place by place, and its colours change as a whole."""
    if float(np.abs(before.astype(np.float32) - after).mean()) < CUT_LEVELS:
        return False
    colours = [np.histogramdd(t.reshape(-1, 3), bins=4, range=[(0, 256)] * 3)[0] / (48 * 27) for t in (before, after)]
    return float(np.abs(colours[0] - colours[1]).sum() / 2.0) > CUT_COLOURS


def _track(track_id: int, looks: list[_Look]) -> FaceTrack:
    scales = np.array([look.scale for look in looks], np.float32)
    landmarks_px = np.stack([look.mesh[:, :2] for look in looks]) * scales[:, None, None]
    return FaceTrack(
        id=track_id,
        times_s=np.array([look.time_s for look in looks]),
        boxes_px=np.stack([look.box_px for look in looks]) * scales[:, None],
        landmarks_px=landmarks_px,
        size_px=np.array([quality.size_px(points) for points in landmarks_px], np.float32),
        sharpness=np.array([quality.sharpness(look.crop) for look in looks], np.float32),
        yaw_deg=np.array([quality.yaw_deg(look.mesh) for look in looks], np.float32),
        blockiness=np.array([look.blockiness for look in looks], np.float32),
        crops=np.stack([look.crop for look in looks]),
        crop_landmarks_px=np.stack([look.crop_landmarks_px for look in looks]),
    )
