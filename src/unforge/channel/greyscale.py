"""Colour lost, as in a grey copy."""

import cv2
import numpy as np
from numpy.typing import NDArray


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture mixed with its luma; at strength 1 all three channels are equal."""
    if strength <= 0:
        return rgb
    grey = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.addWeighted(grey, strength, rgb, 1.0 - strength, 0.0), np.uint8)
