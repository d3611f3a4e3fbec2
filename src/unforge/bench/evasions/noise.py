"""Noise of 16 of 255 levels on every value."""

import numpy as np

from unforge.bench import _contact_pictures as pictures
from unforge.bench._redteam_material import PICTURES, Material

OF = PICTURES


def evade(material: Material, rng: np.random.Generator) -> Material:
    return material.pictured(pictures.noisy(material.picture, rng))
