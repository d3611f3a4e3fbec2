"""Turned by 180 degrees."""

import numpy as np

from unforge.bench._redteam_material import PICTURES, Material

OF = PICTURES


def evade(material: Material, rng: np.random.Generator) -> Material:
    return material.pictured(material.picture[::-1, ::-1])
