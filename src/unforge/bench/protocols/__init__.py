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
        data: Path | None,
        split: str = "val",
        on_progress: OnProgress | None = None,
        *,
        peers: Sequence[str] = (),
        listed: Path | None = None,
    ) -> Record:
        """Measure and return the record.

        examiners: names, all by default; data: folder with a manifest.csv, or the root of the frames in `listed`;
        split: "train" or "val", of a list also "test"; peers: names as bench/peers lists them, measured on the same
        files; listed: JSON as bench/lists.py reads it. Raises UsageError for what a protocol cannot use.
        """
        ...


def load(name: str) -> BenchProtocol:
    """The protocol called `name`, with dashes or underscores; raises UnknownName with the choices."""
    return cast(BenchProtocol, _REGISTRY.module(name.replace("-", "_")))
