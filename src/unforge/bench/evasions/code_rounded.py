"""The corners of the code's modules rounded off, as in codes with a style."""

import cv2
import numpy as np

from unforge.bench._contact_pictures import Picture
from unforge.bench._redteam_material import Material, inside

OF = ("code picture",)
BLUR = 1 / 60  # of the side


def evade(material: Material, rng: np.random.Generator) -> Material:
    return inside(material, _rounded)


def _rounded(code: Picture) -> Picture:
    soft = cv2.GaussianBlur(code, (0, 0), BLUR * len(code)).astype(np.int16)
    return np.clip(127 + 4 * (soft - 127), 0, 255).astype(np.uint8)
