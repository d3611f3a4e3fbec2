"""A tenth of each side cut off, more at one edge than at the other."""

import numpy as np

from unforge.bench._redteam_material import Material

OF = ("known picture",)
CUT = 0.1


def evade(material: Material, rng: np.random.Generator) -> Material:
    rgb = material.picture
    height, width = rgb.shape[:2]
    high, wide = round(height * (1 - CUT)), round(width * (1 - CUT))
    top, left = int(rng.integers(0, height - high + 1)), int(rng.integers(0, width - wide + 1))
    return material.pictured(rgb[top : top + high, left : left + wide])
