"""How stored pixels are turned to stand upright when they are displayed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Turn:
    """From stored to displayed: first rows and columns are swapped, then each may be reversed."""

    swapped: bool = False
    upside_down: bool = False
    mirrored: bool = False

    def displayed(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Pixels (H, W, ...) as displayed, from those as stored."""
        swapped = stored.swapaxes(0, 1) if self.swapped else stored
        return np.ascontiguousarray(self._reversed(swapped))

    def stored(self, displayed: NDArray[Any]) -> NDArray[Any]:
        """Pixels (H, W, ...) as stored, from those as displayed."""
        back = self._reversed(displayed)
        return np.ascontiguousarray(back.swapaxes(0, 1) if self.swapped else back)

    def _reversed(self, pixels: NDArray[Any]) -> NDArray[Any]:
        return pixels[:: -1 if self.upside_down else 1, :: -1 if self.mirrored else 1]


_OF_ORIENTATION = {
    2: Turn(mirrored=True),
    3: Turn(upside_down=True, mirrored=True),
    4: Turn(upside_down=True),
    5: Turn(swapped=True),
    6: Turn(swapped=True, mirrored=True),
    7: Turn(swapped=True, upside_down=True, mirrored=True),
    8: Turn(swapped=True, upside_down=True),
}


def of_orientation(number: int) -> Turn:
    """By the number in EXIF (tag 274); 1 and what is not a number of it mean upright."""
    return _OF_ORIENTATION.get(number, Turn())


def of_matrix(matrix: tuple[int, ...] | None) -> Turn:
    """By the display matrix of a film (ISO/IEC 14496-12, 6.2.2), to the nearest quarter; None means upright."""
    if matrix is None:
        return Turn()
    a, b, _, c, d = matrix[:5]  # from stored (right, down) to displayed (right, down)
    swapped = abs(b) + abs(c) > abs(a) + abs(d)
    mirrored, upside_down = (c < 0, b < 0) if swapped else (a < 0, d < 0)
    return Turn(swapped, upside_down, mirrored)
