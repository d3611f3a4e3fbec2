"""Noise and patches found for the classifier of pictures, in the same way for every attack."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from unforge.bench._redteam_material import Material
from unforge.errors import UsageError

if TYPE_CHECKING:
    from unforge.bench._adverts_attacks import Classifier

BUDGET_LEVELS = 8.0


def attacked(material: Material, name: str) -> Material:
    """The picture under an attack on the classifier in the wheel. Raises UsageError without torch or torchattacks."""
    try:
        from unforge.bench import _adverts_attacks as attacks
    except ImportError as cause:
        raise UsageError(f"{name}: needs torch; pip install 'unforge[train,adversarial]'") from cause
    advert = np.ones(1, np.bool_)
    (rgb,) = attacks.attack(name, [material.picture], advert, BUDGET_LEVELS, _classifier())
    return material.pictured(rgb)


@cache
def _classifier() -> "Classifier":
    from unforge.bench import _adverts_attacks as attacks

    return attacks.own()
