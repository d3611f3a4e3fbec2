"""The characters of telling Chinese words in another order; words of letters could not be read any more."""

from dataclasses import replace

import numpy as np

from unforge.bench._redteam_material import TEXTS, Material
from unforge.moderate.views.base import is_chinese
from unforge.train.text import disguises

OF = TEXTS


def evade(material: Material, rng: np.random.Generator) -> Material:
    chinese = tuple(word for word in material.words if all(map(is_chinese, word)))
    return replace(material, words=chinese).disguised(disguises.shuffle, rng)
