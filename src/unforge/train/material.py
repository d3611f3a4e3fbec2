"""What a run may see: faces, who is held out, and whom a forgery may borrow from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unforge.errors import UsageError
from unforge.train import crops, originals
from unforge.train.donors import NearestDonors
from unforge.train.originals import Originals
from unforge.train.sample import Sample
from unforge.train.sampling import HeldOut


def allowed(sample: Sample) -> bool:
    """Whether a recipe may open a file: the training split alone."""
    return sample.split == "train"


FEWEST_HELD_OUT = 1


@dataclass(frozen=True, slots=True)
class Material:
    """The faces of a run, who is held out, and whom a forgery may borrow from."""

    samples: tuple[Sample, ...]
    store: crops.Store
    held_out: HeldOut
    donors: NearestDonors

    @classmethod
    def of(
        cls, samples: list[Sample], folder: Path, on_progress: Callable[[str, float], None] | None = None
    ) -> "Material":
        tell = None if on_progress is None else lambda share: on_progress("finding faces", share)
        store, held_out = crops.build(samples, folder, tell), HeldOut(samples)
        kept = sum(row["label"] == "real" and held_out(row) for row in store.rows)
        if kept < FEWEST_HELD_OUT:
            raise UsageError(
                f"training data: expected {FEWEST_HELD_OUT} real face or more among those held out to calibrate "
                f"(about every eighth picture and third clip); got {kept}; add real material of the split train"
            )
        rows = [n for n, row in enumerate(store.rows) if row["label"] == "real" and not held_out(row)]
        return cls(tuple(samples), store, held_out, NearestDonors(store, np.array(rows, np.int64)))

    @property
    def has_forgeries(self) -> bool:
        return any(self.trained(row, "fake") for row in self.store.rows)

    def originals(self, folder: Path, on_progress: Callable[[str, float], None] | None = None) -> Originals:
        """Forged clips that are not held out, beside their originals; found once and kept in a folder."""
        tell = None if on_progress is None else lambda share: on_progress("finding originals", share)
        return originals.build(self.samples, lambda sample: not self.held_out.of(sample), folder, tell)

    def trained(self, row: crops.Row, label: str) -> bool:
        return row["label"] == label and row["split"] == "train" and not self.held_out(row)
