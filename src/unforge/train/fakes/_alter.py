"""What a face goes through when it is altered: colour, sharpness, smoothing, compression, place."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from unforge import channel
from unforge.train.fakes._mask import Generator, Picture, clipped, smooth_field

Alteration = Callable[[Picture, Generator], Picture]


def altered(rgb: Picture, kind: str, rng: Generator) -> Picture:
    """The picture after one alteration of a kind of ALTERATIONS."""
    choices = ALTERATIONS[kind]
    return choices[rng.integers(len(choices))](rgb, rng)


def moved(rgb: Picture, size_px: float, amount: float, rng: Generator) -> Picture:
    """The picture under a small similarity and a smooth bending, as if another face had been fitted in."""
    height, width = rgb.shape[:2]
    turn, scale = rng.uniform(-3.0, 3.0) * amount, 1.0 + rng.uniform(-0.045, 0.045) * amount
    matrix = cv2.getRotationMatrix2D((width / 2.0, height / 2.0), turn, scale)
    shift_px = rng.uniform(-0.035, 0.035, 2) * amount * size_px
    y, x = np.mgrid[:height, :width].astype(np.float32)
    across = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] + shift_px[0]
    down = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] + shift_px[1]
    bend = smooth_field((height, width), rng) * (0.012 * amount * size_px)
    sampled = cv2.remap(
        rgb,
        (across + bend[..., 0]).astype(np.float32),
        (down + bend[..., 1]).astype(np.float32),
        cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(sampled, np.uint8)


def resampled(rgb: Picture, rng: Generator) -> Picture:
    """The whole picture sampled once between its pixels: what any warp costs in sharpness, at the same place."""
    x, y = rng.uniform(-0.5, 0.5, 2)
    matrix = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
    kernel = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
    size_wh = (rgb.shape[1], rgb.shape[0])
    return np.asarray(cv2.warpAffine(rgb, matrix, size_wh, flags=kernel, borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def sharpened(rgb: Picture, sigma_px: float, amount: float) -> Picture:
    """Unsharp masking."""
    soft = cv2.GaussianBlur(rgb, (0, 0), sigma_px).astype(np.float32)
    return clipped(rgb + amount * (rgb - soft))


def _shift_lab(rgb: Picture, rng: Generator) -> Picture:
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    gain = 1.0 + rng.uniform(-0.12, 0.12, 3)
    shift = rng.uniform(-1.0, 1.0, 3) * (14.0, 7.0, 7.0)
    mean = lab.mean(axis=(0, 1))
    return np.asarray(cv2.cvtColor(clipped((lab - mean) * gain + mean + shift), cv2.COLOR_LAB2RGB), np.uint8)


def _gamma(rgb: Picture, rng: Generator) -> Picture:
    exponent = np.exp(rng.choice([-1, 1]) * rng.uniform(0.06, 0.30))
    table = clipped(255.0 * (np.arange(256) / 255.0) ** exponent)
    return table[rgb]


def _white_balance(rgb: Picture, rng: Generator) -> Picture:
    return clipped(rgb * (1.0 + rng.uniform(-0.10, 0.10, 3)))


def _saturation(rgb: Picture, rng: Generator) -> Picture:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    return clipped(grey + (rgb - grey) * (1.0 + rng.choice([-1, 1]) * rng.uniform(0.15, 0.5)))


def _reduced(rgb: Picture, rng: Generator) -> Picture:
    return channel.load("resize").apply(rgb, rng.uniform(0.2, 1.0), rng)


def _blurred(rgb: Picture, rng: Generator) -> Picture:
    return channel.load("blur").apply(rgb, rng.uniform(0.2, 0.8), rng)


def _sharpened(rgb: Picture, rng: Generator) -> Picture:
    sigma_px = rng.uniform(0.8, 2.0)
    return sharpened(rgb, sigma_px, rng.uniform(0.4, 1.5))


def _smoothed(rgb: Picture, rng: Generator) -> Picture:
    if rng.random() < 0.4:
        return np.asarray(cv2.medianBlur(rgb, int(rng.choice([3, 5]))), np.uint8)
    return np.asarray(cv2.bilateralFilter(rgb, 7, rng.uniform(15, 50), rng.uniform(2, 5)), np.uint8)


def _jpeg(rgb: Picture, rng: Generator) -> Picture:
    return channel.load("jpeg").apply(rgb, rng.uniform(0.4, 0.95), rng)


def _noise(rgb: Picture, rng: Generator) -> Picture:
    return channel.load("noise").apply(rgb, rng.uniform(0.25, 0.9), rng)


SINGLE: Mapping[str, Alteration] = {
    "colour": _shift_lab,
    "gamma": _gamma,
    "white balance": _white_balance,
    "saturation": _saturation,
    "scaling": _reduced,
    "blur": _blurred,
    "sharpening": _sharpened,
    "smoothing": _smoothed,
    "jpeg": _jpeg,
    "noise": _noise,
}
ALTERATIONS: Mapping[str, tuple[Alteration, ...]] = {
    "colour": (_shift_lab, _gamma, _white_balance, _saturation),
    "sharpness": (_reduced, _reduced, _blurred, _sharpened),
    "smoothing": (_smoothed,),
    "compression": (_jpeg, _noise),
}
