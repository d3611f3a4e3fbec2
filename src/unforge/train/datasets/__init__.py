"""Data sets: one file each, with `index(root) -> list[Sample]`."""

from pathlib import Path

from unforge.plugins import Registry
from unforge.train.sample import Sample

_REGISTRY = Registry(__name__, __path__, "data set")
available = _REGISTRY.available


def index(name: str, root: Path) -> list[Sample]:
    """All samples of the data set `name` below `root`."""
    samples: list[Sample] = _REGISTRY.module(name).index(root)
    return samples
