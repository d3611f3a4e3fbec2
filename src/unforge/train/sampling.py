"""Which faces a run may see, and how often."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge.train.crops import Row, Store
from unforge.train.sample import Sample

HELD_OUT_CLIPS = 3  # every third group of people
HELD_OUT_STILLS = 8  # every eighth file
SALT = "i"  # a choice that leaves the only forgeries of two methods to training
SHARE_OF_CLIPS = 0.35  # clips are few, but they look like what will be examined


class HeldOut:
    """Whether a file of the training split is kept from training, for thresholds and calibration.

    People who were forged into each other stay together: a face that was trained on as somebody's original must not
    calibrate as somebody's forgery. Forged clips of nobody known stay together as a data set: their people recur.
    Any other file without a known identity stands for itself.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._group = _groups([sample.identity for sample in samples if sample.identity])
        self._identity = {str(sample.path): sample.identity for sample in samples}

    def __call__(self, row: Row) -> bool:
        every = HELD_OUT_CLIPS if row["kind"] == "video" else HELD_OUT_STILLS
        return _bucket(self._name(row)) % every == 0

    def of(self, sample: Sample) -> bool:
        """The same for a file that was not opened yet."""
        columns = ("kind", "label", "dataset")
        return self({"path": str(sample.path), **{name: getattr(sample, name) for name in columns}})

    def _name(self, row: Row) -> str:
        identity = self._identity.get(row["path"], "")
        if row["kind"] == "video" and identity:
            return self._group[identity.split("+")[0]]
        if row["kind"] == "video" and row["label"] == "fake":
            return row["dataset"]
        return "/".join(Path(row["path"]).parts[-2:])


def people(samples: Sequence[Sample]) -> list[str]:
    """Of each sample, the group of people it belongs to; a file of nobody known stands for itself."""
    group = _groups([sample.identity for sample in samples if sample.identity])
    return [group[s.identity.split("+")[0]] if s.identity else "/".join(s.path.parts[-2:]) for s in samples]


def _bucket(name: str) -> int:
    return hashlib.sha256((SALT + name).encode()).digest()[0]


def _groups(identities: Sequence[str]) -> dict[str, str]:
    """The first member, in order of names, of the group that each person belongs to."""
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while leader.setdefault(name, name) != name:
            name = leader[name]
        return name

    for identity in identities:
        first, *others = (find(name) for name in identity.split("+"))
        for other in others:
            low, high = sorted((find(first), other))
            leader[high] = low
    return {name: find(name) for name in list(leader)}


def shares(
    store: Store, usable: Callable[[Row], bool], share_of_clips: float = SHARE_OF_CLIPS, by: str = "dataset"
) -> NDArray[np.float64]:
    """(N,) how often each row of the store is drawn: usable rows, their groups (by a column) by the root of size."""
    drawn = np.zeros(len(store.rows))
    for kind, part in (("video", share_of_clips), ("image", 1.0 - share_of_clips)):
        groups: dict[str, list[int]] = {}
        for n, row in enumerate(store.rows):
            if row["kind"] == kind and usable(row):
                groups.setdefault(row[by], []).append(n)
        total = sum(len(group) ** 0.5 for group in groups.values())
        for group in groups.values():
            drawn[group] = part * len(group) ** 0.5 / total / len(group)
    return np.asarray(drawn / max(drawn.sum(), 1e-12), np.float64)
