"""Level square crops: the one way in which any network sees a face."""

import cv2
import numpy as np
from numpy.typing import NDArray

CROP_PX = 224
HEAT_SIDE = 56  # cells of a heat map over a whole crop
CROP_MARGIN = 1.6  # side of a crop over the longer side of the mesh: forehead, hair line, ears and chin with a rim


def level_square(
    centre_px: NDArray[np.floating], side_px: float, eyes_px: NDArray[np.floating], size_px: int
) -> NDArray[np.float64]:
    """Matrix (2, 3) from the picture into a crop of size_px: a square around a centre, turned until eyes are level."""
    across = np.asarray(eyes_px[1], np.float64) - np.asarray(eyes_px[0], np.float64)
    length = float(np.hypot(*across)) or 1.0
    cos, sin = across / length
    scale = size_px / max(side_px, 1e-6)
    turn = scale * np.array([[cos, sin], [-sin, cos]])
    return np.column_stack([turn, np.full(2, size_px / 2.0) - turn @ np.asarray(centre_px, np.float64)])


def face_square(landmarks_px: NDArray[np.floating], margin: float, size_px: int) -> NDArray[np.float64]:
    """Matrix (2, 3) of the crop around a mesh (468, 2): side = margin x the longer side of its box."""
    low, high = landmarks_px.min(axis=0), landmarks_px.max(axis=0)
    side = margin * float(np.max(high - low))
    return level_square((low + high) / 2.0, side, landmarks_px[[33, 263]], size_px)


def warp(rgb: NDArray[np.uint8], matrix: NDArray[np.float64], size_px: int) -> NDArray[np.uint8]:
    """The crop (size_px, size_px, 3) that a matrix describes.

    Large faces are first reduced by areas: plain linear sampling would alias, and aliasing looks like tampering.
    Beyond the picture's edge its mirror image stands: a black border would be a cue.
    """
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    step = int(1.0 / scale) if scale < 1.0 else 1
    if step >= 2:
        rgb, matrix = _reduced(rgb, matrix, step, size_px)
    return np.asarray(
        cv2.warpAffine(rgb, matrix, (size_px, size_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101),
        np.uint8,
    )


def heat_on_crop(
    heat: NDArray[np.float32], crop_landmarks_px: NDArray[np.float32], margin: float
) -> NDArray[np.float32]:
    """(56, 56) heat in [0, 1] over a whole crop, from heat (h, h) over the narrower view with a margin of its own."""
    matrix = face_square(crop_landmarks_px * (HEAT_SIDE / CROP_PX), margin, heat.shape[-1])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    placed = cv2.warpAffine(heat, matrix, (HEAT_SIDE, HEAT_SIDE), flags=flags)
    return np.clip(np.round(placed, 2), 0.0, 1.0).astype(np.float32)


def _reduced(
    rgb: NDArray[np.uint8], matrix: NDArray[np.float64], step: int, size_px: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The part of the picture under a crop, made `step` times smaller, and the matrix that fits it."""
    height, width = rgb.shape[:2]
    corners = np.array([[0, 0], [size_px, 0], [0, size_px], [size_px, size_px]]) @ invert(matrix)[:, :2].T
    corners = corners + invert(matrix)[:, 2]
    low = np.clip(np.floor(corners.min(axis=0)) - 2 * step, 0, [width - 1, height - 1]).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 2 * step, low + 1, [width, height]).astype(int)
    part = rgb[low[1] : high[1], low[0] : high[0]]
    size_wh = (max(1, round(part.shape[1] / step)), max(1, round(part.shape[0] / step)))
    small = np.asarray(cv2.resize(part, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    ratio = np.array([part.shape[1] / size_wh[0], part.shape[0] / size_wh[1]])
    # Pixel centres: x = low + ratio * (u + 0.5) - 0.5
    offset = low + 0.5 * ratio - 0.5
    return small, np.column_stack([matrix[:, :2] * ratio, matrix[:, :2] @ offset + matrix[:, 2]])


def invert(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The way back: matrix (2, 3) from the crop into the picture."""
    back = np.linalg.inv(matrix[:, :2])
    return np.column_stack([back, -back @ matrix[:, 2]])
