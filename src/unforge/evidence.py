"""The one currency: whatever looks at an exhibit answers with Evidence."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from unforge.errors import ShapeError


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Where and when something was seen.

    start_s, end_s: seconds on the container's clock; equal for a single frame, 0 for a still.
    llr: what this place says by itself (natural log); the timeline is just the regions.
    track: FaceTrack.id, or None for the whole picture or sound.
    box_px: (x0, y0, x1, y1) in the displayed frame, or None.
    heat: (H, W) float32 in [0, 1] on the face crop, or None.
    facts: what was read at this place, e.g. `artefact_colour`, the probability that colour was changed here.
    attention: (H, W) float32 in [0, 1] on the face crop, where the examiner looked, its strongest place 1; or None.
    """

    start_s: float
    end_s: float
    llr: float = 0.0
    track: int | None = None
    box_px: tuple[int, int, int, int] | None = None
    heat: NDArray[np.float32] | None = None
    facts: Mapping[str, float] = field(default_factory=dict)
    attention: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.llr) and self.end_s >= self.start_s):
            raise ShapeError(
                "region", expected="finite llr and end_s >= start_s", got=(self.start_s, self.end_s, self.llr)
            )
        for name, found in (("heat", self.heat), ("attention", self.attention)):
            if found is not None and (found.ndim != 2 or found.min() < 0 or found.max() > 1):
                raise ShapeError(name, expected="(H, W) in [0, 1]", got=found.shape)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Region):
            return NotImplemented
        same = _same_map(self.heat, other.heat) and _same_map(self.attention, other.attention)
        return same and self._plain() == other._plain()

    __hash__ = None  # type: ignore[assignment]  # heat is an array

    def _plain(self) -> tuple[object, ...]:
        return self.start_s, self.end_s, self.llr, self.track, self.box_px, dict(self.facts)


def _same_map(first: NDArray[np.float32] | None, second: NDArray[np.float32] | None) -> bool:
    if first is None or second is None:
        return first is second
    return np.array_equal(first, second)


@dataclass(frozen=True, slots=True)
class Curve:
    """A measured line that readers can look at: a pulse over time, its spectrum, lips against voice.

    name: what it shows, a key of `explain.vocabulary.CURVES`, e.g. "pulse_trace".
    x, y: as many finite numbers each, x never decreasing. x_unit: "s", "bpm", "ms" or "Hz"; y_unit: what `y` counts.
    track: FaceTrack.id, or None for the whole picture or sound.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    x_unit: str
    y_unit: str
    track: int | None = None

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y) or not all(map(math.isfinite, (*self.x, *self.y))):
            got = (len(self.x), len(self.y))
            raise ShapeError(f"curve {self.name}", expected="as many finite x as y", got=got)
        if any(later < earlier for earlier, later in pairwise(self.x)):
            raise ShapeError(f"curve {self.name}", expected="x that never decreases", got="x that goes back")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One calibrated answer to one question.

    question: "manipulated", "adversarial", "harmful", "marked", ...
    source: the weights card that spoke, e.g. "finegrained-1".
    llr: natural-log likelihood ratio yes:no; 0.0 says nothing either way.
    note: one sentence that a reader can check.
    facts: numbers with units in their names. `llr_low` and `llr_high` are the 95 % interval of the calibration;
        `llr_manipulated` and `llr_no_evidence` the thresholds of the bands on this examiner's scale.
    abstained: the examiner could not judge; then llr is 0.0 and the note says why.
    curves: what was measured along time, frequency or delay, for readers.
    """

    question: str
    source: str
    llr: float
    note: str
    regions: tuple[Region, ...] = ()
    facts: Mapping[str, float | str] = field(default_factory=dict)
    abstained: bool = False
    curves: tuple[Curve, ...] = ()

    def __post_init__(self) -> None:
        if not math.isfinite(self.llr):
            raise ShapeError("llr", expected="a finite number", got=self.llr)
        if self.abstained and self.llr != 0.0:
            raise ShapeError("llr of an abstention", expected=0.0, got=self.llr)
        if not self.note:
            raise ShapeError("note", expected="one sentence", got="nothing")


def abstention(question: str, source: str, note: str, facts: Mapping[str, float | str] | None = None) -> Evidence:
    """The answer of an examiner that cannot judge, with the reason as a sentence."""
    return Evidence(question, source, 0.0, note, facts=facts or {}, abstained=True)
