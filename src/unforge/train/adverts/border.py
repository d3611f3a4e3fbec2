"""A frame around the picture, plain or with a title in small letters, and bands without a word."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.train.adverts import Drawn, _ink
from unforge.train.adverts._words import Words

CLASS = "clean"


def draw(rgb: NDArray[np.uint8], words: Words, rng: np.random.Generator) -> Drawn:
    height, width = rgb.shape[:2]
    colour = _ink.vivid(rng) if rng.random() < 0.4 else ((255, 255, 255) if rng.random() < 0.5 else (0, 0, 0))
    sides = np.round(height * rng.uniform(0.02, 0.12) * np.ones(4)).astype(int)
    form = rng.choice(["frame", "foot", "cinema"])
    if form == "foot":
        sides[1] = round(height * rng.uniform(0.12, 0.2))
    elif form == "cinema":
        sides[2:] = 0
    out = np.empty_like(rgb)
    out[:] = np.array(colour, np.uint8)
    top, bottom, left, right = sides.tolist()
    inner = cv2.resize(rgb, (width - left - right, height - top - bottom), interpolation=cv2.INTER_AREA)
    out[top : height - bottom, left : width - right] = inner
    if form == "foot" and rng.random() < 0.6:
        ink = _ink.written([words.mark(rng)], 30, _ink.against(colour, rng), rng)
        ink = _ink.fitted(ink, 0.4 * width, 0.3 * bottom)
        centre = (width * rng.uniform(0.3, 0.7), height - bottom / 2)
        out = _ink.laid(out, ink, _ink.placed(ink, centre), rng.uniform(0.5, 1.0))
    return Drawn(out, np.zeros(rgb.shape[:2], np.float32))
