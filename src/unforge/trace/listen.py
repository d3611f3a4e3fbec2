"""From a photograph to the coded bits of every screen in it that bears the pilot.

A mark is looked for at a few sizes of the picture, from cheap to dear. What is found is read again at the size at which
a chip has a good number of pixels. It is only called a mark of this site if the stripes of the screen, laid on one
tile, are those of the site's pilot, one by one.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.trace import align, despread, search
from unforge.trace.carrier import Plane, carrier, grey_carrier
from unforge.trace.geometry import Map, Windows, grown, settled
from unforge.trace.keys import KeyRing
from unforge.trace.tile import CHIPS, STRIPES, Pilot, Scramble

SIDES_PX = (2000, 1000, 500)  # long sides at which a mark is looked for, before the picture as it is
SEARCH_STEP_PX = search.SIDE_PX
THREADS = 2  # windows looked at at once: the smallest machine meant has two cores
LEAST_SEED_Z = 8.0
MOST_SEEDS = 8
LEAST_MAP_Z = 7.0
MOST_SCREENS = 4
LEAST_LIKENESS = 0.62  # of the stripes seen and those of the pilot, in both directions
CHIP_PX = 4.5  # at which bits are read, if the picture has it
CHIPS_PX = (1.2, 10.0)  # that the search can find; a map with others has gone astray
FINE_CHIP_PX = 2.2  # below which others may hide at a larger size

OnProgress = Callable[[str, float], None]
Picture = NDArray[np.uint8]
_CORNERS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """The coded bits of one screen.

    llrs: (240,) each, for both halves of a tile: which half is the first is not known. likeness: of its stripes and
    those of the pilot, at most 1. tiles: how many were laid on one. scale: of the picture that the map is for.
    """

    found: Map
    llrs: tuple[NDArray[np.float64], NDArray[np.float64]]
    likeness: float
    tiles: float
    scale: float

    @property
    def is_mark(self) -> bool:
        """Whether the stripes are those of the site; a message can be read, and proved, where they are too faint."""
        return self.likeness >= LEAST_LIKENESS

    @property
    def outline_xy(self) -> NDArray[np.float64]:
        """Corners (4, 2) of what was read, in pixels of the displayed picture."""
        clear = 0.5 * float(np.median([anchor.z for anchor in self.found.anchors]))
        inside = [anchor.chips_xy for anchor in self.found.anchors if anchor.z >= clear]
        chips = np.concatenate([chips_xy + _CORNERS * CHIPS / 2.0 for chips_xy in inside])
        box = cv2.boxPoints(cv2.minAreaRect(self.found.pixels(chips).astype(np.float32)))
        return np.asarray(box / self.scale, np.float64)

    @property
    def chip_px(self) -> float:
        """Pixels of the displayed picture to a side of a chip, in the middle of what was read."""
        return _chip_px(self.found) / self.scale


def listen(rgb: Picture, ring: KeyRing, grey: bool, tell: OnProgress) -> list[Heard]:
    """All screens in a picture (H, W, 3) that bear the pilot of a site. grey: the picture has no colour."""
    pilot = Pilot(ring.pilot_seed().reveal())
    scramble = Scramble(ring.permutation_seed().reveal())
    long_side = max(rgb.shape[:2])
    sides = [*(side for side in SIDES_PX if side < long_side), long_side]
    heard: list[Heard] = []
    for n, side in enumerate(_in_turn(sides)):
        tell("searching", 0.05 + 0.8 * n / len(sides))
        scale = side / long_side
        plane = _plane(rgb, scale, grey)
        for rough in _screens(plane, pilot, [one.outline_xy * scale for one in heard if one.is_mark]):
            heard.append(_heard(rgb, plane, rough, scale, grey, pilot, scramble))
        marks = [one.chip_px * scale for one in heard if one.is_mark]
        if marks and min(marks) >= FINE_CHIP_PX:
            break
    return heard


def _in_turn(sides: list[int]) -> list[int]:
    """The first size, smaller ones, and the whole picture last, or first where it is hardly larger than the first."""
    return sides if len(sides) < 2 or sides[-1] > 1.2 * sides[0] else [sides[-1], *sides[1:-1]]


def _screens(plane: Plane, pilot: Pilot, known: list[NDArray[np.float64]]) -> list[Map]:
    """Maps of what may be screens; known: outlines of those that need not be found again."""
    windows = Windows(plane)

    def look(centre_xy: tuple[int, int]) -> list[search.Seed]:
        return search.seeds(windows.spectrum(centre_xy), pilot, centre_xy)[:2]

    with ThreadPoolExecutor(THREADS) as pool:
        found = [seed for seeds in pool.map(look, windows.centres(SEARCH_STEP_PX)) for seed in seeds]
    likely = sorted((seed for seed in found if seed.z >= LEAST_SEED_Z), key=lambda seed: -seed.z)
    maps: list[Map] = []
    tried = 0
    for seed in likely:
        if len(maps) == MOST_SCREENS or tried == MOST_SEEDS:
            break
        if any(one.explains(seed) for one in maps) or any(_inside(seed.centre_xy, one) for one in known):
            continue
        tried += 1
        one = settled(grown(seed, windows, pilot), windows, pilot)
        if one.z >= LEAST_MAP_Z and CHIPS_PX[0] < _chip_px(one) < CHIPS_PX[1]:
            maps.append(one)
    return maps


def _heard(rgb: Picture, plane: Plane, rough: Map, scale: float, grey: bool, pilot: Pilot, scramble: Scramble) -> Heard:
    wanted = min(1.0, scale * CHIP_PX / _chip_px(rough))
    if not 0.8 < wanted / scale < 1.25:
        plane, rough, scale = _plane(rgb, wanted, grey), rough.scaled(wanted / scale), wanted
    found, folded = align.aligned(plane, rough, pilot)
    known = despread.known_chips(pilot)
    tile = despread.equalised(folded, known, despread.round_response(folded.values, known))
    first, second = (despread.coded_llr(tile, pilot, scramble, offset) for offset in (0, despread.HALF_TILE))
    return Heard(found, (first, second), likeness(folded.plain, pilot), folded.tiles, scale)


def likeness(tile: despread.Tile, pilot: Pilot) -> float:
    """The lesser of the correlations of both stripe fields of a tile (144, 144), stripe by stripe, with the pilot."""
    at = (np.arange(despread.SIDE) + 0.5) / despread.PER_CHIP
    x, y = np.meshgrid(at, at)
    found = []
    for along, sequence in zip((x + y, x - y), pilot.sequences, strict=True):
        stripe = np.floor(along * STRIPES / CHIPS + 1e-9).astype(np.intp) % STRIPES
        means = np.bincount(stripe.ravel(), tile.ravel(), STRIPES)
        found.append(float(np.corrcoef(means, sequence)[0, 1]))
    return min(found)


def overlap(one: Heard, other: Heard) -> bool:
    """Whether the outlines of two screens share any part of the picture."""
    area, _ = cv2.intersectConvexConvex(one.outline_xy.astype(np.float32), other.outline_xy.astype(np.float32))
    return bool(area > 0.0)


def _inside(at_xy: tuple[float, float], outline_xy: NDArray[np.float64]) -> bool:
    return cv2.pointPolygonTest(outline_xy.astype(np.float32), at_xy, False) >= 0


def _chip_px(found: Map) -> float:
    middle = np.mean([anchor.at_xy for anchor in found.anchors], axis=0)
    return 1.0 / math.sqrt(max(abs(float(np.linalg.det(found.jacobian(middle)))), 1e-9))


def _plane(rgb: Picture, scale: float, grey: bool) -> Plane:
    return (grey_carrier if grey else carrier)(resized(rgb, scale))


def resized(picture: Picture, scale: float) -> Picture:
    """A picture reduced by a scale of at most 1."""
    if scale >= 1.0:
        return np.ascontiguousarray(picture)
    size_wh = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    return np.asarray(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
