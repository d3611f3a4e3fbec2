"""Putting the tile onto what a screen shows: as ink for an overlay, or straight into pictures.

The ink is blue and yellow. Light surfaces lose blue, dark ones gain it, and the swing between a chip of +1 and one of
-1 is the same everywhere: half of the strength up, half of it down, in 1/255. Only blue is touched, which carries
little luminance, so that the eye is nearly blind to it at the size of a chip (Mullen, Journal of Physiology, 1985).

Two ways lead there. Layers that a compositor blends, for browsers: one multiplies, one screens; together they change
blue B in [0, 1] by s/255 * ((1 - 2 B)/2 - p/2) for a chip p and a strength s, to the first order. And source-over ink
for desktops, where nothing else is to be had: chips of +1 are drawn without blue, those of -1 with full blue, both in
the red and green of what lies below, cell by cell, so that these do not change.

Dark surfaces get less: the same swing shows more on them.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.errors import ShapeError, UsageError
from unforge.trace import ecc, payload, tile
from unforge.trace.keys import Key, KeyRing

STRENGTH = 8  # swing between the two kinds of chips, in 1/255
LEAST_STRENGTH, MOST_STRENGTH = 4, 12
DARK_SHARE = 0.7  # of the strength, for what makes dark surfaces bluer
CELL_PX = 64  # side of the cells in which ink follows what lies below

Picture = NDArray[np.uint8]
Tile = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Layers:
    """What a compositor blends over a page: tiles (T, T, 3) and (T, T, 3) uint8, to be repeated from the top left."""

    multiply: Picture
    screen: Picture


def tile_of(said: payload.Payload, ring: KeyRing, key: Key, chip_px: int) -> Tile:
    """The tile (48 * chip_px, 48 * chip_px) of +1 and -1 that says a payload, signed by a key of the ring."""
    coded = ecc.encode(payload.encode(said, key))
    pilot = tile.Pilot(ring.pilot_seed().reveal())
    scramble = tile.Scramble(ring.permutation_seed().reveal())
    return tile.draw(np.asarray(coded, np.uint8), pilot, scramble, chip_px)


def layers(chips: Tile, strength: int = STRENGTH) -> Layers:
    """Both layers for `mix-blend-mode: multiply` and `screen`. Raises UsageError for a strength out of range."""
    check_strength(strength)
    darker, lighter = np.full((*chips.shape, 3), 255, np.uint8), np.zeros((*chips.shape, 3), np.uint8)
    darker[..., 2] = np.where(chips > 0, 255 - strength, 255)
    lighter[..., 2] = np.where(chips > 0, 0, _of_dark(strength))
    return Layers(darker, lighter)


def ink(chips: Tile, below_rgb: tuple[int, int, int], strength: int = STRENGTH) -> Picture:
    """Source-over ink (T, T, 4), RGBA with straight alpha, for a cell of the mean colour `below_rgb`."""
    check_strength(strength)
    inked = np.empty((*chips.shape, 4), np.uint8)
    inked[..., 0], inked[..., 1], _ = below_rgb
    inked[..., 2] = np.where(chips > 0, 0, 255)
    inked[..., 3] = np.where(chips > 0, strength, _of_dark(strength))
    return inked


def picture(rgb: Picture, chips: Tile, strength: int = STRENGTH, origin_xy: tuple[int, int] = (0, 0)) -> Picture:
    """A picture (H, W, 3) as it looks under both layers, the tile repeated from `origin_xy` on.

    Raises ShapeError for another shape, UsageError for a strength out of range.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ShapeError("rgb", expected="(H, W, 3) uint8", got=f"{rgb.shape} {rgb.dtype}")
    check_strength(strength)
    table = _blended(strength)
    height, width = rgb.shape[:2]
    x, y = origin_xy
    side = len(chips)
    rows, columns = (np.arange(height) - y) % side, (np.arange(width) - x) % side
    sign = (chips > 0).astype(np.uint8)[np.ix_(rows, columns)]
    marked = rgb.copy()
    marked[..., 2] = table[sign, rgb[..., 2]]
    return marked


def desktop(rgb: Picture, chips: Tile, strength: int = STRENGTH) -> Picture:
    """A picture (H, W, 3) as it looks under source-over ink that follows it cell by cell."""
    height, width = rgb.shape[:2]
    cells = below(rgb)
    under = np.repeat(np.repeat(cells, CELL_PX, axis=0), CELL_PX, axis=1)[:height, :width]
    repeats = (height // len(chips) + 1, width // len(chips) + 1, 1)
    inked = np.tile(ink(chips, (0, 0, 0), strength), repeats)[:height, :width]
    alpha = inked[..., 3:] / 255.0
    colour = np.dstack([under[..., :2], inked[..., 2]])
    return np.asarray(np.rint(rgb * (1.0 - alpha) + colour * alpha), np.uint8)


def below(rgb: Picture) -> Picture:
    """Mean colours (rows, columns, 3) of the cells of a picture; the last ones may stand over its edge."""
    height, width = rgb.shape[:2]
    rows, columns = -(-height // CELL_PX), -(-width // CELL_PX)
    padded = cv2.copyMakeBorder(rgb, 0, rows * CELL_PX - height, 0, columns * CELL_PX - width, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(padded, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)


def check_strength(strength: int) -> None:
    """Raises UsageError for a strength that is not an integer from 4 to 12."""
    if not LEAST_STRENGTH <= strength <= MOST_STRENGTH:
        raise UsageError(f"strength: expected {LEAST_STRENGTH} to {MOST_STRENGTH}, got {strength}")


def _of_dark(strength: int) -> int:
    return round(DARK_SHARE * strength)


def _blended(strength: int) -> Picture:
    """Blue (2, 256) after both layers, for chips of -1 and of +1; rounded after each, as compositors do."""
    blue = np.arange(256)
    darker = np.rint(blue * (255 - strength) / 255.0)
    lighter = np.rint(255 - (255 - blue) * (255 - _of_dark(strength)) / 255.0)
    return np.stack([lighter, darker]).astype(np.uint8)
