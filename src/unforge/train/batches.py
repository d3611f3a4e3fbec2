"""Batches of pairs without end, made by worker processes."""

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from unforge.train import fakes
from unforge.train.crops import Store
from unforge.train.pairs import View, make_pair


class PairSet(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Batches of pairs, each a function of (seed, step) alone, so that a resumed run sees what it would have seen.

    An item is a batch: pictures (2 B, H, W, 3) uint8, first the reals, and masks (B, H / 4, W / 4).
    """

    def __init__(
        self,
        store: Store,
        weights: NDArray[np.float64],
        family: str,
        view: View,
        pairs: int,
        first: int,
        seed: int,
    ) -> None:
        self.store, self.family, self.view, self.pairs = store, fakes.load(family), view, pairs
        self.rows = np.flatnonzero(weights)
        self.shares = weights[self.rows] / weights.sum()
        self.first, self.seed = first, seed

    def __len__(self) -> int:
        return 10**6

    def __getitem__(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng([self.seed, self.first + step])
        made = [
            make_pair(self.store.crops[n], self.store.landmarks_px[n], self.family, self.view, rng)
            for n in rng.choice(self.rows, self.pairs, p=self.shares)
        ]
        pictures = np.stack([pair.real for pair in made] + [pair.fake for pair in made])
        return torch.from_numpy(pictures), torch.from_numpy(np.stack([pair.mask for pair in made]))


def stream(pairs: PairSet, workers: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches without end, made by worker processes."""
    loader = DataLoader(
        pairs,
        batch_size=None,
        num_workers=workers,
        worker_init_fn=_quiet,
        prefetch_factor=4 if workers else None,
    )
    return iter(loader)


def _quiet(_: int) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
