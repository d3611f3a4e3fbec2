"""A frame of one colour around the picture."""

import numpy as np

from unforge.bench._redteam_material import PICTURES, Material

OF = PICTURES
WIDTH = 0.08  # of the longer side


def evade(material: Material, rng: np.random.Generator) -> Material:
    rgb = material.picture
    edge = round(WIDTH * max(rgb.shape[:2]))
    framed = np.empty((rgb.shape[0] + 2 * edge, rgb.shape[1] + 2 * edge, 3), np.uint8)
    framed[:] = rng.integers(0, 256, 3, dtype=np.uint8)
    framed[edge:-edge, edge:-edge] = rgb
    return material.pictured(framed)
