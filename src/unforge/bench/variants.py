"""Networks of which one thing was changed (train/recipes/ablation.py), and the forgeries that compare them."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge.bench import material, network
from unforge.bench.network import Network
from unforge.bench.protocols import OnProgress
from unforge.errors import UsageError
from unforge.train import crops, fakes
from unforge.train.donors import NearestDonors
from unforge.train.pairs import Pair, View, make_pair
from unforge.train.sample import Sample

FOLDER = Path("results/ablation")
ADVICE = f"make it with: unforge train ablation --data DIR --out {FOLDER}"
FULL = "full"
STILLS = 160  # at most, evenly over the split; each is forged by every family
SEED = 11
PREFIX = "without-"


@dataclass(frozen=True, slots=True)
class Forged:
    """Pairs of untouched stills and their forgeries, and the family of each."""

    families: tuple[str, ...]
    pairs: tuple[Pair, ...]

    def rows(self, family: str) -> NDArray[np.bool_]:
        return np.array([one == family for one in self.families])


def load(name: str) -> Network:
    """A variant by name. Raises WeightsError that says how to make it."""
    return network.from_folder(FOLDER, name, ADVICE)


def available() -> tuple[str, ...]:
    """The variants at hand. Raises UsageError where there is no full recipe to compare with."""
    names = sorted(path.stem for path in FOLDER.glob("*.onnx"))
    if FULL not in names:
        raise UsageError(f"ablation: expected {FULL}.onnx in {FOLDER}; {ADVICE}")
    return (FULL, *(name for name in names if name != FULL))


def left_out(name: str) -> str | None:
    """The family that a variant has never seen, or None."""
    family = name.removeprefix(PREFIX).replace("-", "_")
    return family if name.startswith(PREFIX) and family in fakes.available() else None


def forged(data: Path | None, split: str, one: Network, families: Sequence[str], tell: OnProgress | None) -> Forged:
    """Untouched stills of a split, each forged by every family; donors are of the same split."""
    items = [item for item in material.read(data, split, "image") if not item.fake]
    chosen = items[:: max(1, len(items) // STILLS)][:STILLS]
    root = data or Path()
    samples = [Sample(root / item.path, "real", "image", item.dataset, "", "val", item.central_face) for item in chosen]
    view, names, pairs = View(one.size_px, one.margin, one.margin), [], []
    with tempfile.TemporaryDirectory() as folder:
        store = crops.build(samples, Path(folder), None if tell is None else lambda share: tell("faces", 0.3 * share))
        if len(store.rows) < 2:
            raise UsageError(f"ablation: expected two faces or more in the split {split!r}; got {len(store.rows)}")
        donors = NearestDonors(store, range(len(store.rows)))
        for n in range(len(store.rows)):
            for f, family in enumerate(families):
                rng = np.random.default_rng([SEED, n, f])
                made = make_pair(store.crops[n], store.landmarks_px[n], fakes.load(family), view, rng, donors=donors)
                names.append(family)
                pairs.append(made)
            if tell is not None:
                tell("forging", 0.3 + 0.3 * n / len(store.rows))
    return Forged(tuple(names), tuple(pairs))


def scores(one: Network, made: Forged) -> NDArray[np.float64]:
    """(2 N,) logits: of the untouched partners, then of the forgeries."""
    return one.ask([pair.real for pair in made.pairs] + [pair.fake for pair in made.pairs]).logits
