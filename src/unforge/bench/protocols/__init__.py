"""Ways to measure: one file each, with `run(examiners, data, split, on_progress) -> Record`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, cast

from unforge.bench.record import Record
from unforge.plugins import Registry

_REGISTRY = Registry(__name__, __path__, "protocol")
available = _REGISTRY.available

OnProgress = Callable[[str, float], None]


class BenchProtocol(Protocol):
    """What every file in this folder offers."""

    def run(
        self,
        examiners: Sequence[str] | None,
        data: Path,
        split: str = "val",
        on_progress: OnProgress | None = None,
    ) -> Record:
        """examiners: names, all by default; data: folder with a manifest.csv; split: "train" or "val"."""
        ...


def load(name: str) -> BenchProtocol:
    """The protocol called `name`; raises UnknownName with the choices."""
    return cast(BenchProtocol, _REGISTRY.module(name))
