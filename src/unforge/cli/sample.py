"""A clip to try unforge on, and a forged copy of it, both made by code from one public-domain portrait.

The portrait shows the astronaut Eileen Collins (NASA, public domain) and ships with scikit-image. The forgery
is a blend of the face with an altered copy of itself: enough to leave traces, no tool to forge anybody.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIDE_PX = 480
RATE_HZ = 25.0
DURATION_S = 4.0
SEED = 7
NOISE_LEVELS = 1.6  # standard deviation of the sensor's noise, in grey levels

# The copy's light: greener, and colder in the shadows.
GAIN = np.array([1.02, 1.05, 1.0], np.float32)
OFFSET_LEVELS = np.array([-10.0, 4.0, 8.0], np.float32)

Picture = NDArray[np.uint8]


def portrait() -> Picture:
    """The portrait, (512, 512, 3) uint8 RGB."""
    from skimage import data

    return np.asarray(data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]


def make_clip(path: str | Path, seed: int = SEED) -> None:
    """Write the untouched clip: the portrait before a hand-held camera. Raises OutputError."""
    _write(path, (rgb for rgb, _ in _filmed(portrait(), seed)))


def make_forged_clip(path: str | Path, seed: int = SEED) -> None:
    """Write the same clip with the face replaced in every frame. Raises OutputError."""
    rgb = portrait()
    landmarks_px = _landmarks_px(rgb)
    rng = np.random.default_rng((seed, 2))
    flicker = _wander(rng, n=round(RATE_HZ * DURATION_S), width=5, smooth_s=0.12)
    frames = (
        _forged(frame, _moved(landmarks_px, matrix), drift)
        for (frame, matrix), drift in zip(_filmed(rgb, seed), flicker, strict=True)
    )
    _write(path, frames)


def _write(path: str | Path, frames: Iterator[Picture]) -> None:
    from unforge.media.write import write_video

    write_video(Path(path), frames, (n / RATE_HZ for n in range(round(RATE_HZ * DURATION_S))))


def _filmed(rgb: Picture, seed: int) -> Iterator[tuple[Picture, NDArray[np.float64]]]:
    """Frames of a hand-held camera, each with the matrix (2, 3) that led from the portrait to it."""
    import cv2

    rng = np.random.default_rng((seed, 1))
    for sway in _wander(rng, n=round(RATE_HZ * DURATION_S), width=5, smooth_s=0.8):
        matrix = _camera(rgb.shape[0], sway)
        frame = cv2.warpAffine(
            rgb, matrix, (SIDE_PX, SIDE_PX), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        )
        noise = rng.standard_normal(frame.shape, np.float32)
        noisy = frame * np.float32(1.0 + 0.03 * sway[4]) + np.float32(NOISE_LEVELS) * noise
        yield np.clip(np.round(noisy), 0, 255).astype(np.uint8), matrix


def _camera(side_px: int, sway: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the camera looks: moved by up to some 8 px, turned by 1.5 degrees, nearer by 4 %."""
    angle, scale = np.radians(1.5 * sway[2]), 1.04 + 0.04 * sway[3]
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.full(2, side_px / 2.0) + 8.0 * sway[:2]
    return np.column_stack([turn, np.full(2, SIDE_PX / 2.0) - turn @ centre])


def _wander(rng: np.random.Generator, n: int, width: int, smooth_s: float) -> NDArray[np.float64]:
    """Random walks (n, width) around 0 that stay within [-1, 1]; slower where smooth_s is longer."""
    keep = float(np.exp(-1.0 / (smooth_s * RATE_HZ)))
    walk, state = np.empty((n, width)), np.zeros(width)
    for step in range(n):
        state = keep * state + np.sqrt(1.0 - keep**2) * rng.normal(size=width)
        walk[step] = state
    # Twice smoothed: a hand has mass.
    kernel = np.hanning(2 * max(2, round(smooth_s * RATE_HZ / 2)) + 1)
    padded = np.pad(walk, ((len(kernel) // 2,) * 2, (0, 0)), mode="edge")
    smooth = np.stack([np.convolve(row, kernel / kernel.sum(), "valid") for row in padded.T], axis=1)
    return np.asarray(np.tanh(smooth), np.float64)


def _landmarks_px(rgb: Picture) -> NDArray[np.float64]:
    """(468, 2) mesh of the one face in the portrait."""
    from unforge.faces import find, mesh

    found = find.find(rgb)
    points = mesh.mesh(rgb, found.boxes_px[0], found.eyes_px[0]) if len(found) else None
    if points is None:
        raise RuntimeError("no face was found in the portrait of scikit-image; its picture must have changed")
    return np.asarray(points[:, :2], np.float64)


def _moved(points_px: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(points_px @ matrix[:, :2].T + matrix[:, 2])


def _forged(rgb: Picture, landmarks_px: NDArray[np.float64], drift: NDArray[np.float64]) -> Picture:
    """The frame with its face replaced by a larger, smoother, differently lit copy.

    drift: (5,) in [-1, 1], what flickers: offset, turn, blur, light.
    """
    import cv2

    low, high = landmarks_px.min(axis=0), landmarks_px.max(axis=0)
    size_px, centre = float(np.max(high - low)), (low + high) / 2.0
    angle = 2.0 + 2.0 * float(drift[2])
    turn = np.asarray(cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), angle, 1.08), np.float64)
    turn[:, 2] += size_px * np.array([0.015, 0.03]) + 0.015 * size_px * drift[:2]
    donor = cv2.warpAffine(rgb, turn, (SIDE_PX, SIDE_PX), borderMode=cv2.BORDER_REFLECT_101)
    lit = cv2.GaussianBlur(donor, (0, 0), 1.3 + 0.3 * drift[3]).astype(np.float32)
    lit = lit * GAIN + OFFSET_LEVELS + np.float32(8.0 * drift[4])
    weight = _mask(landmarks_px, centre, size_px)[..., None]
    return np.asarray(np.clip(np.round(lit * weight + rgb * (1.0 - weight)), 0, 255), np.uint8)


def _mask(landmarks_px: NDArray[np.float64], centre: NDArray[np.float64], size_px: float) -> NDArray[np.float32]:
    """(H, W) in [0, 1]: the face a little inside its outline, with a soft edge."""
    import cv2

    mask = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    hull = cv2.convexHull(np.round(centre + 0.9 * (landmarks_px - centre)).astype(np.int32))
    mask = np.asarray(cv2.fillConvexPoly(mask, hull, 1.0), np.float32)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.02 * size_px), np.float32)
