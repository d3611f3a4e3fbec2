"""Sub-pixel alignment: the tiles of a screen against their own mean.

Stripes tell where a window is to a third of a chip, which is too coarse for chips. But all tiles look alike, data and
all, whatever they say; so each is compared with the mean of all, the map follows, and the mean gets sharper (as in
joint registration of repeated exposures; Guizar-Sicairos, Thurman & Fienup, Optics Letters, 2008, for the sub-pixel
peak by a parabola).
"""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from unforge.trace.despread import PER_CHIP, SIDE, Folded, Tile, Unrolled, folded, tiles, unrolled
from unforge.trace.geometry import Anchor, Map, Plane, refitted
from unforge.trace.tile import CHIPS, Pilot

ROUNDS = 3
REACH_SAMPLES = 4  # how far a tile may lie from where the map has it
LEAST_Z = 6.0  # of a tile against the mean
FEWEST_TILES = 4
LEAST_SEEN = 0.25  # of a tile


def aligned(plane: Plane, rough: Map, pilot: Pilot) -> tuple[Map, Folded]:
    """The map with every tile in its place, and the tiles laid on one."""
    current, read = rough, unrolled(plane, rough, pilot)
    for _ in range(ROUNDS):
        anchors = _measured(read, folded(read).values, current)
        if len(anchors) < FEWEST_TILES:
            break
        current = refitted(current, anchors)
        read = unrolled(plane, current, pilot)
    return current, folded(read)


def _measured(of: Unrolled, mean: Tile, current: Map) -> list[Anchor]:
    """Anchors in the middles of the tiles that look like the mean."""
    worth = of.amplitude / of.loudness
    blocks, seen = tiles(of.samples * worth), tiles((worth > 0).astype(np.float32)).mean(axis=(2, 3))
    template = np.conj(scipy.fft.rfft2(mean - mean.mean()))
    found = []
    for row, column in zip(*np.nonzero(seen >= LEAST_SEEN), strict=True):
        shift_xy, z = _shift(blocks[row, column], template)
        if z < LEAST_Z:
            continue
        middle = np.array(of.first_xy) + CHIPS * (np.array([column, row]) + 0.5)
        at_xy = current.pixels(middle[None])[0]
        found.append(Anchor(at_xy, middle - shift_xy / PER_CHIP, current.jacobian(at_xy), z))
    return found


def _shift(block: Tile, template: NDArray[np.complexfloating]) -> tuple[NDArray[np.float64], float]:
    """How far (x, y) in samples a tile lies to the right of and below the mean, and how clearly."""
    surface = scipy.fft.irfft2(scipy.fft.rfft2(block - block.mean()) * template, s=(SIDE, SIDE))
    reach = np.arange(-REACH_SAMPLES, REACH_SAMPLES + 1)
    near = surface[np.ix_(reach, reach)]
    row, column = (int(n) for n in np.unravel_index(int(np.argmax(near)), near.shape))
    z = float((near[row, column] - surface.mean()) / max(float(surface.std()), 1e-12))
    down = reach[row] + _vertex(np.roll(surface[:, reach[column]], 1 - reach[row])[:3])
    across = reach[column] + _vertex(np.roll(surface[reach[row]], 1 - reach[column])[:3])
    return np.array([across, down], np.float64), z


def _vertex(three: NDArray[np.floating]) -> float:
    """Where the top of the parabola through three values lies, from the one in the middle."""
    before, at, after = (float(value) for value in three)
    bend = before - 2.0 * at + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0.0 else 0.0
