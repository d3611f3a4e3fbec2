"""Saved as a poor JPEG file, quality 30."""

import numpy as np

from unforge.bench import _contact_pictures as pictures
from unforge.bench._redteam_material import PICTURES, Material

OF = PICTURES


def evade(material: Material, rng: np.random.Generator) -> Material:
    return material.pictured(pictures.saved(material.picture, 30))
