"""A thing for sale with its printed label: a box, a tin or a book, sometimes with a bar code."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.train.adverts import Drawn, _ink
from unforge.train.adverts._words import Words

CLASS = "clean"
SIDE_PX = 240


def draw(rgb: NDArray[np.uint8], words: Words, rng: np.random.Generator) -> Drawn:
    height, width = rgb.shape[:2]
    thing = _thing(words, rng)
    thing = _ink.fitted(thing, width * rng.uniform(0.25, 0.55), height * rng.uniform(0.35, 0.75))
    thing = np.asarray(cv2.GaussianBlur(thing, (0, 0), rng.uniform(0.4, 0.9)), np.uint8)
    h, w = thing.shape[:2]
    centre = (width * rng.uniform(0.3, 0.7), height - h / 2 - rng.uniform(0.02, 0.2) * height)
    lean = _ink.leaning(thing, 0.1, rng)
    shadow = np.dstack([np.zeros((h, w, 3), np.uint8), np.full((h, w), 255, np.uint8)])
    dark = _ink.laid(rgb, shadow, _ink.placed(shadow, (centre[0] + 0.05 * w, centre[1] + 0.03 * h), 0.0, lean), 0.35)
    soft = np.asarray(cv2.GaussianBlur(dark, (0, 0), max(1.0, w / 40)), np.uint8)
    near = _ink.cover(rgb.shape, thing, _ink.placed(thing, centre, 0.0, 1.3 * lean))[..., None]
    out = _ink.laid(np.where(near > 0, soft, dark).astype(np.uint8), thing, _ink.placed(thing, centre, 0.0, lean))
    return Drawn(out, np.zeros(rgb.shape[:2], np.float32))


def _thing(words: Words, rng: np.random.Generator) -> NDArray[np.uint8]:
    size_wh = (int(SIDE_PX * rng.uniform(0.6, 1.1)), int(SIDE_PX * rng.uniform(0.8, 1.3)))
    ground = tuple(map(int, rng.integers(30, 230, 3)))
    thing = _ink.plate(size_wh, (ground[0], ground[1], ground[2]), int(rng.integers(0, 14)))
    paper = _ink.vivid(rng) if rng.random() < 0.5 else (238, 232, 215)
    label = _ink.plate((int(size_wh[0] * rng.uniform(0.7, 1.0)), int(size_wh[1] * rng.uniform(0.3, 0.6))), paper)
    text = _ink.written([words.thing(rng) for _ in range(int(rng.integers(1, 4)))], 30, _ink.against(paper, rng), rng)
    text = _ink.fitted(text, 0.85 * label.shape[1], 0.75 * label.shape[0])
    label = _ink.over(
        label,
        text,
        (label.shape[1] - text.shape[1]) // 2,
        int(rng.uniform(0.1, 0.9) * (label.shape[0] - text.shape[0])),
    )
    thing = _ink.over(thing, label, (size_wh[0] - label.shape[1]) // 2, int(rng.uniform(0.1, 0.5) * size_wh[1]))
    if rng.random() < 0.4:
        thing = _ink.over(thing, _bars(rng), int(0.55 * size_wh[0]), int(0.84 * size_wh[1]))
    around = (
        np.sin(np.linspace(0.15, np.pi - 0.15, size_wh[0])) if rng.random() < 0.5 else np.linspace(1.0, 0.8, size_wh[0])
    )
    thing[..., :3] = np.clip(thing[..., :3] * (0.35 + 0.65 * around[None, :, None]), 0, 255)
    return thing


def _bars(rng: np.random.Generator) -> NDArray[np.uint8]:
    bars = np.repeat(255 * rng.integers(0, 2, 30), rng.integers(1, 4, 30))[:56]
    grey = np.broadcast_to(bars[None, :, None], (26, len(bars), 3))
    return np.dstack([grey, np.full((26, len(bars)), 255)]).astype(np.uint8)
