"""Detectors of manipulation: one file each, with `load() -> Examiner`."""

from unforge.examiner import Examiner
from unforge.plugins import Registry

_REGISTRY = Registry(__name__, __path__, "detector")
available = _REGISTRY.available

FAST = ("finegrained", "seam", "container")  # the profile for many files: cheap, and most of what is found
OF_PICTURES = ("finegrained", "seam")  # judge a film by single looks, however far apart
OF_FILES = ("container",)  # judge how a file was made: asked once, however long the film


def load(name: str) -> Examiner:
    """The detector called `name`; raises UnknownName with the choices."""
    examiner: Examiner = _REGISTRY.module(name).load()
    return examiner
