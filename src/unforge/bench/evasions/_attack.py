"""Noise and patches found for the classifier of pictures, in the same way for every attack."""

import numpy as np

from unforge.bench._redteam_material import Material
from unforge.errors import UsageError

BUDGET_LEVELS = 8.0


def attacked(material: Material, name: str) -> Material:
    """The picture under an attack on the classifier in the wheel. Raises UsageError without torch or torchattacks."""
    try:
        from unforge.bench import _adverts_attacks as attacks
    except ImportError as cause:
        raise UsageError(f"{name}: needs torch; pip install 'unforge[train,adversarial]'") from cause
    advert = np.ones(1, np.bool_)
    return material.pictured(attacks.attack(name, [material.picture], advert, BUDGET_LEVELS)[0])
