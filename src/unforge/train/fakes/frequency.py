"""The spectrum of a face tampered with: bands weakened, swapped or cut off, grids of up-sampling laid over."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.train.fakes import Donors, Fake
from unforge.train.fakes._mask import (
    Generator,
    Mesh,
    Picture,
    clipped,
    draw,
    named,
    paste,
    region_mask,
    until_visible,
)

REGIONS: Mapping[str, float] = {
    "face": 0.42,
    "inner face": 0.22,
    "lower face": 0.10,
    "mouth": 0.12,
    "eyes": 0.09,
    "nose": 0.05,
}
WAYS: Mapping[str, float] = {"band": 0.25, "swap": 0.20, "cut": 0.20, "grid": 0.35}
PERIODS_PX = (2, 4, 8)


def make(rgb: Picture, landmarks_px: Mesh, rng: Generator, donors: Donors | None = None) -> Fake:
    """Forge a face crop (H, W, 3) with mesh (468, 2) on it; no donors are needed.

    The untouched partner half of the time is the whole picture tampered with in the same way.
    """
    return until_visible(lambda: _attempt(rgb, landmarks_px, rng))


def _attempt(rgb: Picture, landmarks_px: Mesh, rng: Generator) -> Fake:
    region, way = draw(REGIONS, rng), draw(WAYS, rng)
    mask = region_mask(landmarks_px, rgb.shape[:2], rng, region)
    tampered = TAMPERING[way](rgb, rng)
    partner = tampered if rng.random() < 0.5 else rgb
    artefacts = ("frequency", "upsampling") if way == "grid" else ("frequency",)
    return Fake(paste(tampered, rgb, mask), partner, mask, artefacts, named(region))


def _band(rgb: Picture, rng: Generator) -> Picture:
    """A ring of the spectrum weakened or strengthened."""
    gain = rng.uniform(0.0, 0.55) if rng.random() < 0.6 else rng.uniform(1.35, 2.0)
    return _filtered(rgb, lambda frequency: 1.0 + (gain - 1.0) * _ring(frequency, rng))


def _cut(rgb: Picture, rng: Generator) -> Picture:
    """High frequencies fall off early, as after filters that never saw them."""
    start, fall, floor = rng.uniform(0.10, 0.28), rng.uniform(0.02, 0.10), rng.uniform(0.0, 0.5)
    return _filtered(rgb, lambda frequency: floor + (1.0 - floor) / (1.0 + np.exp((frequency - start) / (fall / 2.0))))


def _swap(rgb: Picture, rng: Generator) -> Picture:
    """Amplitudes of a ring from the picture turned by a quarter; phases, and with them the face, stay."""
    spectrum = _spectrum(rgb)
    amplitude = np.abs(spectrum)
    turned = np.abs(_spectrum(np.ascontiguousarray(np.rot90(_square(rgb)))))
    share = rng.uniform(0.6, 1.0) * _ring(_frequencies(spectrum.shape), rng, lowest=0.10)[..., None]
    wanted = amplitude ** (1.0 - share) * turned[: spectrum.shape[0], : spectrum.shape[1]] ** share
    return _picture(spectrum * (wanted / np.maximum(amplitude, 1e-6)), rgb.shape)


def _grid(rgb: Picture, rng: Generator) -> Picture:
    """A weak pattern of small period that follows the light, as unequal taps of an up-sampling leave it."""
    period = int(rng.choice(PERIODS_PX))
    cell = rng.standard_normal((period, period, 1)) + 0.35 * rng.standard_normal((period, period, 3))
    cell = (cell - cell.mean(axis=(0, 1))) / max(float(cell.std()), 1e-6)
    height, width = rgb.shape[:2]
    repeats = (-(-height // period), -(-width // period), 1)
    pattern = np.tile(cell, repeats)[:height, :width].astype(np.float32)
    if rng.random() < 0.5:
        pattern = _stretched(pattern, rng.uniform(1.05, 1.8))
    strength = rng.uniform(1.3, 4.0) * (0.3 + 0.7 * rgb.astype(np.float32) / 160.0)
    return clipped(rgb + strength * pattern)


def _stretched(pattern: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """The pattern as it looks after the generated face has been enlarged into its picture."""
    height, width = pattern.shape[:2]
    larger = cv2.resize(pattern, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)[:height, :width]
    return np.asarray(larger / max(float(larger.std()), 1e-6), np.float32)


TAMPERING: Mapping[str, Callable[[Picture, Generator], Picture]] = {
    "band": _band,
    "swap": _swap,
    "cut": _cut,
    "grid": _grid,
}


# Spectra


def _square(rgb: Picture) -> Picture:
    side = max(rgb.shape[:2])
    below, right = side - rgb.shape[0], side - rgb.shape[1]
    return np.asarray(cv2.copyMakeBorder(rgb, 0, below, 0, right, cv2.BORDER_REFLECT_101), np.uint8)


def _spectrum(rgb: Picture) -> NDArray[np.complex64]:
    return np.asarray(np.fft.rfft2(_square(rgb).astype(np.float32), axes=(0, 1)), np.complex64)


def _picture(spectrum: NDArray[np.complexfloating], shape: tuple[int, ...]) -> Picture:
    side = spectrum.shape[0]
    return clipped(np.fft.irfft2(spectrum, s=(side, side), axes=(0, 1))[: shape[0], : shape[1]])


def _frequencies(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Cycles per pixel of each place of a spectrum."""
    side = shape[0]
    return np.asarray(np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]))


def _ring(frequency: NDArray[np.float64], rng: Generator, lowest: float = 0.06) -> NDArray[np.float64]:
    """1 on a soft ring of the spectrum; 0 at its middle, so that the light stays as it is."""
    middle = rng.uniform(np.log(lowest), np.log(0.40))
    away = np.log(np.maximum(frequency, 1e-6)) - middle
    return np.asarray(np.exp(-0.5 * (away / rng.uniform(0.25, 0.5)) ** 2))


def _filtered(rgb: Picture, gain: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Picture:
    spectrum = _spectrum(rgb)
    return _picture(spectrum * gain(_frequencies(spectrum.shape))[..., None], rgb.shape)
