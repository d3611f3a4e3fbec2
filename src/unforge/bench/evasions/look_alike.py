"""Telling words in characters that look alike."""

import numpy as np

from unforge.bench._redteam_material import TEXTS, Material
from unforge.train.text import disguises

OF = TEXTS


def evade(material: Material, rng: np.random.Generator) -> Material:
    return material.disguised(disguises.look_alike, rng)
