"""At half the size."""

import numpy as np

from unforge.bench import _contact_pictures as pictures
from unforge.bench._redteam_material import PICTURES, Material

OF = PICTURES


def evade(material: Material, rng: np.random.Generator) -> Material:
    return material.pictured(pictures.halved(material.picture))
