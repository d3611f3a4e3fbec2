"""Published detectors to compare with, made again from their papers: one file each, with `load() -> Peer`.

They are trained here, on the same data and for as long as our own, so that a table compares methods and not data sets.
Their files are no part of the package: they lie in `results/peers` of the folder that a bench runs in.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from unforge.plugins import Registry

if TYPE_CHECKING:
    from unforge.bench.peers._peer import Peer

FOLDER = Path("results/peers")

_REGISTRY = Registry(__name__, __path__, "peer")
available = _REGISTRY.available


def load(name: str) -> "Peer":
    """The peer called `name`; raises UnknownName with the choices, WeightsError where nobody has trained it yet."""
    peer: Peer = _REGISTRY.module(name).load()
    return peer
