"""The look of a generator of low resolution: a picture through a coarse, turned grid and back."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.train.fakes._mask import Generator, Picture

UP = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


def through(
    rgb: Picture,
    forth: NDArray[np.float64],
    size_wh: tuple[int, int],
    back: NDArray[np.float64],
    kernel: int = cv2.INTER_CUBIC,
) -> tuple[Picture, Picture]:
    """What the grid shows, and that seen from the picture again.

    forth, back: matrices (2, 3) from the picture into the grid, and from the grid into the picture.
    """
    scale = float(np.sqrt(abs(np.linalg.det(forth[:, :2]))))
    if scale < 1.0:  # a linear kernel alone would alias, which no camera does
        rgb = np.asarray(cv2.GaussianBlur(rgb, (0, 0), 0.4 * max(1.0 / scale - 0.6, 0.4)), np.uint8)
    grid = onto(rgb, forth, size_wh, cv2.INTER_LINEAR)
    return grid, onto(grid, back, (rgb.shape[1], rgb.shape[0]), kernel)


def onto(grid: Picture, back: NDArray[np.float64], size_wh: tuple[int, int], kernel: int = cv2.INTER_CUBIC) -> Picture:
    """A picture drawn into another of a given size by its matrix (2, 3)."""
    drawn = cv2.warpAffine(grid, back, size_wh, flags=kernel, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(drawn, np.uint8)


def whole_grid(shape: tuple[int, ...], scale: float, angle_rad: float) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Matrix (2, 3) and size of a turned grid over a whole picture, `scale` cells for each pixel."""
    cos, sin = np.cos(angle_rad) * scale, np.sin(angle_rad) * scale
    turn = np.array([[cos, sin], [-sin, cos]])
    spread = abs(np.cos(angle_rad)) + abs(np.sin(angle_rad))
    size_wh = tuple(int(np.ceil(side * scale * spread)) + 2 for side in (shape[1], shape[0]))
    middle = np.array([shape[1] - 1.0, shape[0] - 1.0]) / 2.0
    shift = (np.array(size_wh) - 1.0) / 2.0 - turn @ middle
    return np.column_stack([turn, shift]), (size_wh[0], size_wh[1])


def askew(
    back: NDArray[np.float64], middle_px: NDArray[np.floating], size_px: float, amount: float, rng: Generator
) -> NDArray[np.float64]:
    """The way back with a small error of turn, scale and place around a middle; amount 1 is about 2 % of the face."""
    angle, scale = np.radians(rng.uniform(-1.5, 1.5)) * amount, 1.0 + rng.uniform(-0.02, 0.02) * amount
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = rng.uniform(-0.02, 0.02, 2) * amount * size_px
    middle = np.asarray(middle_px, np.float64)
    return np.column_stack([turn @ back[:, :2], turn @ (back[:, 2] - middle) + middle + shift])
