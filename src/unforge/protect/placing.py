"""Where a cloak lies: in the level square around a face, and from there back into the picture.

A cloak is drawn at one size in the face's own frame, which moves, turns and grows with the face: large faces get a
smooth cloak that survives being made smaller, and a film gets one that does not crawl over the skin.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.faces import align

SIDE_PX = 128  # of the square in which a cloak is drawn
MARGIN = align.CROP_MARGIN
LOW_PASS_PX = 0.8  # Gaussian; finer detail is lost in the first JPEG coder and only shows
WINDOW_PX = 224  # side of a window, the picture as far as programs that look for one face see it
RIM = 0.12  # share of the square's side over which a cloak fades away

Picture = NDArray[np.uint8]
Plane = NDArray[np.float32]
Mesh = NDArray[np.float32]


def square(mesh_px: Mesh) -> NDArray[np.float64]:
    """Matrix (2, 3) from the picture into the square of a face with the mesh (468, 2) or (468, 3)."""
    return align.face_square(mesh_px[:, :2], MARGIN, SIDE_PX)


def window(
    rgb: Picture, mesh_px: Mesh, face_share: float, rng: np.random.Generator
) -> tuple[Picture, NDArray[np.float32]]:
    """An upright window (224, 224, 3) with the face somewhere in it, and the mesh (468, 2) in its pixels.

    face_share: of the window's side that the longer side of the mesh takes.
    """
    low, high = mesh_px[:, :2].min(axis=0), mesh_px[:, :2].max(axis=0)
    side = float(np.max(high - low)) / face_share
    room = max(0.0, (1.0 - 1.3 * face_share) / 2.0)
    centre = (low + high) / 2.0 + rng.uniform(-room, room, 2) * side
    matrix = align.level_square(centre, side, np.array([[0.0, 0.0], [1.0, 0.0]]), WINDOW_PX)
    return align.warp(rgb, matrix, WINDOW_PX), (mesh_px[:, :2] @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def fade() -> Plane:
    """(128, 128) weight in [0, 1]: 1 over the face, 0 at the square's edge."""
    at = (np.arange(SIDE_PX) + 0.5) / SIDE_PX
    along = np.clip(np.minimum(at, 1.0 - at) / RIM, 0.0, 1.0)
    rising = 0.5 - 0.5 * np.cos(np.pi * along)
    return np.outer(rising, rising).astype(np.float32)


def smoothed(cloak: Plane) -> Plane:
    """A cloak (128, 128, 3) without what no channel lets through, and faded out towards its edge."""
    return cv2.GaussianBlur(cloak, (0, 0), LOW_PASS_PX) * fade()[..., None]


def laid(rgb: Picture, cloaks: list[tuple[Plane, NDArray[np.float64]]]) -> Picture:
    """The picture (H, W, 3) with cloaks (128, 128, 3), in grey levels, each with the matrix of its square.

    Outside of the squares every byte stays. Where squares overlap, the larger change counts, so that together they
    are not larger than one alone.
    """
    after = rgb.copy()
    for cloak, matrix in cloaks:
        _lay(rgb, after, cloak, matrix)
    return after


def squares_over(rgb: Picture) -> list[NDArray[np.float64]]:
    """Matrices of squares that cover a picture (H, W, 3) side by side, for pictures without a face."""
    height, width = rgb.shape[:2]
    side = min(height, width)
    count = -(-max(height, width) // side)
    starts = np.linspace(0, max(height, width) - side, count)
    scale = SIDE_PX / side
    corners = [(start, 0.0) if width > height else (0.0, start) for start in starts]
    return [np.array([[scale, 0.0, -scale * x], [0.0, scale, -scale * y]]) for x, y in corners]


def covered(rgb: Picture, meshes_px: Sequence[Mesh]) -> NDArray[np.bool_]:
    """(H, W) where the squares of faces lie on a picture."""
    there = np.zeros(rgb.shape[:2], np.uint8)
    for one in meshes_px:
        back = align.invert(square(one))
        corners = np.array([[0, 0], [SIDE_PX, 0], [SIDE_PX, SIDE_PX], [0, SIDE_PX]]) @ back[:, :2].T + back[:, 2]
        cv2.fillConvexPoly(there, np.rint(corners).astype(np.int32), 1)
    return there.astype(np.bool_)


def _lay(before: Picture, after: Picture, cloak: Plane, matrix: NDArray[np.float64]) -> None:
    """Put a cloak on `after`, where it is larger than what lies there over `before`."""
    height, width = before.shape[:2]
    back = align.invert(matrix)
    corners = np.array([[0, 0], [SIDE_PX, 0], [0, SIDE_PX], [SIDE_PX, SIDE_PX]]) @ back[:, :2].T + back[:, 2]
    x0, y0 = np.clip(np.floor(corners.min(axis=0)).astype(int) - 1, 0, (width, height))
    x1, y1 = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 2, 0, (width, height))
    if x1 <= x0 or y1 <= y0:
        return
    back = back - np.array([[0, 0, x0], [0, 0, y0]])
    drawn = cv2.warpAffine(_as_small(cloak, back), back, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR)
    inside = np.s_[y0:y1, x0:x1]
    wanted = np.rint(before[inside] + drawn)
    if (after[inside] != before[inside]).any():
        there = after[inside].astype(np.float32)
        wanted = np.where(np.abs(wanted - before[inside]) > np.abs(there - before[inside]), wanted, there)
    after[inside] = np.clip(wanted, 0, 255)


def _as_small(cloak: Plane, back: NDArray[np.float64]) -> Plane:
    """Blurred to the distance of the picture's pixels where the face is smaller than its square."""
    shrunk = 1.0 / float(np.sqrt(abs(np.linalg.det(back[:, :2]))))
    return cloak if shrunk <= 1.2 else np.asarray(cv2.GaussianBlur(cloak, (0, 0), 0.4 * shrunk), np.float32)
