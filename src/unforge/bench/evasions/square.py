"""Noise of 8 of 255 levels found by asking the picture classifier."""

import numpy as np

from unforge.bench._redteam_material import ADVERTS, Material
from unforge.bench.evasions._attack import attacked

OF = ADVERTS


def evade(material: Material, rng: np.random.Generator) -> Material:
    return attacked(material, "square")
