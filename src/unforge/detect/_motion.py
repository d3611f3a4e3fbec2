"""How a face moves from frame to frame: what the temporal network sees, and what is measured beside it.

Everything is taken relative to the clip's own mean: what a single frame shows is the frame detectors' business, what
changes between frames is ours.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.faces import FaceTrack, align, regions

if TYPE_CHECKING:
    import onnxruntime

Array = NDArray[np.float32]

SIDE_PX = 96  # of the steadied face
STEADY = regions.OVAL + regions.NOSE + regions.LEFT_EYE + regions.RIGHT_EYE  # points that hold a face in place
INNER = regions.NOSE + regions.LEFT_EYE + regions.RIGHT_EYE + regions.LEFT_BROW + regions.RIGHT_BROW
TOLD = (
    *regions.OVAL[::4],
    *regions.LEFT_BROW[::3],
    *regions.RIGHT_BROW[::3],
    *regions.LEFT_EYE[::4],
    *regions.RIGHT_EYE[::4],
    *regions.NOSE[::4],
    *regions.MOUTH[::2],
)  # points whose path the network follows
EYES = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380))  # corner, upper two, corner, lower two
LOOKED = 136  # columns of the features that the frame network gives
SMOOTH = 5  # frames over which trembling is averaged out
SAME_LEVELS = 0.05  # mean change between frames in grey levels; a repeated frame changes by less


@dataclass(frozen=True, slots=True)
class Motion:
    """A face over T frames, held still.

    shape: (T, 468, 2) the mesh on the mean pose, in distances between the eyes.
    pose: (T, 4) place x, y in eye distances, log of size, angle in radians.
    grey: (T, 96, 96) the steadied face in grey levels; parts: masks of its places.
    """

    times_s: NDArray[np.float64]
    shape: Array
    pose: Array
    grey: Array
    parts: dict[str, NDArray[np.bool_]]

    @property
    def change(self) -> dict[str, Array]:
        """Mean absolute change from the frame before, in grey levels, by part; (T,), the first two are equal."""
        steps = np.abs(np.diff(self.grey, axis=0))
        found = {name: steps[:, mask].mean(axis=1) for name, mask in self.parts.items()}
        return {name: np.concatenate([values[:1], values]) for name, values in found.items()}

    @property
    def repeated(self) -> NDArray[np.bool_]:
        """(T,) frames that repeat the one before."""
        steps = np.abs(np.diff(self.grey, axis=0)).mean(axis=(1, 2))
        return np.concatenate([[False], steps < SAME_LEVELS])


def motion(track: FaceTrack) -> Motion:
    """The motion of a face that was seen frame by frame."""
    points = np.asarray(track.landmarks_px, np.float64)
    shape, pose = _steadied(points)
    grey, mean_px = _steadied_pictures(track)
    return Motion(track.times_s, shape, pose, grey, _parts(mean_px))


def _steadied(points_px: NDArray[np.float64]) -> tuple[Array, Array]:
    """Meshes (T, 468, 2) turned, scaled and moved onto their mean; and what was undone."""
    steady = list(STEADY)
    eye_px = float(np.median(np.linalg.norm(points_px[:, 33] - points_px[:, 263], axis=1))) or 1.0
    path = (points_px[..., 0] + 1j * points_px[..., 1]) / eye_px
    centres = path[:, steady].mean(axis=1, keepdims=True)
    around = path - centres
    mean = around[:, steady].mean(axis=0)
    turns = (np.conj(around[:, steady]) * mean).sum(axis=1) / (np.abs(around[:, steady]) ** 2).sum(axis=1)
    held = around * turns[:, None]
    middle = centres[:, 0] - centres.mean()
    pose = np.stack([middle.real, middle.imag, -np.log(np.abs(turns)), -np.angle(turns)], axis=1)
    return np.stack([held.real, held.imag], axis=-1).astype(np.float32), pose.astype(np.float32)


def _steadied_pictures(track: FaceTrack) -> tuple[Array, NDArray[np.float64]]:
    """The crops in grey on their mean mesh (T, 96, 96), and that mesh (468, 2)."""
    points = np.asarray(track.crop_landmarks_px, np.float64)
    mean, steady = points.mean(axis=0), list(STEADY)
    scale = SIDE_PX / align.CROP_PX
    target = (mean[steady] - mean[steady].mean(axis=0)) @ np.array([1, 1j])
    pictures = []
    for crop, mesh in zip(track.crops, points, strict=True):
        centre = mesh[steady].mean(axis=0)
        around = (mesh[steady] - centre) @ np.array([1, 1j])
        turn = (np.conj(around) * target).sum() / (np.abs(around) ** 2).sum() * scale
        matrix = np.array([[turn.real, -turn.imag, 0.0], [turn.imag, turn.real, 0.0]])
        matrix[:, 2] = mean[steady].mean(axis=0) * scale - matrix[:, :2] @ centre
        grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        soft = cv2.resize(grey, (align.CROP_PX // 2, align.CROP_PX // 2), interpolation=cv2.INTER_AREA)
        matrix[:, :2] *= 2.0
        pictures.append(cv2.warpAffine(soft, matrix, (SIDE_PX, SIDE_PX), borderMode=cv2.BORDER_REFLECT_101))
    return np.stack(pictures).astype(np.float32), mean * scale


def _parts(mesh_px: NDArray[np.float64]) -> dict[str, NDArray[np.bool_]]:
    """(96, 96) masks: the inner face, the rim where things are pasted, the ring around, mouth, eyes, corners."""
    shape = (SIDE_PX, SIDE_PX)
    oval = regions.hull_mask(mesh_px[list(regions.OVAL)], shape)
    wide, narrow, close = (
        change(oval, np.ones((size, size), np.uint8)) > 0
        for change, size in ((cv2.dilate, 13), (cv2.erode, 9), (cv2.dilate, 3))
    )
    eyes = np.maximum(*(regions.hull_mask(mesh_px[list(eye)], shape) for eye in EYES))
    corners = np.zeros(shape, bool)
    corners[:16, :16] = corners[:16, -16:] = True
    mouth = cv2.dilate(regions.hull_mask(mesh_px[list(regions.MOUTH)], shape), np.ones((3, 3), np.uint8)) > 0
    return {
        "inner": narrow,
        "rim": wide & ~narrow,
        "ring": wide & ~close,
        "mouth": mouth,
        "eyes": cv2.dilate(eyes, np.ones((3, 3), np.uint8)) > 0,
        "corners": corners,
    }


# What the network sees


def features(found: Motion, looked: Array) -> Array:
    """(T, D) of a face over T frames; looked: (T, 136), what the frame network says of each, see `look`."""
    changes = np.stack([np.log(values + 0.2) for values in found.change.values()], axis=1)
    paths = found.shape[:, list(TOLD)].reshape(len(looked), -1)
    moved = np.concatenate([looked, 10.0 * paths, 3.0 * found.pose], axis=1)
    return np.concatenate([moved - moved.mean(axis=0), changes, found.repeated[:, None]], axis=1).astype(np.float32)


def look(session: "onnxruntime.InferenceSession", track: FaceTrack, margin: float, size_px: int) -> Array:
    """(T, 136): embedding, logit, four figures of the mask and three of quality that the frame network gives."""
    views = [
        align.warp(crop, align.face_square(mesh, margin, size_px), size_px)
        for crop, mesh in zip(track.crops, track.crop_landmarks_px, strict=True)
    ]
    names = ["embedding", "logit", "mask", "quality"]
    rows = []
    for start in range(0, len(views), 16):
        fed = np.stack(views[start : start + 16]).transpose(0, 3, 1, 2).astype(np.float32)
        embedding, logit, mask, quality = session.run(names, {"rgb": fed})
        rows.append(np.concatenate([10.0 * embedding, logit[:, None], _mask_figures(mask), quality], axis=1))
    return np.concatenate(rows).astype(np.float32)


def _mask_figures(mask: Array) -> Array:
    """(N, 4): share that is marked, and where its middle lies, and how sure the surest place is."""
    heat = 1.0 / (1.0 + np.exp(-np.clip(mask, -30, 30)))
    total = heat.sum(axis=(1, 2)) + 1e-6
    y, x = np.mgrid[: mask.shape[1], : mask.shape[2]] / mask.shape[1]
    across, down = ((heat * place).sum(axis=(1, 2)) / total for place in (x, y))
    return np.stack([4.0 * heat.mean(axis=(1, 2)), across, down, mask.max(axis=(1, 2))], axis=1)


# What is measured beside it


def jitter(found: Motion) -> tuple[Array, float]:
    """Trembling of the mesh beyond smooth motion: (T,) in shares of the eye distance, and inner face over jaw line.

    Second differences of the steadied points, as root mean square over points (after the landmark dynamics of LRNet,
    Sun et al., CVPR 2021).
    """
    bend = np.diff(found.shape, n=2, axis=0)
    length = (bend**2).sum(axis=2)
    over_time = np.sqrt(length.mean(axis=1))
    of_point = np.sqrt(length.mean(axis=0))
    ratio = float(np.median(of_point[list(INNER)]) / max(np.median(of_point[list(regions.OVAL)]), 1e-9))
    return np.pad(over_time, 1, mode="edge"), ratio


def expression(found: Motion) -> float:
    """How far eyes and mouth move in a face held still, in shares of the eye distance: root mean square, without what
    trembles. Living faces of a second or longer gave 0.005 and more, photographs that were panned or zoomed 0.0015.
    """
    parts = list(regions.MOUTH + regions.LEFT_EYE + regions.RIGHT_EYE)
    paths = found.shape[:, parts].reshape(len(found.shape), -1)
    summed = np.cumsum(np.concatenate([np.zeros((1, paths.shape[1])), paths - paths.mean(axis=0)]), axis=0)
    smooth = (summed[SMOOTH:] - summed[:-SMOOTH]) / SMOOTH
    return float(np.sqrt(2.0 * (smooth**2).mean()))


def likeness(found: Motion) -> Array:
    """(T,) cosine of the steadied inner face to its own mean, in contrast alone: drops where a face turns another."""
    inner = found.grey[:, found.parts["inner"]]
    inner = inner - inner.mean(axis=1, keepdims=True)
    inner = inner / np.maximum(np.linalg.norm(inner, axis=1, keepdims=True), 1e-6)
    mean = inner.mean(axis=0)
    return np.asarray(inner @ mean / max(float(np.linalg.norm(mean)), 1e-6), np.float32)


def residual(found: Motion) -> Array:
    """(T,) change from frame to frame that steadying does not explain: inner face over the ring around it."""
    change = found.change
    return np.asarray((change["inner"] + 0.3) / (change["ring"] + 0.3), np.float32)


def spectrum_share(found: Motion, part: str, low_hz: float, high_hz: float) -> float:
    """Share of the change over time, from 0.5 Hz up, that a part of the steadied face has in a band."""
    series = found.grey[:, found.parts[part]]
    power = (np.abs(np.fft.rfft(series - series.mean(axis=0), axis=0)) ** 2).mean(axis=1)
    step_s = float(np.median(np.diff(found.times_s)))
    hz = np.fft.rfftfreq(len(series), step_s)
    whole = power[hz >= 0.5].sum()
    return float(power[(hz >= low_hz) & (hz < high_hz)].sum() / max(whole, 1e-9))


def eye_opening(points_px: Array) -> Array:
    """(T,) mean of both eyes: height over width (eye aspect ratio, Soukupová and Čech, CVWW 2016, eq. 1)."""
    ratios = []
    for corner, upper, upper2, corner2, lower2, lower in EYES:
        height = _length(points_px, upper, lower) + _length(points_px, upper2, lower2)
        ratios.append(height / (2.0 * np.maximum(_length(points_px, corner, corner2), 1e-6)))
    return np.asarray(np.mean(ratios, axis=0), np.float32)


def blinks(opening: Array, times_s: NDArray[np.float64]) -> int:
    """How often the eyes close below 0.65 of their usual opening, for at most half a second."""
    closed = opening < 0.65 * float(np.median(opening))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], closed, [False]]).astype(int)))
    spans = edges.reshape(-1, 2)
    return sum(float(times_s[end - 1] - times_s[start]) <= 0.5 for start, end in spans)


def _length(points_px: Array, one: int, other: int) -> Array:
    return np.asarray(np.linalg.norm(points_px[:, one] - points_px[:, other], axis=1), np.float32)
