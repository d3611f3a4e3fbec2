"""A QR code laid over the picture, alone or with a line beside it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.train.adverts import Drawn, _ink
from unforge.train.adverts._words import Words

CLASS = "code"
MODULE_PX = 6


def draw(rgb: NDArray[np.uint8], words: Words, rng: np.random.Generator) -> Drawn:
    height, width = rgb.shape[:2]
    code = _code(words.address(rng), rng)
    if rng.random() < 0.4:
        code = _captioned(code, words, rng)
    side = min(width, height) * rng.uniform(0.22, 0.6)
    code = _ink.fitted(code, side, 1.25 * side)
    h, w = code.shape[:2]
    centre = (rng.uniform(w / 2, width - w / 2), rng.uniform(h / 2, max(h / 2 + 1, height - h / 2)))
    matrix = _ink.placed(code, centre, float(rng.choice([0.0, rng.normal(0, 8)])), _ink.leaning(code, 0.04, rng))
    return Drawn(_ink.laid(rgb, code, matrix, rng.uniform(0.85, 1.0)), _ink.cover(rgb.shape, code, matrix))


def _code(text: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    drawn = np.asarray(cv2.QRCodeEncoder.create().encode(text), np.uint8)
    quiet = int(rng.integers(1, 5)) - 2  # the encoder leaves two modules free
    modules = np.pad(drawn[2:-2, 2:-2], 2 + quiet, constant_values=255) > 127
    modules = np.kron(modules, np.ones((MODULE_PX, MODULE_PX), bool))
    dark = (0, 0, 0) if rng.random() < 0.7 else tuple(rng.integers(0, 90, 3))
    light = (255, 255, 255) if rng.random() < 0.7 else tuple(rng.integers(200, 256, 3))
    ink = np.where(modules[..., None], np.array(light), np.array(dark)).astype(np.uint8)
    if rng.random() < 0.25:
        ink = _with_logo(ink, rng)
    return np.dstack([ink, np.full(ink.shape[:2], 255, np.uint8)])


def _with_logo(ink: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    side = int(ink.shape[0] * rng.uniform(0.14, 0.22))
    start = (ink.shape[0] - side) // 2
    return _ink.over(ink, _ink.plate((side, side), _ink.vivid(rng), side // 5, (255, 255, 255)), start, start)


def _captioned(code: NDArray[np.uint8], words: Words, rng: np.random.Generator) -> NDArray[np.uint8]:
    ground = _ink.vivid(rng)
    line = words.offer(rng) if rng.random() < 0.5 else words.contact(rng)
    side = code.shape[1]
    text = _ink.fitted(_ink.written([line], 30, _ink.against(ground, rng), rng), 0.92 * side, 0.2 * side)
    plate = _ink.plate((side, side + text.shape[0] + side // 12), ground)
    plate = _ink.over(plate, code, 0, 0)
    return _ink.over(plate, text, (side - text.shape[1]) // 2, side + side // 24)
