"""Ways to slip through a review, for measuring one's own: one file each.

A file says in `OF` to which kinds of material it can be done; `evade` raises UsageError where a library is missing.
"""

from typing import Protocol, cast

import numpy as np

from unforge.bench._redteam_material import Kind, Material
from unforge.plugins import Registry

_REGISTRY = Registry(__name__, __path__, "evasion")
available = _REGISTRY.available


class Evasion(Protocol):
    """A way to slip through."""

    OF: tuple[Kind, ...]

    def evade(self, material: Material, rng: np.random.Generator) -> Material:
        """The same thing otherwise; the material itself where it has nothing to change."""
        ...


def load(name: str) -> Evasion:
    """The evasion called `name`; raises UnknownName with the choices."""
    return cast(Evasion, _REGISTRY.module(name))
