"""What lies over honest faces and is no forgery: captions, things held before them, a filter over the whole picture.

Each is put over the real and its forgery alike: a border that a caption makes must not count as a seam.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Generator = np.random.Generator
Layer = Callable[[Picture], Picture]

SHARE = 0.12  # of pairs
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX)
LETTERS = "abcdefghiklmnoprstuvwyzABCDEGHKLMNOPRST 0123456789"


def draw(landmarks_px: NDArray[np.float32], side_px: int, rng: Generator) -> Layer:
    """One of the layers for faces with a mesh (468, 2) on a crop (side_px, side_px, 3), always the same for a seed."""
    return LAYERS[rng.integers(len(LAYERS))](landmarks_px, side_px, rng)


def _caption(landmarks_px: NDArray[np.float32], side_px: int, rng: Generator) -> Layer:
    """Letters with a dark edge or on a bar, mostly low in the picture."""
    text = "".join(rng.choice(list(LETTERS), int(rng.integers(6, 18))))
    at = int(rng.integers(0, side_px // 3)), int(rng.uniform(0.6, 0.97) * side_px)
    font, size = FONTS[rng.integers(len(FONTS))], float(rng.uniform(0.4, 1.0))
    colour = tuple(int(v) for v in rng.integers(190, 256, 3))
    on_bar, opaque = rng.random() < 0.4, float(rng.uniform(0.6, 1.0))

    def layer(rgb: Picture) -> Picture:
        drawn = rgb.copy()
        if on_bar:
            cv2.rectangle(drawn, (0, at[1] - round(26 * size)), (side_px, at[1] + round(10 * size)), (20, 20, 20), -1)
        else:
            cv2.putText(drawn, text, at, font, size, (10, 10, 10), 4, cv2.LINE_AA)
        cv2.putText(drawn, text, at, font, size, colour, 1 + (size > 0.7), cv2.LINE_AA)
        return np.asarray(cv2.addWeighted(drawn, opaque, rgb, 1.0 - opaque, 0.0), np.uint8)

    return layer


def _thing(landmarks_px: NDArray[np.float32], side_px: int, rng: Generator) -> Layer:
    """A hand, a cup, a microphone: something of one colour with a little shade that comes in from the rim."""
    middle = landmarks_px.mean(axis=0)
    size_px = float(np.ptp(landmarks_px, axis=0).max())
    angle = rng.uniform(0, 2 * np.pi)
    towards = np.array([np.cos(angle), np.sin(angle)])
    centre = middle + towards * size_px * rng.uniform(0.35, 0.7)
    axes = size_px * rng.uniform(0.10, 0.32, 2)
    ellipse = np.zeros((side_px, side_px), np.float32)
    axes_px = (round(float(axes[0])), round(float(axes[1])))
    at = (round(float(centre[0])), round(float(centre[1])))
    cv2.ellipse(ellipse, at, axes_px, float(rng.uniform(0, 180)), 0, 360, 1.0, -1)
    shape = np.asarray(cv2.GaussianBlur(ellipse, (0, 0), float(rng.uniform(0.6, 2.0))), np.float32)[..., None]
    colour, slope = rng.uniform(10, 245, 3), rng.uniform(-50, 50)
    shade = slope * (np.mgrid[:side_px, :side_px][1] / side_px - 0.5)
    thing = colour + shade[..., None] + rng.uniform(0.5, 5.0) * rng.standard_normal((side_px, side_px, 1))

    def layer(rgb: Picture) -> Picture:
        return np.asarray(np.clip(np.round(rgb * (1.0 - shape) + thing * shape), 0, 255), np.uint8)

    return layer


def _filter(landmarks_px: NDArray[np.float32], side_px: int, rng: Generator) -> Layer:
    """A beauty filter, a tint or a vignette over everything."""
    kind = rng.integers(3)
    reach, tint = float(rng.uniform(15, 45)), rng.uniform(0.8, 1.2, 3)
    y, x = np.mgrid[:side_px, :side_px] / side_px - 0.5
    dark = (1.0 - rng.uniform(0.3, 1.2) * (x**2 + y**2))[..., None]

    def layer(rgb: Picture) -> Picture:
        if kind == 0:
            return np.asarray(cv2.bilateralFilter(rgb, 7, reach, 4.0), np.uint8)
        changed = rgb * tint if kind == 1 else rgb * dark
        return np.asarray(np.clip(np.round(changed), 0, 255), np.uint8)

    return layer


LAYERS = (_caption, _thing, _filter)
