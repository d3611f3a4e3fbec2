"""Batches of pairs without end, made by worker processes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from unforge.faces import align
from unforge.train import fakes
from unforge.train.crops import Store
from unforge.train.originals import Originals
from unforge.train.pairs import Pair, View, draw_way, make_pair, seen, view_matrix


class Batch(NamedTuple):
    """B pairs, and L labelled pictures that have no partner (L may be 0).

    pictures: (2 B + L, H, W, 3) uint8: the reals of the pairs, their fakes, the labelled ones.
    masks: (B, H / 4, W / 4) of the fakes; artefacts: (B, 7); region: (B,) position in fakes.REGIONS;
    told: (B,) whether artefacts and region of a pair are known; quality: (B, 3), which the two of a pair share;
    labels: (L,) 1 for a fake.
    """

    pictures: Tensor
    masks: Tensor
    artefacts: Tensor
    region: Tensor
    told: Tensor
    quality: Tensor
    labels: Tensor


@dataclass(frozen=True, slots=True)
class Labelled:
    """Labelled forgeries in each batch: pairs whose originals are at hand, and pictures with nothing but a label.

    pairs: per batch, in the place of pseudo-fakes. shares: (N,) how often each row of the store is drawn, reals and
    fakes apart; reals, fakes: of these per batch.
    """

    originals: Originals
    pairs: int
    real_shares: NDArray[np.float64]
    fake_shares: NDArray[np.float64]
    reals: int
    fakes: int


class PairSet(Dataset[Batch]):
    """Batches of pairs, each a function of (seed, step) alone, so that a resumed run sees what it would have seen.

    shares: (N,) how often each row of the store is drawn; families: how often each way of forging.
    """

    def __init__(
        self,
        store: Store,
        shares: NDArray[np.float64],
        families: Mapping[str, float],
        view: View,
        pairs: int,
        first: int,
        seed: int,
        donors: fakes.Donors | None = None,
        labelled: Labelled | None = None,
    ) -> None:
        self.store, self.view, self.pairs = store, view, pairs
        self.rows = np.flatnonzero(shares)
        self.shares = shares[self.rows] / shares.sum()
        self.families = list(families)
        self.family_shares = np.array(list(families.values())) / sum(families.values())
        self.donors, self.labelled = donors, labelled
        self.first, self.seed = first, seed

    def __len__(self) -> int:
        return 10**6

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng([self.seed, self.first + step])
        labelled = self._originals(rng)
        made = [self._pair(n, rng) for n in rng.choice(self.rows, self.pairs - len(labelled), p=self.shares)]
        made += labelled
        plain, labels = self._plain(rng)
        pictures = np.stack([pair.real for pair in made] + [pair.fake for pair in made] + plain)
        return Batch(
            torch.from_numpy(pictures),
            torch.from_numpy(np.stack([pair.mask for pair in made])),
            torch.tensor([[float(name in pair.artefacts) for name in fakes.ARTEFACTS] for pair in made]),
            torch.tensor([fakes.REGIONS.index(pair.region) for pair in made]),
            torch.tensor([pair.told for pair in made]),
            torch.from_numpy(np.stack([pair.quality for pair in made])),
            torch.tensor(labels),
        )

    def _pair(self, row: int, rng: np.random.Generator) -> Pair:
        family = fakes.load(self.families[rng.choice(len(self.families), p=self.family_shares)])
        crop, landmarks_px = self.store.crops[row], self.store.landmarks_px[row]
        return make_pair(crop, landmarks_px, family, self.view, rng, donors=self.donors)

    def _originals(self, rng: np.random.Generator) -> list[Pair]:
        if self.labelled is None or not len(self.labelled.originals):
            return []
        known = self.labelled.originals
        drawn = rng.choice(len(known), self.labelled.pairs, p=known.shares)
        return [seen(known.fake(n), known.landmarks_px[n], self.view, rng) for n in drawn.tolist()]

    def _plain(self, rng: np.random.Generator) -> tuple[list[NDArray[np.uint8]], list[float]]:
        if self.labelled is None:
            return [], []
        drawn = [
            rng.choice(len(shares), count, p=shares / shares.sum())
            for shares, count in (
                (self.labelled.real_shares, self.labelled.reals),
                (self.labelled.fake_shares, self.labelled.fakes),
            )
        ]
        labels = [0.0] * self.labelled.reals + [1.0] * self.labelled.fakes
        return [self._picture(n, rng) for n in np.concatenate(drawn)], labels

    def _picture(self, row: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """One face as it is, degraded and cropped as a pair would be."""
        matrix = view_matrix(self.store.landmarks_px[row], self.view, rng)
        seen = align.warp(draw_way(rng).of(self.store.crops[row]), matrix, self.view.size_px)
        return np.ascontiguousarray(seen[:, ::-1] if rng.random() < 0.5 else seen)


def stream(pairs: PairSet, workers: int) -> Iterator[Batch]:
    """Batches without end, made by worker processes.

    These start afresh: copies of a process in which OpenCV or ONNX Runtime have run their threads may hang, and between
    two stages they have.
    """
    loader = DataLoader(
        pairs,
        batch_size=None,
        num_workers=workers,
        worker_init_fn=_quiet,
        multiprocessing_context="spawn" if workers else None,
        prefetch_factor=4 if workers else None,
    )
    return iter(loader)


def _quiet(_: int) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
