"""A stretch of film with a face that moves, made from the portrait."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.faces_samples import portrait
from unforge.faces import regions, scan
from unforge.media.frame import Frame
from unforge.train.clips import Clip

SIDE_PX = 240
RATE_HZ = 25.0


@cache
def still() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The portrait's head (240, 240, 3) and its mesh on it."""
    rgb = np.ascontiguousarray(cv2.resize(portrait()[10:290, 85:365], (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA))
    track = scan([Frame(0.0, rgb)]).tracks[0]
    return rgb, np.asarray(track.landmarks_px[0], np.float32)


def moving(length: int = 32, noise: float = 2.0) -> Clip:
    """The head nods, sways and talks; every frame has the noise of a camera of its own."""
    rgb, mesh = still()
    rng = np.random.default_rng(4)
    pictures, meshes = [], []
    for t in range(length):
        points = _talking(mesh, 0.5 + 0.5 * np.sin(t / 2.5))
        bent = _bent(rgb, mesh, points)
        turn = cv2.getRotationMatrix2D((SIDE_PX / 2, SIDE_PX / 2), 2.0 * np.sin(t / 6.0), 1.0)
        turn[:, 2] += (3.0 * np.sin(t / 8.0), 2.0 * np.cos(t / 5.0))
        shown = cv2.warpAffine(bent, turn, (SIDE_PX, SIDE_PX), borderMode=cv2.BORDER_REFLECT_101)
        pictures.append(np.clip(np.round(shown + rng.normal(0.0, noise, shown.shape)), 0, 255).astype(np.uint8))
        meshes.append((points @ turn[:, :2].T + turn[:, 2]).astype(np.float32))
    return Clip(np.stack(pictures), np.arange(length) / RATE_HZ, np.stack(meshes))


def _talking(mesh: NDArray[np.float32], opening: float) -> NDArray[np.float32]:
    points = mesh.copy()
    lips = list(regions.MOUTH)
    middle = points[lips, 1].mean()
    low = [n for n in lips if points[n, 1] > middle]
    points[low, 1] += 5.0 * opening
    return points


def _bent(rgb: NDArray[np.uint8], mesh: NDArray[np.float32], to: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The lower lip moved down by a smooth field."""
    lips = list(regions.MOUTH)
    x0, y0 = mesh[lips].mean(axis=0)
    drop = float((to - mesh)[lips, 1].max())
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX].astype(np.float32)
    weight = np.exp(-(((x - x0) / 18.0) ** 2 + ((y - y0 - 6.0) / 9.0) ** 2))
    moved = cv2.remap(rgb, x, (y - drop * weight).astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.uint8)
