"""A whole picture: a scene, perhaps with ordinary writing, with or without an advert, saved as platforms save."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.moderate import looks
from unforge.moderate.looks import CLASSES
from unforge.train.adverts import Drawn, _ink, load, of_class
from unforge.train.adverts._scenes import Scenes
from unforge.train.adverts._words import Words

ORDINARY = 0.3  # of the pictures with an advert that carry ordinary writing, too
WRITTEN = 0.6  # of the clean ones that carry ordinary writing


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn picture. label: position in CLASSES; kind: the overlay or writing, "plain" where there is none."""

    drawn: Drawn
    label: int
    kind: str


def words_of(held_out: bool) -> Words:
    """All phrases that can be written here: without a Chinese font, the Latin ones."""
    return Words(held_out, latin=not _ink.fonts(chinese=True))


def picture(scenes: Scenes, label: int, words: Words, rng: np.random.Generator) -> Picture:
    """One picture of a class."""
    rgb = scenes.draw(rng)
    kind = "plain"
    advert = label > 0
    if rng.random() < (ORDINARY if advert else WRITTEN):
        kind = str(rng.choice(of_class(CLASSES[0])))
        rgb = load(kind).draw(rgb, words, rng).rgb
    mask = np.zeros(rgb.shape[:2], np.float32)
    if advert:
        kind = str(rng.choice(of_class(CLASSES[label])))
        drawn = load(kind).draw(rgb, words, rng)
        rgb, mask = drawn.rgb, drawn.mask
    return Picture(Drawn(developed(rgb, rng), mask), label, kind)


def developed(rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Lighter or darker, softer, saved: what happens to pictures before anybody reviews them."""
    light, tint = rng.uniform(0.8, 1.15), rng.uniform(0.95, 1.05, 3)
    out = np.clip(rgb * (light * tint), 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), rng.uniform(0.3, 1.2)), np.uint8)
    if rng.random() < 0.7:
        out = looks.saved(out, int(rng.integers(55, 96)))
    return out


def balanced(scenes: Scenes, count: int, words: Words, seed: int) -> Sequence[Picture]:
    """So many pictures, as many of every class; the n-th is the same whatever the count."""
    return [picture(scenes, n % len(CLASSES), words, np.random.default_rng([seed, n])) for n in range(count)]
