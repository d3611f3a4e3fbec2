"""Detectors of manipulation: one file each, with `load() -> Examiner`."""

from unforge.examiner import Examiner
from unforge.plugins import Registry

_REGISTRY = Registry(__name__, __path__, "detector")
available = _REGISTRY.available


def load(name: str) -> Examiner:
    """The detector called `name`; raises UnknownName with the choices."""
    examiner: Examiner = _REGISTRY.module(name).load()
    return examiner
