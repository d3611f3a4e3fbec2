"""Characters that nobody sees between those of telling words."""

import numpy as np

from unforge.bench._redteam_material import TEXTS, Material
from unforge.train.text import disguises

OF = TEXTS


def evade(material: Material, rng: np.random.Generator) -> Material:
    return material.disguised(disguises.hidden, rng)
