"""Finding stripes in a window of a photograph, with no idea of where the screen is or how it is turned.

A field of stripes is a periodic signal along one direction, so that its spectrum lives on the multiples of one point.
For every direction and every period those multiples are read from one spectrum of the window, brought to the phases of
the stripe sequence, and summed for all shifts at once by a short inverse transform: a matched filter for each of some
million hypotheses at the price of a few transforms.

The spectrum is whitened by its own surroundings (phase correlation; Kuglin & Hines, 1975), so that a score z is the sum
of what is normally distributed where there is no mark, in its standard deviations.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from unforge.trace.tile import CHIPS, STRIPES, Pilot

SIDE_PX = 384  # of a window
PADDED = 2  # times the side, so that reading between the lines of the spectrum is exact enough
HARMONICS = 20
SHIFTS = 64
STEP_DEG = 0.8
PERIODS_PX = (64.0, 224.0)
PERIOD_STEP = 0.0125
HIGHEST = 0.45  # cycles per pixel, beyond which a camera shows nothing true
SURROUNDINGS = 31  # lines of the spectrum on a side that tell how loud it is there
RAYLEIGH = 2.0 / math.sqrt(math.pi)  # root mean square over mean, of the magnitude of complex noise

MOST_PEAKS = 6
LEAST_PEAK = 3.5
WIDEST_RATIO = 2.0  # of the two periods, under the steepest view that can still be read
STEEPEST_DEG = 45.0  # away from a right angle between the two directions

Spectrum = NDArray[np.float32]  # (N, N, 2): real and imaginary, zero frequency in the middle


@dataclass(frozen=True, slots=True)
class Line:
    """One field of stripes as it runs through the middle of a window.

    gradient: (2,) chips per pixel; chips: its value in the middle, in [0, 48); z: the score.
    """

    gradient: NDArray[np.float64]
    chips: float
    z: float


@dataclass(frozen=True, slots=True)
class Seed:
    """Both fields in one window. centre_xy: its middle, in pixels of the picture."""

    centre_xy: tuple[float, float]
    u: Line
    v: Line

    @property
    def z(self) -> float:
        """The score of both together."""
        return (self.u.z + self.v.z) / math.sqrt(2.0)


@dataclass(frozen=True, slots=True)
class Grid:
    """Directions (radians) and periods (pixels) that are tried."""

    directions: NDArray[np.float64]
    periods_px: NDArray[np.float64]


def spectrum(window: NDArray[np.float32]) -> Spectrum:
    """The whitened spectrum of a window (S, S) of the carrier, its phases counted from the middle."""
    side = len(window)
    padded = np.zeros((PADDED * side, PADDED * side), np.float32)
    padded[:side, :side] = window * _taper(side)
    turned = np.roll(padded, (-(side // 2), -(side // 2)), (0, 1))
    found = scipy.fft.fftshift(scipy.fft.fft2(turned, overwrite_x=True))
    loudness = cv2.blur(np.abs(found), (SURROUNDINGS, SURROUNDINGS)) * RAYLEIGH + 1e-9
    return np.stack([found.real / loudness, found.imag / loudness], axis=-1)


@lru_cache(maxsize=1)
def everywhere() -> Grid:
    """All directions of a half turn, the other half being read backwards, and all periods."""
    low, high = PERIODS_PX
    periods_px = low * np.exp(np.arange(0.0, math.log(high / low), PERIOD_STEP))
    return Grid(np.radians(np.arange(0.0, 180.0, STEP_DEG)), periods_px)


def seeds(found: Spectrum, pilot: Pilot, centre_xy: tuple[float, float]) -> list[Seed]:
    """The likeliest pairs of fields in a window, the best first; mirrored ones are left out: light is not."""
    grid = everywhere()
    read = _read(found, grid)
    first, second = (_peaks(*_both_ways(read, sequence), grid) for sequence in pilot.sequences)
    pairs = [Seed(centre_xy, u, v) for u in first for v in second if plausible(u, v)]
    return sorted(pairs, key=lambda seed: -seed.z)


def plausible(u: Line, v: Line) -> bool:
    """Whether two fields can be those of one screen that is seen from the front, under any turn and a bearable tilt."""
    lengths = np.hypot(*u.gradient), np.hypot(*v.gradient)
    cross = float(u.gradient[0] * v.gradient[1] - u.gradient[1] * v.gradient[0]) / float(lengths[0] * lengths[1])
    ratio = float(max(lengths) / min(lengths))
    return cross < -math.cos(math.radians(STEEPEST_DEG)) and ratio < WIDEST_RATIO


def near(
    found: Spectrum, pilot: Pilot, gradients: NDArray[np.float64], chips: tuple[float, float], reach_chips: float
) -> tuple[Line, Line]:
    """Both fields close to where they are expected in a window.

    gradients: (2, 2) those of u and of v; chips: what they are expected to be in the middle, within +-reach_chips.
    """
    lines = []
    for gradient, expected, sequence in zip(gradients, chips, pilot.sequences, strict=True):
        direction = math.atan2(gradient[1], gradient[0])
        period_px = CHIPS / math.hypot(*gradient)
        grid = Grid(
            direction + np.radians(np.arange(-3, 4) * STEP_DEG / 2),
            period_px * np.exp(np.arange(-4, 5) * PERIOD_STEP / 2),
        )
        scores = _scores(_read(found, grid), sequence)
        shifts = CHIPS * np.arange(SHIFTS) / SHIFTS
        away = np.abs((-shifts - expected + CHIPS / 2) % CHIPS - CHIPS / 2)
        scores[..., away > reach_chips] = -np.inf
        n, m, k = (int(i) for i in np.unravel_index(int(np.argmax(scores)), scores.shape))
        lines.append(_line(grid.directions[n], grid.periods_px[m], _between(scores[n, m], k), float(scores[n, m, k])))
    return lines[0], lines[1]


def _read(found: Spectrum, grid: Grid) -> NDArray[np.complex64]:
    """(D, P, H) the harmonics for every direction and period, zero where they are too high to be true."""
    size = len(found)
    frequencies = np.arange(1, HARMONICS + 1) / grid.periods_px[:, None]
    across = (np.cos(grid.directions)[:, None, None] * frequencies * size + size // 2).astype(np.float32)
    down = (np.sin(grid.directions)[:, None, None] * frequencies * size + size // 2).astype(np.float32)
    shape = across.shape
    flat = (shape[0] * shape[1], shape[2])
    read = cv2.remap(found, across.reshape(flat), down.reshape(flat), cv2.INTER_LINEAR)
    harmonics = np.ascontiguousarray(read).view(np.complex64).reshape(shape)
    harmonics[:, frequencies > HIGHEST] = 0.0
    return harmonics


def _scores(harmonics: NDArray[np.complex64], sequence: NDArray[np.float64]) -> NDArray[np.float32]:
    """(D, P, SHIFTS) z for every shift of a sequence along its period."""
    template = np.conj(_template(sequence.tobytes()))
    lines = np.zeros((*harmonics.shape[:2], SHIFTS // 2 + 1), np.complex64)
    lines[..., 1 : HARMONICS + 1] = harmonics * template
    used = (harmonics != 0).any(axis=0)
    norm = np.sqrt((used * np.abs(template) ** 2).sum(axis=1) / 2.0)
    scores = scipy.fft.irfft(lines, SHIFTS, axis=-1) * (SHIFTS / 2.0)
    return np.asarray(scores / np.maximum(norm, 1e-9)[None, :, None], np.float32)


def _both_ways(
    harmonics: NDArray[np.complex64], sequence: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Best scores and their shifts (2 D, P), for the directions and for their opposites: a real signal backwards."""
    best, shifts = [], []
    for read in (harmonics, np.conj(harmonics)):
        scores = _scores(read, sequence)
        highest = scores.argmax(axis=2)
        best.append(np.take_along_axis(scores, highest[..., None], axis=2)[..., 0])
        shifts.append(_between_all(scores, highest))
    return np.concatenate(best), np.concatenate(shifts)


