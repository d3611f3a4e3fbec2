"""Untouched stills of a split and what is forged of them, always the same."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge.bench import material
from unforge.bench.network import Network
from unforge.bench.protocols import OnProgress
from unforge.errors import UsageError
from unforge.train import crops, fakes
from unforge.train.crops import Store
from unforge.train.donors import NearestDonors
from unforge.train.pairs import Pair, View, make_pair

STILLS = 160  # at most, evenly over the split
SEED = 11


@dataclass(frozen=True, slots=True)
class Forged:
    """Pairs of untouched stills and their forgeries, and the family of each."""

    families: tuple[str, ...]
    pairs: tuple[Pair, ...]

    def rows(self, family: str) -> NDArray[np.bool_]:
        """(N,) which pairs a family has made."""
        return np.array([one == family for one in self.families])


def stills(data: Path | None, split: str, tell: OnProgress | None = None) -> Store:
    """The faces of untouched stills. Raises UsageError where there are fewer than two."""
    chosen = material.evenly([item for item in material.read(data, split, "image") if not item.fake], STILLS)
    samples = [material.sample(data, item, split) for item in chosen]
    with tempfile.TemporaryDirectory() as folder:
        store = crops.build(samples, Path(folder), None if tell is None else lambda share: tell("faces", 0.3 * share))
        kept = Store(store.rows, np.array(store.crops), store.landmarks_px)
    if len(kept.rows) < 2:
        raise UsageError(f"stills: expected two faces or more in the split {split!r}; got {len(kept.rows)}")
    return kept


def forged(store: Store, view: View, families: Sequence[str], tell: OnProgress | None = None) -> Forged:
    """Every still forged by every family; donors are the other stills."""
    donors, names, pairs = NearestDonors(store, range(len(store.rows))), [], []
    for n in range(len(store.rows)):
        for f, family in enumerate(families):
            rng = np.random.default_rng([SEED, n, f])
            crop, mesh = store.crops[n], store.landmarks_px[n]
            names.append(family)
            pairs.append(make_pair(crop, mesh, fakes.load(family), view, rng, donors=donors))
        if tell is not None:
            tell("forging", 0.3 + 0.3 * n / len(store.rows))
    return Forged(tuple(names), tuple(pairs))


def scores(one: Network, pairs: Sequence[Pair]) -> NDArray[np.float64]:
    """(2 N,) logits: of the untouched partners, then of the forgeries."""
    return one.ask([pair.real for pair in pairs] + [pair.fake for pair in pairs]).logits


def view_of(one: Network) -> View:
    """What a network looks at."""
    return View(one.size_px, one.margin, one.margin)
