"""What the picture classifier is measured on: drawn pictures of every class, and stills as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.errors import UsageError
from unforge.moderate.looks import SMALLEST_PX
from unforge.train import datasets
from unforge.train.adverts import _picture, _scenes
from unforge.train.adverts._picture import Picture

PARTS = {"val": _scenes.MEASURE, "train": _scenes.JUDGE}  # by split; of the training split, what nothing learned from


@dataclass(frozen=True, slots=True)
class Pictures:
    """Drawn pictures with their classes (N,), and the kind of overlay or writing of each."""

    rgb: Sequence[NDArray[np.uint8]]
    labels: NDArray[np.intp]
    kinds: NDArray[np.str_]
    masks: Sequence[NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.rgb)

    @property
    def adverts(self) -> NDArray[np.bool_]:
        """(N,) which carry an advert."""
        return self.labels > 0

    def some(self, chosen: NDArray[np.intp]) -> "Pictures":
        """Those at some positions."""
        rgb, masks = [self.rgb[n] for n in chosen], [self.masks[n] for n in chosen]
        return Pictures(rgb, self.labels[chosen], self.kinds[chosen], masks)


def drawn(data: Path | None, split: str, count: int, seed: int) -> Pictures:
    """So many pictures, as many of every class, over the stills of a split; of "val" with the phrases kept for it."""
    scenes = _scenes.scenes(data, PARTS[split])
    made = _picture.balanced(scenes, count, _picture.words_of(held_out=split == "val"), seed)
    return of(made)


def of(made: Sequence[Picture]) -> Pictures:
    """Drawn pictures as one value."""
    labels = np.array([one.label for one in made], np.intp)
    kinds = np.array([one.kind for one in made])
    return Pictures([one.drawn.rgb for one in made], labels, kinds, [one.drawn.mask for one in made])


def stills(data: Path | None, split: str, most: int, licensed: bool = False) -> list[NDArray[np.uint8]]:
    """Untouched stills of a split as they lie there, at most so many, evenly; of all sets or of the licensed ones.

    Raises UsageError where there is none.
    """
    if data is None:
        raise UsageError("data: expected a folder with a manifest.csv (--data DIR); got none")
    sets = _scenes.LICENSED if licensed else sorted({sample.dataset for sample in datasets.index("manifest", data)})
    paths = [path for _, path in _scenes.stills(data, PARTS[split], sets)]
    if not paths:
        raise UsageError(f"{data / 'manifest.csv'}: no untouched stills in the split {split!r}")
    chosen = [paths[n] for n in np.unique(np.linspace(0, len(paths) - 1, most).astype(int))]
    found = [_scenes.read(path) for path in chosen]
    return [rgb for rgb in found if min(rgb.shape[:2]) >= SMALLEST_PX]


def grainy(rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """As from a small sensor in bad light, sharpened: ordinary pictures that come nearest to tampered ones."""
    grain = rng.uniform(2.0, 8.0) * rng.standard_normal(rgb.shape, np.float32)
    noisy = np.clip(rgb + grain, 0, 255).astype(np.uint8)
    soft = cv2.GaussianBlur(noisy, (0, 0), 1.5)
    return np.asarray(cv2.addWeighted(noisy, 1.5, soft, -0.5, 0.0), np.uint8)
