"""How much of the ink is left in a copy that has been read back."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.errors import OutputError
from unforge.trace import mark

BLUR_CHIPS = 2.0  # what is coarser is the picture, not the mark
ENOUGH = 0.5  # half of the swing, with chips of full size: as good as a mark of half the strength


def kept(before: mark.Picture, inked: mark.Picture, after: mark.Picture, chip_px: int) -> float:
    """The share of the ink that the copy shows: the change of blue, projected on the change that the ink makes.

    before, inked, after: (H, W, 3), the original, the original with ink, and the copy as read back. What coding adds
    is not correlated with the tile and falls out; so does a change of a whole surface, in which nothing can be read.
    0.0 where the ink changes nothing.
    """
    ink = _blue(inked) - _blue(before)
    detail = ink - cv2.GaussianBlur(ink, (0, 0), BLUR_CHIPS * chip_px)
    energy = float(np.vdot(ink, detail))
    return 0.0 if energy <= 0.0 else float(np.vdot(_blue(after) - _blue(before), detail)) / energy


def _blue(rgb: mark.Picture) -> NDArray[np.float32]:
    return rgb[..., 2].astype(np.float32)


def check(share: float, source: Path, what_to_do: str) -> None:
    """Raises OutputError where too little of the ink is left."""
    if share < ENOUGH:
        found = f"expected at least {ENOUGH:.0%} of the ink in the copy, found {max(share, 0.0):.0%}"
        raise OutputError(f"{source.name} does not carry the mark: {found}; {what_to_do}")
