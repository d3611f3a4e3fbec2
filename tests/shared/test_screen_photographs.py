"""Simulated photographs of screens beside real ones by phones; skipped where the collection is absent.

The presets were set by these photographs, and the figures were chosen while that was done. The test keeps them there;
it does not show that other phones are like this.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from unforge.channel.photograph import Camera, Pose, Screen, photograph

DATA = Path(os.environ.get("UNFORGE_DATA", "../shared/data"))
REAL = DATA / "screens" / "screen"
SHOWN = DATA / "screens" / "plain"
# Two of the real photographs show paper, not a screen.
PAPER = {"aakash_005.jpg", "aakash_008.jpg"}

SIDE_PX = 1600  # all photographs are compared at this long side
BLOCK_PX = 64

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.skipif(not REAL.is_dir(), reason=f"no photographs of screens at {REAL}"),
]


@dataclass(frozen=True)
class Texture:
    """What a photograph is like on the scale of pixels.

    luma_noise, chroma_noise: standard deviation in grey levels of the calmest blocks, of 0.3 to 0.5 and of 0.1 to 0.25
        cycles per pixel; the median over frequencies, so that a lattice of sub-pixels does not count as noise.
    chroma_slope: exponent of the power of chroma by frequency.
    sharpness: log10 of power at 0.2 to 0.35 over 0.05 to 0.15 cycles per pixel, where there is most detail.
    luma_ripple, chroma_ripple: amplitude in grey levels of the strongest wave of calm blocks.
    """

    luma_noise: float
    chroma_noise: float
    chroma_slope: float
    sharpness: float
    luma_ripple: float
    chroma_ripple: float


def texture(rgb: NDArray[np.uint8]) -> Texture:
    scale = min(1.0, SIDE_PX / max(rgb.shape))
    picture = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)
    red, green, blue = np.moveaxis(picture, 2, 0)
    luma, light = _spectra(0.299 * red + 0.587 * green + 0.114 * blue)
    chroma, _ = _spectra(blue - (red + green) / 2)
    exposed = (light > 40) & (light < 235)
    luma, chroma = luma[exposed], chroma[exposed]
    calm = _lowest(_band(luma, 0.02, 0.06), 1 / 3)
    return Texture(
        np.sqrt(np.median(_lowest_of(_floor(luma, 0.3, 0.5), 0.1))),
        np.sqrt(np.median(_lowest_of(_floor(chroma, 0.1, 0.25), 0.1))),
        _slope(chroma[_lowest(_band(chroma, 0.1, 0.5), 0.1)]),
        float(np.median(np.log10(_detailed(luma, 0.2, 0.35) / _detailed(luma, 0.05, 0.15)))),
        _ripple(luma[calm]),
        _ripple(chroma[calm]),
    )


WINDOW = np.outer(np.hanning(BLOCK_PX), np.hanning(BLOCK_PX))
RADIUS = np.hypot(np.fft.fftfreq(BLOCK_PX)[:, None], np.fft.fftfreq(BLOCK_PX))


def _spectra(plane: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, side, side) power of all blocks, with a mean equal to the variance, and their mean levels (N,)."""
    rows, columns = (side // BLOCK_PX for side in plane.shape)
    cut = plane[: rows * BLOCK_PX, : columns * BLOCK_PX]
    blocks = cut.reshape(rows, BLOCK_PX, columns, BLOCK_PX).swapaxes(1, 2).reshape(-1, BLOCK_PX, BLOCK_PX)
    means = blocks.mean(axis=(1, 2))
    power = np.abs(np.fft.fft2((blocks - means[:, None, None]) * WINDOW)) ** 2
    return power / (WINDOW**2).sum(), means


def _within(low: float, high: float) -> NDArray[np.bool_]:
    return (low <= RADIUS) & (high > RADIUS)


def _band(power: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    return np.asarray(power[:, _within(low, high)].mean(axis=1))


def _floor(power: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Power of the noise by itself: that of white noise is exponentially distributed, with a median of ln 2."""
    return np.asarray(np.median(power[:, _within(low, high)], axis=1) / np.log(2))


def _lowest(values: NDArray[np.float64], share: float) -> NDArray[np.int64]:
    return np.argsort(values)[: max(3, int(share * len(values)))]


def _lowest_of(values: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    return values[_lowest(values, share)]


def _detailed(luma: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    return _band(luma[_lowest(-_band(luma, 0.05, 0.15), 0.2)], low, high)


def _slope(power: NDArray[np.float64]) -> float:
    middles = np.arange(0.05, 0.5, 0.05)
    mean = [float(np.median(_band(power, middle - 0.025, middle + 0.025))) for middle in middles]
    return float(np.polyfit(np.log(middles), np.log(np.array(mean) + 1e-6), 1)[0])


def _ripple(power: NDArray[np.float64]) -> float:
    strongest = power[:, _within(0.08, 0.5)].max(axis=1)
    return float(np.median(2.0 * np.sqrt(strongest * (WINDOW**2).sum()) / WINDOW.sum()))


# What was photographed, from where, on what


def _pages() -> Iterator[NDArray[np.uint8]]:
    draw = np.random.default_rng(0)
    for paper, ink in ((255, (10, 70)), (30, (120, 250))):
        page = np.full((1080, 1920, 3), paper, np.uint8)
        for line in range(40):
            colour = [int(level) for level in draw.integers(*ink, 3)]
            words = " ".join("".join(map(chr, draw.integers(97, 123, draw.integers(2, 9)))) for _ in range(24))
            cv2.putText(page, words, (60, 40 + 26 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.55, colour, 1, cv2.LINE_AA)
        yield page
    for name in ("aakash_002.jpg", "aakash_010.jpg"):
        yield np.asarray(cv2.resize(_read(SHOWN / name), (1920, 1080), interpolation=cv2.INTER_AREA), np.uint8)


def _read(path: Path) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)


PLACES = (
    (Screen(layout="matte"), Pose(40, 10, 5, 2)),
    (Screen(ppi=140), Pose(45, 0, 0, 1)),
    (Screen(ppi=140), Pose(22, -20, 8, 0)),
    (Screen(ppi=220), Pose(14, 5, -5, -3)),
)
# As the real ones came to us: made smaller by a program, at quality 92.
PHONES = tuple(replace(phone, long_side_px=2048) for phone in (Camera.phone(), Camera.old_phone()))


@pytest.fixture(scope="module")
def real() -> list[Texture]:
    return [texture(_read(path)) for path in sorted(REAL.glob("*.jpg")) if path.name not in PAPER]


@pytest.fixture(scope="module")
def simulated() -> list[Texture]:
    shots = []
    for seed, page in enumerate(_pages()):
        for turn, phone in enumerate(PHONES):
            screen, pose = PLACES[(seed + 2 * turn) % len(PLACES)]
            shots.append(texture(photograph(page, screen, pose, phone, np.random.default_rng(seed)).rgb))
    return shots


@pytest.mark.parametrize("figure", [field.name for field in fields(Texture)])
def test_simulated_photographs_lie_within_the_range_of_real_ones(
    figure: str, real: list[Texture], simulated: list[Texture]
) -> None:
    """The median lies among the real ones, and no more than one beyond their range widened by a tenth."""
    found = np.sort([getattr(shot, figure) for shot in real])
    made = np.array([getattr(shot, figure) for shot in simulated])
    told = f"{figure}: real {found[[0, len(found) // 2, -1]].round(2)}, simulated {made.round(2)}"
    slack = 0.1 * np.ptp(found)
    assert found[0] <= np.median(made) <= found[-1], told
    assert ((made < found[0] - slack) | (made > found[-1] + slack)).sum() <= 1, told
