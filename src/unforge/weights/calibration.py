"""Calibration as it stands on a weights card: what a raw score is worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Calibration:
    """From a raw score to a natural-log likelihood ratio: llr = slope x score + intercept, never beyond the cap.

    refits: (slope, intercept) of resampled calibration sets; their spread is the 95 % interval. cap: what a set of this
    size can support at most. llr_manipulated, llr_no_evidence: thresholds of the bands; see train/calibrate.py.
    """

    slope: float
    intercept: float
    cap: float
    reals: int
    fakes: int
    refits: tuple[tuple[float, float], ...]
    llr_manipulated: float
    llr_no_evidence: float
    threshold_fpr: float

    @classmethod
    def from_card(cls, data: Mapping[str, Any]) -> "Calibration":
        refits = tuple((float(slope), float(intercept)) for slope, intercept in data["refits"])
        return cls(**{**data, "refits": refits})  # a card that lacks a number fails here, by its name

    def llr(self, score: float) -> float:
        return self._capped(self.slope * score + self.intercept)

    def interval(self, score: float) -> tuple[float, float]:
        """95 % interval of the llr of a score, from the refits on resampled calibration sets."""
        values = [self._capped(slope * score + intercept) for slope, intercept in self.refits]
        low, high = np.quantile(values, [0.025, 0.975])
        own = self.llr(score)
        return min(float(low), own), max(float(high), own)

    @property
    def behind(self) -> dict[str, float]:
        """What stands behind an answer, as facts: thresholds of its bands, their rate, and the set they are from."""
        return {
            "llr_manipulated": self.llr_manipulated,
            "llr_no_evidence": self.llr_no_evidence,
            "threshold_fpr": self.threshold_fpr,
            "calibration_reals": float(self.reals),
            "calibration_fakes": float(self.fakes),
            "max_abs_llr": self.cap,
        }

    def facts(self, score: float) -> dict[str, float]:
        """The same with the 95 % interval, for an answer that is one score."""
        low, high = self.interval(score)
        return {"llr_low": low, "llr_high": high, **self.behind}

    def _capped(self, llr: float) -> float:
        return float(np.clip(llr, -self.cap, self.cap))
