"""A patch in a corner that leads the picture classifier elsewhere."""

import numpy as np

from unforge.bench._redteam_material import ADVERTS, Material
from unforge.bench.evasions._attack import attacked

OF = ADVERTS


def evade(material: Material, rng: np.random.Generator) -> Material:
    return attacked(material, "patch")
