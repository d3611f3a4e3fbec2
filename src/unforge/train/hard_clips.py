"""What honest film shows between frames and is no forgery: repeated frames, shaking, flickering light, noise, softness.

Each is put over the untouched stretch and its forgery alike, before both are coded the same way: neither may count as
a trace.
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from unforge.train.clips import Clip
from unforge.train.fakes._mask import Generator, Picture
from unforge.train.temporal_fakes._drift import wandering

CRF = (17, 33)
Layer = Callable[[Clip], Clip]


def draw(length: int, rng: Generator) -> Layer:
    """A chain of such changes for stretches of so many frames, always the same for a seed."""
    layers = [make(length, rng) for name, make in LAYERS.items() if rng.random() < SHARES[name]]

    def layer(clip: Clip) -> Clip:
        for one in layers:
            clip = one(clip)
        return clip

    return layer


def _repeats(length: int, rng: Generator) -> Layer:
    """Some frames stand still: every n-th one, or a few by chance."""
    order = np.arange(length)
    if rng.random() < 0.5:
        period = int(rng.integers(2, 7))
        order[period - 1 :: period] -= 1
    else:
        hit = rng.integers(1, length, size=int(rng.integers(1, 6)))
        order[hit] -= 1

    def layer(clip: Clip) -> Clip:
        return Clip(clip.rgb[order], clip.times_s, clip.landmarks_px[order])

    return layer


def _shaking(length: int, rng: Generator) -> Layer:
    """The camera is held by hand."""
    shifts = wandering(length, 2, rng.uniform(0.3, 0.95), rng) * rng.uniform(0.3, 3.0)

    def layer(clip: Clip) -> Clip:
        moved, size_wh = [], (clip.rgb.shape[2], clip.rgb.shape[1])
        for rgb, (x, y) in zip(clip.rgb, shifts, strict=True):
            matrix = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
            moved.append(cv2.warpAffine(rgb, matrix, size_wh, borderMode=cv2.BORDER_REFLECT_101))
        points = clip.landmarks_px + shifts[:, None].astype(np.float32)
        return Clip(np.stack(moved).astype(np.uint8), clip.times_s, points)

    return layer


def _light(length: int, rng: Generator) -> Layer:
    """Light or exposure that changes over the whole picture."""
    gains = 1.0 + wandering(length, 1, rng.uniform(0.0, 0.95), rng)[:, 0] * rng.uniform(0.005, 0.05)

    def layer(clip: Clip) -> Clip:
        return clip.showing([_scaled(rgb, gain) for rgb, gain in zip(clip.rgb, gains, strict=True)])

    return layer


def _scaled(rgb: Picture, gain: float) -> Picture:
    return np.asarray(np.clip(np.round(rgb * gain), 0, 255), np.uint8)


def _noise(length: int, rng: Generator) -> Layer:
    seed, level = int(rng.integers(2**31)), rng.uniform(1.0, 7.0)

    def layer(clip: Clip) -> Clip:
        noise = np.random.default_rng(seed)
        noisy = [clip_rgb + noise.normal(0.0, level, clip_rgb.shape) for clip_rgb in clip.rgb]
        return clip.showing([np.clip(np.round(rgb), 0, 255).astype(np.uint8) for rgb in noisy])

    return layer


def _softness(length: int, rng: Generator) -> Layer:
    """Filmed or sent at a lower resolution."""
    share = float(np.exp(rng.uniform(np.log(0.35), 0.0)))

    def layer(clip: Clip) -> Clip:
        size_wh = (clip.rgb.shape[2], clip.rgb.shape[1])
        small_wh = (max(8, round(size_wh[0] * share)), max(8, round(size_wh[1] * share)))
        small = [cv2.resize(rgb, small_wh, interpolation=cv2.INTER_AREA) for rgb in clip.rgb]
        return clip.showing([cv2.resize(rgb, size_wh, interpolation=cv2.INTER_CUBIC) for rgb in small])

    return layer


LAYERS: Mapping[str, Callable[[int, Generator], Layer]] = {
    "softness": _softness,
    "noise": _noise,
    "light": _light,
    "shaking": _shaking,
    "repeats": _repeats,
}
SHARES: Mapping[str, float] = {"softness": 0.35, "noise": 0.25, "light": 0.2, "shaking": 0.25, "repeats": 0.2}