def _peaks(best: NDArray[np.float32], shifts: NDArray[np.float32], grid: Grid) -> list[Line]:
    """The highest local peaks; a direction has neighbours across the end of the turn."""
    around = np.concatenate([best[-2:], best, best[:2]])
    highest = cv2.dilate(around, np.ones((5, 7), np.uint8))[2:-2]
    rows, columns = np.nonzero((best >= highest) & (best >= LEAST_PEAK))
    order = np.argsort(-best[rows, columns], kind="stable")[:MOST_PEAKS]
    directions = np.concatenate([grid.directions, grid.directions + math.pi])
    return [
        _line(directions[n], grid.periods_px[m], float(shifts[n, m]), float(best[n, m]))
        for n, m in zip(rows[order], columns[order], strict=True)
    ]


def _line(direction: float, period_px: float, shift: float, z: float) -> Line:
    gradient = CHIPS / period_px * np.array([math.cos(direction), math.sin(direction)])
    return Line(gradient, (-CHIPS * shift / SHIFTS) % CHIPS, z)


def _between(scores: NDArray[np.float32], k: int) -> float:
    """Where between the shifts the peak lies, by a parabola."""
    before, at, after = (float(scores[(k + n) % SHIFTS]) for n in (-1, 0, 1))
    bend = before - 2.0 * at + after
    return k + (0.5 * (before - after) / bend if np.isfinite(bend) and bend < 0 else 0.0)


def _between_all(scores: NDArray[np.float32], highest: NDArray[np.intp]) -> NDArray[np.float32]:
    before, at, after = (
        np.take_along_axis(scores, ((highest + n) % SHIFTS)[..., None], axis=2)[..., 0] for n in (-1, 0, 1)
    )
    bend = np.minimum(before - 2.0 * at + after, -1e-6)
    return np.asarray(highest + np.clip(0.5 * (before - after) / bend, -0.5, 0.5), np.float32)


@lru_cache(maxsize=16)
def _template(sequence: bytes) -> NDArray[np.complex64]:
    """The harmonics (H,) of a sequence of stripes, exactly: steps of 1/32 of the period."""
    order = np.arange(1, HARMONICS + 1)
    steps = np.frombuffer(sequence, np.float64)
    turns = np.exp(-2j * math.pi * np.outer(order, np.arange(STRIPES)) / STRIPES)
    return np.asarray(
        turns @ steps / STRIPES * np.sinc(order / STRIPES) * np.exp(-1j * math.pi * order / STRIPES), np.complex64
    )


@lru_cache(maxsize=4)
def _taper(side: int) -> NDArray[np.float32]:
    """Smooth to the edges, where a hard end would spread the spectrum of the picture; wide in the middle."""
    edge = np.sin(np.linspace(0.0, math.pi, side + 2)[1:-1]) ** 0.75
    return np.asarray(np.outer(edge, edge), np.float32)
