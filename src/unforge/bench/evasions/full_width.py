"""Every letter and digit as wide as a character."""

from dataclasses import replace

import numpy as np

from unforge.bench._redteam_material import TEXTS, Material
from unforge.train.text import disguises

OF = TEXTS


def evade(material: Material, rng: np.random.Generator) -> Material:
    return replace(material, text=disguises.full_width(material.text or "", rng))
