"""From a picture whose map is known to the coded bits: every tile of the screen is laid on one.

The carrier is read along the screen and folded into a single tile. Where both stripe fields agree, the chip is known,
and how well the carrier follows it tells what a place is worth: text, glare and dark corners weigh little by
themselves. The folded tile is the drawn one, blurred and shifted by all that happened on the way, the same all over the
tile; the known half tells how, and a Wiener filter (Wiener, 1949) undoes it. Without that, the known chips spill over
the data in every tile alike, and more tiles would not help. Then the chips of a bit are summed with their signs.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from unforge.trace.geometry import Map, Points
from unforge.trace.search import SIDE_PX
from unforge.trace.tile import CHIPS, CODED_BITS, Pilot, Scramble

PER_CHIP = 3  # samples along a side
SIDE = CHIPS * PER_CHIP  # samples along a side of the folded tile
HALF_TILE = CHIPS // 2
AROUND_CHIPS = 16  # that tell what a place is worth
MOST_CHIPS = 1536  # of a screen along a side; more is not looked at
WIDTHS = (0.7, 1.4, 2.8, 5.6, 11.0)  # samples
LEAST_NOISE = 0.05

Plane = NDArray[np.float32]
Tile = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Unrolled:
    """The screen as far as the picture shows it, in whole tiles.

    samples: (R, C) carrier, 0 where there is none; amplitude: how much of it is the known chip; loudness: its mean
    square around; first_xy: the chips of the first sample.
    """

    samples: Plane
    amplitude: Plane
    loudness: Plane
    first_xy: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Folded:
    """The screen laid on one tile. values: (144, 144), drawn chips are about +1 and -1 at the places of their samples.

    noise: variance of values; tiles: how many were seen, by area. plain: the same with all places alike, of no certain
    loudness: weights know the pilot, and what is to be held against the pilot must not.
    """

    values: Tile
    noise: float
    tiles: float
    plain: Tile


def unrolled(plane: Plane, found: Map, pilot: Pilot) -> Unrolled:
    """Read the carrier (H, W) along the screen."""
    first, shape = _extent(plane, found)
    x, y = (first[n] + (np.arange(PER_CHIP * shape[n]) + 0.5) / PER_CHIP for n in range(2))
    at_xy = _positions(found, x, y)
    samples = np.asarray(
        cv2.remap(_as_coarse(plane, found), at_xy[..., 0], at_xy[..., 1], cv2.INTER_LINEAR, borderValue=0.0), np.float32
    )
    known = np.tile(known_chips(pilot), (shape[1] // CHIPS, shape[0] // CHIPS))
    return Unrolled(samples, *_worth(samples, known), first)


def folded(of: Unrolled) -> Folded:
    """All tiles on one, each place weighing as much as it is worth."""
    worth = of.amplitude / of.loudness
    tops, bottoms, spreads = map(tiles, (of.samples * worth, of.amplitude * worth, worth * worth * of.loudness))
    bottom = np.maximum(bottoms.sum(axis=(0, 1)), 1e-6)
    noise = float(np.mean(spreads.sum(axis=(0, 1)) / bottom**2))
    seen = float((of.samples != 0.0).mean()) * tops.shape[0] * tops.shape[1]
    plain = tiles(np.asarray(of.samples / np.sqrt(of.loudness), np.float32)).sum(axis=(0, 1))
    return Folded(tops.sum(axis=(0, 1)) / bottom, noise, seen, plain)


def equalised(of: Folded, reference: Tile, response: Tile) -> Tile:
    """The tile (144, 144) as it was drawn, undoing a response; `reference` is as loud as what is looked for."""
    channel = scipy.fft.rfft2(response)
    power = np.abs(channel) ** 2
    loudness = max(float((reference**2).mean()), 0.1)
    wiener = np.conj(channel) / (power + (of.noise + LEAST_NOISE * float(power.mean())) / loudness)
    return np.asarray(scipy.fft.irfft2(scipy.fft.rfft2(of.values) * wiener, s=of.values.shape), np.float64)


def round_response(values: Tile, known: Tile) -> Tile:
    """What one sample of the drawn tile became, told by stripes alone: alike in all directions, and shifted.

    Stripes run along two directions and say nothing of what is between, so that more could not be told. Least squares
    over Gaussians of a few widths and the slopes of one.
    """
    away = np.minimum(np.arange(SIDE), SIDE - np.arange(SIDE))
    signed = np.where(np.arange(SIDE) <= SIDE // 2, np.arange(SIDE), np.arange(SIDE) - SIDE)
    square = (away[:, None] ** 2 + away[None, :] ** 2).astype(np.float64)
    bells = [np.exp(-square / (2.0 * width**2)) for width in WIDTHS]
    slopes = [bells[1] * signed[:, None], bells[1] * signed[None, :]]
    basis = np.stack([bell / np.abs(bell).sum() for bell in (*bells, *slopes)])
    seen = np.stack([_convolved(one, known).ravel() for one in basis])
    normal = seen @ seen.T
    weights = np.linalg.solve(normal + 1e-4 * np.trace(normal) / len(seen) * np.eye(len(seen)), seen @ values.ravel())
    return np.tensordot(weights, basis, 1)


def coded_llr(tile: Tile, pilot: Pilot, scramble: Scramble, offset_chips: int = 0) -> NDArray[np.float64]:
    """(240,) log-likelihood ratios of the coded bits, positive for 1. offset_chips: 0, or 24 for the other half."""
    data = np.where(known_chips(pilot) == 0.0, tile, 0.0)
    chips = data.reshape(CHIPS, PER_CHIP, CHIPS, PER_CHIP).sum(axis=(1, 3))
    chips = np.roll(chips, (offset_chips, offset_chips), (0, 1)) * scramble.signs
    free = (known_chips(pilot) == 0.0).reshape(CHIPS, PER_CHIP, CHIPS, PER_CHIP).sum(axis=(1, 3))
    free = np.roll(free, (offset_chips, offset_chips), (0, 1))
    sums = np.bincount(scramble.places.ravel(), chips.ravel(), CODED_BITS)
    deviation = np.sqrt(np.maximum(np.bincount(scramble.places.ravel(), free.ravel(), CODED_BITS), 1.0))
    standard = sums / deviation
    loudness = float(np.mean(np.abs(standard)))
    spread = max(float(np.var(np.abs(standard))), 1e-9)
    return np.asarray(2.0 * loudness * standard / spread, np.float64)


def known_chips(pilot: Pilot) -> Tile:
    """(144, 144) the chips that both fields agree on, 0 elsewhere."""
    at = (np.arange(SIDE) + 0.5) / PER_CHIP
    first, second = pilot.fields(*np.meshgrid(at, at))
    return np.where(first == second, first, 0.0).astype(np.float64)


def _convolved(one: Tile, other: Tile) -> Tile:
    return np.asarray(scipy.fft.irfft2(scipy.fft.rfft2(one) * scipy.fft.rfft2(other), s=one.shape), np.float64)


def tiles(plane: Plane) -> NDArray[np.float64]:
    """(rows, columns, 144, 144) tiles of a plane of whole tiles."""
    rows, columns = plane.shape[0] // SIDE, plane.shape[1] // SIDE
    return plane.reshape(rows, SIDE, columns, SIDE).transpose(0, 2, 1, 3).astype(np.float64)


def _extent(plane: Plane, found: Map) -> tuple[tuple[int, int], tuple[int, int]]:
    """The first chips (x, y) and how many, in whole tiles, as far as anchors reach by a window around them."""
    reach = SIDE_PX / 2.0 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64)
    corners = np.concatenate([anchor.at_xy + reach for anchor in found.anchors])
    chips = found.chips(np.clip(corners, 0, [plane.shape[1], plane.shape[0]]))
    first = np.floor(chips.min(axis=0) / CHIPS)
    count = np.clip(np.ceil(chips.max(axis=0) / CHIPS) - first, 1, MOST_CHIPS // CHIPS)
    return (int(first[0]) * CHIPS, int(first[1]) * CHIPS), (int(count[0]) * CHIPS, int(count[1]) * CHIPS)


def _positions(found: Map, x: Points, y: Points) -> Plane:
    """Pixels (R, C, 2) of samples, exact on every eighth and straight in between."""
    coarse_x, coarse_y = (np.linspace(axis[0], axis[-1], max(2, len(axis) // 8 + 1)) for axis in (x, y))
    points = np.stack(np.meshgrid(coarse_x, coarse_y), axis=-1)
    pixels = found.pixels(points.reshape(-1, 2)).reshape(points.shape).astype(np.float32)
    across = np.linspace(0, len(coarse_x) - 1, len(x), dtype=np.float32)
    down = np.linspace(0, len(coarse_y) - 1, len(y), dtype=np.float32)
    map_x, map_y = np.meshgrid(across, down)
    return np.asarray(cv2.remap(pixels, map_x, map_y, cv2.INTER_LINEAR), np.float32)


def _as_coarse(plane: Plane, found: Map) -> Plane:
    """The carrier blurred to the distance of the samples where pixels lie closer."""
    at = np.median(np.stack([anchor.jacobian for anchor in found.anchors]), axis=0)
    pixels_per_sample = 1.0 / (PER_CHIP * float(np.sqrt(abs(np.linalg.det(at)))))
    if pixels_per_sample <= 1.2:
        return plane
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), 0.4 * pixels_per_sample), np.float32)


def _worth(samples: Plane, known: NDArray[np.floating]) -> tuple[Plane, Plane]:
    """How much of the carrier around a sample is the known chip, at least nothing, and how loud the carrier is."""
    side = AROUND_CHIPS * PER_CHIP
    follows = cv2.boxFilter(samples * known.astype(np.float32), -1, (side, side))
    share = cv2.boxFilter((known != 0).astype(np.float32) * (samples != 0), -1, (side, side))
    loud = cv2.boxFilter(samples * samples, -1, (side, side))
    amplitude = np.where(samples != 0.0, np.maximum(follows / np.maximum(share, 0.05), 0.0), 0.0)
    return np.asarray(amplitude, np.float32), np.asarray(np.maximum(loud, 1e-3), np.float32)
