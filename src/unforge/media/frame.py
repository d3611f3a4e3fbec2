"""One picture and the moment it is shown."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture as displayed: turned upright, without alpha, reduced if it was very large."""

    time_s: float  # since the first frame of the file
    rgb: NDArray[np.uint8]  # (H, W, 3)
    scale: float = 1.0  # displayed px per px of `rgb`, >= 1
