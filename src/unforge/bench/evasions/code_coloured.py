"""The code in two colours."""

import numpy as np

from unforge.bench._contact_pictures import Picture
from unforge.bench._redteam_material import Material, inside

OF = ("code picture",)


def evade(material: Material, rng: np.random.Generator) -> Material:
    dark, light = rng.integers(0, 110, 3, dtype=np.uint8), rng.integers(170, 256, 3, dtype=np.uint8)

    def coloured(code: Picture) -> Picture:
        return np.where(code > 127, light, dark)

    return inside(material, coloured)
