"""What lies below the ink of one display, cell by cell, and the ink that follows from it.

Ink in the wrong red or green shows: by a difference of d it moves them by d * strength / 255. So it follows what lies
below, but with hysteresis: up to 16 levels off it moves a channel by half a level at the default strength, which is
what rounding does anyway, and a text cursor that blinks repaints nothing.
"""

import numpy as np
from numpy.typing import NDArray

from unforge.errors import ShapeError
from unforge.trace import mark
from unforge.trace.mark import CELL_PX

HYSTERESIS = 16  # levels

Means = NDArray[np.uint8]
BoxPx = tuple[int, int, int, int]


class Cells:
    """The colours that the ink of a display takes, and its tile. Until something was seen, all is white."""

    def __init__(self, size_wh: tuple[int, int], chips: mark.Tile, strength: int = mark.STRENGTH) -> None:
        self.size_wh = size_wh
        columns, rows = (-(-side // CELL_PX) for side in size_wh)
        self.colours: Means = np.full((rows, columns, 3), 255, np.uint8)
        self._strength = strength
        self.take(chips)

    def take(self, chips: mark.Tile) -> None:
        """Another tile from now on."""
        inked = mark.ink(chips, (0, 0, 0), self._strength)
        self._alpha = inked[..., 3].astype(np.uint16)
        self._blue = _premultiplied(inked[..., 2].astype(np.uint16), self._alpha)

    def see(self, means: Means) -> list[BoxPx]:
        """Take over what lies below where it differs by more than the hysteresis; the boxes xyxy to paint anew.

        means: (rows, columns, 3), as `mark.below` gives them. Cells side by side come as one box. Raises ShapeError.
        """
        if means.shape != self.colours.shape:
            raise ShapeError("means", expected=self.colours.shape, got=means.shape)
        # Red and green only: blue is what the ink itself changes, and the captures show it.
        difference = np.abs(means[..., :2].astype(int) - self.colours[..., :2])
        changed = difference.max(axis=-1) > HYSTERESIS
        self.colours[changed] = means[changed]
        return [box for row, cells in enumerate(changed) for box in self._boxes(row, cells)]

    def ink(self, box_px: BoxPx) -> NDArray[np.uint8]:
        """The ink (h, w, 4) of a box xyxy: blue, green, red, alpha, with colours multiplied by alpha."""
        left, top, right, bottom = box_px
        y, x = np.arange(top, bottom), np.arange(left, right)
        in_tile = np.ix_(y % len(self._alpha), x % len(self._alpha))
        below = self.colours[np.ix_(y // CELL_PX, x // CELL_PX)]
        inked = np.empty((len(y), len(x), 4), np.uint8)
        alpha = self._alpha[in_tile]
        inked[..., 0] = self._blue[in_tile]
        inked[..., 1] = _premultiplied(below[..., 1], alpha)
        inked[..., 2] = _premultiplied(below[..., 0], alpha)
        inked[..., 3] = alpha
        return inked

    def _boxes(self, row: int, cells: NDArray[np.bool_]) -> list[BoxPx]:
        width, height = self.size_wh
        edges = np.flatnonzero(np.diff(np.concatenate(([False], cells, [False])).astype(np.int8)))
        top, bottom = row * CELL_PX, min((row + 1) * CELL_PX, height)
        return [(int(s) * CELL_PX, top, min(int(e) * CELL_PX, width), bottom) for s, e in edges.reshape(-1, 2)]


def _premultiplied(colour: NDArray[np.integer], alpha: NDArray[np.uint16]) -> NDArray[np.uint16]:
    return np.asarray((colour * alpha + 127) // 255, np.uint16)
