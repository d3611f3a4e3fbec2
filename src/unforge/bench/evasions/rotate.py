"""Turned by 5 degrees."""

import numpy as np

from unforge.bench import _contact_pictures as pictures
from unforge.bench._redteam_material import PICTURES, Material

OF = PICTURES


def evade(material: Material, rng: np.random.Generator) -> Material:
    return material.pictured(pictures.tilted(material.picture, 5.0 * float(rng.choice((-1, 1)))))
