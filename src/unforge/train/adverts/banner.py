"""A coloured band with an offer in large letters along one side or across the picture."""

import numpy as np
from numpy.typing import NDArray

from unforge.train.adverts import Drawn, _ink
from unforge.train.adverts._words import Words

CLASS = "banner"


def draw(rgb: NDArray[np.uint8], words: Words, rng: np.random.Generator) -> Drawn:
    height, width = rgb.shape[:2]
    across = rng.random() < 0.15
    length = int(1.5 * max(height, width)) if across else width
    band = _band((length, max(12, int(height * rng.uniform(0.13, 0.32)))), min(length, width), words, rng)
    h = band.shape[0]
    if across:
        turned = float(rng.choice([-1, 1]) * rng.uniform(20, 50))
        centre = (width * rng.uniform(0.3, 0.7), height * rng.uniform(0.3, 0.7))
    else:
        turned = 0.0
        centre = (
            width / 2,
            float(rng.choice([h / 2, height - h / 2, rng.uniform(h / 2, height - h / 2)], p=[0.4, 0.4, 0.2])),
        )
    matrix = _ink.placed(band, centre, turned)
    return Drawn(_ink.laid(rgb, band, matrix, rng.uniform(0.85, 1.0)), _ink.cover(rgb.shape, band, matrix))


def _band(size_wh: tuple[int, int], seen_px: int, words: Words, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A band whose middle `seen_px` are certain to be seen."""
    width, height = size_wh
    ground = _ink.vivid(rng)
    band = _ink.plate(size_wh, ground)
    if rng.random() < 0.4:
        shade = np.linspace(1.0, rng.uniform(0.5, 0.9), width)[:, None]
        band[..., :3] = np.rint(band[..., :3] * shade).astype(np.uint8)
    colour = _ink.against(ground, rng)
    lines = [words.offer(rng)] + ([words.contact(rng)] if rng.random() < 0.3 else [])
    button = rng.random() < 0.4
    room = seen_px * (0.6 if button else 0.92)
    text = _ink.fitted(_ink.written(lines, 40, colour, rng), room, 0.8 * height)
    left = (width - seen_px) // 2 + int(0.04 * seen_px)
    band = _ink.over(band, text, left if button else (width - text.shape[1]) // 2, (height - text.shape[0]) // 2)
    if not button:
        return band
    knob = _ink.plate((int(0.26 * seen_px), int(0.62 * height)), colour, int(0.3 * height))
    word = _ink.fitted(_ink.written([words.offer(rng)], 30, ground, rng), 0.85 * knob.shape[1], 0.6 * knob.shape[0])
    knob = _ink.over(knob, word, (knob.shape[1] - word.shape[1]) // 2, (knob.shape[0] - word.shape[0]) // 2)
    return _ink.over(band, knob, left + int(0.66 * seen_px), (height - knob.shape[0]) // 2)
