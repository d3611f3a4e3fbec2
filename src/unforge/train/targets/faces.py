"""The faces that the targets learn from and are measured on, as a forger's program sees them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unforge.faces import align, scan
from unforge.media.video import frames
from unforge.protect.targets import ALIGNED_MARGIN, ALIGNED_PX
from unforge.train import crops, datasets
from unforge.train.sample import Sample
from unforge.train.sampling import shares

PEOPLE = "ffpp"  # clips of one person each, who is known
FILMED_HZ = 12.5  # of a person who is to be learned by heart
MEASURED = 240  # faces, at most

Pictures = NDArray[np.uint8]


@dataclass(frozen=True)
class Faces:
    """Real faces: those of the training split to learn from, stills and clips of the validation split to measure on.

    store: all of them; samples: the files they come from.
    """

    store: crops.Store
    samples: list[Sample]

    @cached_property
    def drawn(self) -> NDArray[np.float64]:
        """(N,) how often each row is drawn for training."""
        return shares(self.store, lambda row: row["split"] == "train")

    @cached_property
    def person(self) -> list[str]:
        """Who is in each row; a file of nobody known is a person of its own."""
        known = {str(sample.path): sample.identity for sample in self.samples}
        return [known.get(row["path"], "") or row["path"] for row in self.store.rows]

    @cached_property
    def measured(self) -> Pictures:
        """(M, 64, 64, 3) stills that nothing has learned from."""
        rows = self.store.where(split="val", kind="image")
        return self.plain(rows[:: max(1, -(-len(rows) // MEASURED))].tolist())

    def plain(self, rows: Iterable[int]) -> Pictures:
        """(M, 64, 64, 3) as `protect.targets.aligned` shows them."""
        return np.stack([plain(self.store.crops[n], self.store.landmarks_px[n]) for n in rows])

    def clips_of(self, split: str) -> list[Sample]:
        """One clip of each known person, in the order of their names."""
        found = {s.identity: s for s in self.samples if _has_known_person(s) and s.split == split}
        return [found[name] for name in sorted(found)]


def gather(data: Path, out: Path, on_progress: Callable[[str, float], None] | None = None) -> Faces:
    """Find the faces of the data set in `data`, once; they are kept in `out / "reals"`."""
    samples = [sample for sample in datasets.index("manifest", data.resolve()) if _is_wanted(sample)]
    tell = None if on_progress is None else lambda share: on_progress("finding faces", share)
    return Faces(crops.build(samples, out / "reals", tell), samples)


def _is_wanted(sample: Sample) -> bool:
    return sample.label == "real" and (sample.split == "train" or sample.kind == "image" or _has_known_person(sample))


def _has_known_person(sample: Sample) -> bool:
    return sample.kind == "video" and sample.dataset.startswith(PEOPLE) and bool(sample.identity)


@lru_cache(maxsize=4)
def filmed(sample: Sample) -> tuple[Pictures, NDArray[np.float32]]:
    """Crops (T, 224, 224, 3) and meshes (T, 468, 2) of the person who is longest in a clip."""
    tracks = scan(frames(sample.path, rate_hz=FILMED_HZ)).tracks
    longest = max(tracks, key=lambda track: len(track.times_s))
    return longest.crops, longest.crop_landmarks_px


def plain(crop: Pictures, mesh_px: NDArray[np.float32]) -> Pictures:
    """(64, 64, 3), level, with the margin that all targets see."""
    return align.warp(crop, align.face_square(mesh_px, ALIGNED_MARGIN, ALIGNED_PX), ALIGNED_PX)


def varied(crop: Pictures, mesh_px: NDArray[np.float32], rng: np.random.Generator, by: float = 1.0) -> Pictures:
    """The same, a little larger or smaller, shifted, turned and mirrored: so meshes err, and so faces differ."""
    low, high = mesh_px.min(axis=0), mesh_px.max(axis=0)
    side = float(np.max(high - low)) * ALIGNED_MARGIN
    centre = (low + high) / 2.0 + by * rng.uniform(-0.03, 0.03, 2) * side
    turn = by * np.radians(rng.uniform(-5.0, 5.0))
    across = mesh_px[263] - mesh_px[33]
    angle = np.arctan2(across[1], across[0]) + turn
    eyes = np.array([[0.0, 0.0], [np.cos(angle), np.sin(angle)]])
    square = align.level_square(centre, side * np.exp(by * rng.uniform(-0.06, 0.06)), eyes, ALIGNED_PX)
    picture = align.warp(crop, square, ALIGNED_PX)
    return np.ascontiguousarray(picture[:, ::-1] if rng.random() < 0.5 else picture)


def fed(pictures: Pictures) -> Tensor:
    """(N, 3, H, W) in [-1, 1]. pictures: (N, H, W, 3)."""
    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32)) / 127.5 - 1.0
