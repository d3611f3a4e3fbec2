"""Forged clips beside their originals, moment by moment: pairs that somebody else has made.

Two pictures of one person at one moment differ by the forgery alone, as a pseudo-fake and its partner do; so labelled
forgeries teach what to look at, not whom.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge.faces import align
from unforge.train import changed
from unforge.train.fakes import Fake
from unforge.train.sample import Sample

RATE_HZ = 6.0
LOOKS_PER_CLIP = 30
SEVERAL = "+"


@dataclass(frozen=True, slots=True)
class Originals:
    """Parallel arrays of N moments.

    forged, real: (N, 224, 224, 3) uint8 in one crop; landmarks_px: (N, 468, 2) on it; masks: (N, 224, 224), 1 where
    both differ; methods: (N,) how each was forged; paths: (N,) the forged clip.
    """

    forged: NDArray[np.uint8]
    real: NDArray[np.uint8]
    landmarks_px: NDArray[np.float32]
    masks: NDArray[np.uint8]
    methods: NDArray[np.str_]
    paths: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.forged)

    @property
    def shares(self) -> NDArray[np.float64]:
        """(N,) how often each moment is drawn: the methods by the root of their number of clips."""
        drawn = np.zeros(len(self))
        for method in np.unique(self.methods):
            rows = self.methods == method
            drawn[rows] = len(np.unique(self.paths[rows])) ** 0.5 / rows.sum()
        return np.asarray(drawn / max(drawn.sum(), 1e-12), np.float64)

    def fake(self, n: int) -> Fake:
        """One moment as a forgery whose traces nobody has listed."""
        mask = self.masks[n].astype(np.float32)
        return Fake(self.forged[n], self.real[n], mask, (), "face", told=False)


def build(
    samples: Sequence[Sample],
    chosen: Callable[[Sample], bool],
    folder: Path,
    on_progress: Callable[[float], None] | None = None,
) -> Originals:
    """The moments of all chosen forged clips whose original is among the samples; found once, then read from `folder`.

    A clip belongs to an original of the same data set whose identity is the clip's first.
    """
    found = {(s.dataset, s.identity): s.path for s in samples if s.kind == "video" and s.label == "real" and s.identity}
    forged = [s for s in samples if s.kind == "video" and s.label == "fake" and chosen(s) and _original(s) in found]
    names = json.dumps([str(sample.path) for sample in forged])
    file, done = folder / "originals.npz", folder / "originals.json"
    if not (done.is_file() and done.read_text("utf-8") == names):
        folder.mkdir(parents=True, exist_ok=True)
        parts = []
        for n, sample in enumerate(forged):
            parts += _moments(sample, found[_original(sample)])
            if on_progress is not None:
                on_progress((n + 1) / len(forged))
        _save(file, parts)
        done.write_text(names, "utf-8")
    with np.load(file) as stored:
        return Originals(**{name: stored[name] for name in Originals.__dataclass_fields__})


def _original(sample: Sample) -> tuple[str, str]:
    return sample.dataset, sample.identity.split(SEVERAL)[0]


@dataclass(frozen=True, slots=True)
class _Moment:
    sample: Sample
    forged: NDArray[np.uint8]
    real: NDArray[np.uint8]
    landmarks_px: NDArray[np.float32]
    mask: NDArray[np.uint8]


def _moments(sample: Sample, original: Path) -> list[_Moment]:
    found = []
    for look in changed.looks(sample.path, original, RATE_HZ, LOOKS_PER_CLIP):
        matrix = align.face_square(look.landmarks_px, align.CROP_MARGIN, align.CROP_PX)
        forged, real = (align.warp(rgb, matrix, align.CROP_PX) for rgb in (look.forged, look.original))
        mask = changed.mask(forged, real)
        if mask is not None:
            points_px = (look.landmarks_px @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
            found.append(_Moment(sample, forged, real, points_px, mask.astype(np.uint8)))
    return found


def _save(file: Path, moments: Sequence[_Moment]) -> None:
    side = align.CROP_PX
    np.savez(
        file,
        forged=np.array([one.forged for one in moments], np.uint8).reshape(-1, side, side, 3),
        real=np.array([one.real for one in moments], np.uint8).reshape(-1, side, side, 3),
        landmarks_px=np.array([one.landmarks_px for one in moments], np.float32).reshape(-1, 468, 2),
        masks=np.array([one.mask for one in moments], np.uint8).reshape(-1, side, side),
        methods=np.array([one.sample.method for one in moments], np.str_),
        paths=np.array([str(one.sample.path) for one in moments], np.str_),
    )
