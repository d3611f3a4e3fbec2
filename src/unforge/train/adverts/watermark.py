"""A photographer's mark or a printed date: small, or so light that the picture shows through."""

import numpy as np
from numpy.typing import NDArray

from unforge.train.adverts import Drawn, _ink
from unforge.train.adverts._words import Words

CLASS = "clean"


def draw(rgb: NDArray[np.uint8], words: Words, rng: np.random.Generator) -> Drawn:
    height, width = rgb.shape[:2]
    large = rng.random() < 0.4
    colour = (255, 255, 255) if rng.random() < 0.6 else (250, 150, 40) if rng.random() < 0.5 else (15, 15, 15)
    ink = _ink.written([words.mark(rng)], 30, colour, rng)
    ink = _ink.fitted(
        ink,
        width * (rng.uniform(0.4, 0.8) if large else rng.uniform(0.15, 0.35)),
        0.2 * height if large else 0.055 * height,
    )
    h, w = ink.shape[:2]
    if large:
        centre, angle = (width * rng.uniform(0.4, 0.6), height * rng.uniform(0.3, 0.7)), float(rng.choice([0, 30, -30]))
    else:
        centre, angle = (float(rng.choice([w / 2 + 4, width - w / 2 - 4])), float(rng.choice([h, height - h]))), 0.0
    opacity = rng.uniform(0.1, 0.3) if large else rng.uniform(0.3, 0.9)
    return Drawn(_ink.laid(rgb, ink, _ink.placed(ink, centre, angle), opacity), np.zeros(rgb.shape[:2], np.float32))
