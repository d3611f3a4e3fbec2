"""A sign that stands in the scene: leaning, lit as the scene is, a little soft."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.train.adverts import Drawn, _ink
from unforge.train.adverts._words import Words

CLASS = "clean"
BOARDS = ((20, 60, 140), (10, 100, 60), (235, 235, 225), (120, 70, 30), (180, 30, 30), (40, 40, 45))


def draw(rgb: NDArray[np.uint8], words: Words, rng: np.random.Generator) -> Drawn:
    height, width = rgb.shape[:2]
    ground = BOARDS[int(rng.integers(len(BOARDS)))]
    colour = (245, 245, 240) if sum(ground) < 380 else (25, 25, 30)
    ink = _ink.written([words.thing(rng)], 40, colour, rng)
    margin = int(rng.uniform(0.3, 0.7) * 40)
    board = _ink.plate((ink.shape[1] + 2 * margin, ink.shape[0] + 2 * margin), ground, margin // 3, colour)
    board = _ink.over(board, ink, margin, margin)
    board = _ink.fitted(board, width * rng.uniform(0.2, 0.5), height * rng.uniform(0.1, 0.25))
    board = _lit(board, rgb, rng)
    centre = (width * rng.uniform(0.25, 0.75), height * rng.uniform(0.15, 0.7))
    matrix = _ink.placed(board, centre, rng.normal(0, 6), _ink.leaning(board, 0.16, rng))
    out = _ink.laid(_with_post(rgb, centre, rng), board, matrix)
    return Drawn(out, np.zeros(rgb.shape[:2], np.float32))


def _lit(board: NDArray[np.uint8], rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """As light as the scene, from one side, and out of focus."""
    light = np.clip(rgb.mean() / 160.0, 0.35, 1.0) * _ink.ramp(0.6, 1.0, board.shape[1], rng)
    lit = board.copy()
    lit[..., :3] = np.clip(board[..., :3] * light[None, :, None] + 12, 0, 255)
    return np.asarray(cv2.GaussianBlur(lit, (0, 0), rng.uniform(0.5, 1.2)), np.uint8)


def _with_post(rgb: NDArray[np.uint8], centre: tuple[float, float], rng: np.random.Generator) -> NDArray[np.uint8]:
    if rng.random() < 0.5:
        return rgb
    x, top = round(centre[0]), round(centre[1])
    grey = int(rng.integers(40, 140))
    thick = max(2, rgb.shape[1] // 60)
    return np.asarray(cv2.line(rgb.copy(), (x, top), (x, rgb.shape[0]), (grey, grey, grey), thick), np.uint8)
