"""Lines with a number or a handle, on a plate or straight over the picture."""

import numpy as np
from numpy.typing import NDArray

from unforge.train.adverts import Drawn, _ink
from unforge.train.adverts._words import Words

CLASS = "contact"


def draw(rgb: NDArray[np.uint8], words: Words, rng: np.random.Generator) -> Drawn:
    height, width = rgb.shape[:2]
    lines = [words.contact(rng) for _ in range(int(rng.integers(1, 4)))]
    if rng.random() < 0.4:
        lines.insert(0, words.offer(rng))
    plated = rng.random() < 0.6
    ground = _ink.vivid(rng)
    colour = _ink.against(ground, rng)
    ink = _ink.written(lines, 40, colour, rng, None if plated else ground)
    high = len(lines) * height * rng.uniform(0.07, 0.15)
    ink = _ink.fitted(ink, width * rng.uniform(0.55, 0.95), min(high, 0.7 * height))
    if plated:
        ink = _on_plate(ink, ground, colour, rng)
    h, w = ink.shape[:2]
    centre = (rng.uniform(min(w, width) / 2, width - min(w, width) / 2), rng.uniform(h / 2, max(h, height - h / 2)))
    matrix = _ink.placed(ink, centre, float(rng.choice([0.0, rng.normal(0, 6)])))
    opacity = rng.uniform(0.75, 1.0)
    return Drawn(_ink.laid(rgb, ink, matrix, opacity), _ink.cover(rgb.shape, ink, matrix))


def _on_plate(
    ink: NDArray[np.uint8], ground: _ink.Colour, colour: _ink.Colour, rng: np.random.Generator
) -> NDArray[np.uint8]:
    margin = max(2, int(0.12 * ink.shape[0]))
    size_wh = (ink.shape[1] + 2 * margin, ink.shape[0] + 2 * margin)
    plate = _ink.plate(size_wh, ground, int(rng.integers(0, margin + 1)), colour if rng.random() < 0.3 else None)
    return _ink.over(plate, ink, margin, margin)
