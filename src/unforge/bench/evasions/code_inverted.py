"""The code white on black."""

import numpy as np

from unforge.bench._redteam_material import Material, inside

OF = ("code picture",)


def evade(material: Material, rng: np.random.Generator) -> Material:
    return inside(material, lambda code: 255 - code)
