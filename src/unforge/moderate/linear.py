"""A linear classifier of texts: what each n-gram of each view is worth, added up.

It reads a stretch of text at a time, and the worst stretch counts: harmless words around it change nothing.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unforge.errors import WeightsError
from unforge.moderate import ngrams, views
from unforge.moderate.ngrams import Group

TELLING = 3  # places that are pointed at, at most
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Form:
    """What decides how a text is read, fixed before the fit.

    slots: how many n-grams are hashed into. window_chars, step_chars: stretches that are read at a time, and how far
    apart they begin.
    """

    groups: tuple[Group, ...]
    slots: int
    window_chars: int
    step_chars: int

    @classmethod
    def from_card(cls, data: Mapping[str, Any]) -> "Form":
        """Raises UsageError for a unit that is not there."""
        groups = tuple(Group(**group) for group in data["groups"])
        return cls(**{**data, "groups": groups})

    @property
    def views(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(group.view for group in self.groups))

    @property
    def missing(self) -> str:
        """Why texts cannot be read here; empty where they can."""
        return next((reason for reason in map(views.missing, self.views) if reason), "")

    def windows(self, text: str) -> Iterator[tuple[int, str]]:
        """The stretches of a text, each with the character at which it begins."""
        last = max(0, len(text) - self.window_chars)
        for start in (*range(0, last, self.step_chars), last):
            yield start, text[start : start + self.window_chars]

    def read(self, text: str) -> "Read":
        """One stretch: slots (N,), shares (N,) and places of its n-grams."""
        found = ngrams.find(views.of(text, self.views), self.groups, self.slots)
        slots = np.array([one.slot for one in found], np.intp)
        shares = np.array([one.share for one in found], np.float64)
        return Read(slots, shares, tuple(one.places for one in found))


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """The n-grams of a stretch: slots (N,), shares (N,), and where each stands in it, every time."""

    slots: NDArray[np.intp]
    shares: NDArray[np.float64]
    places: tuple[tuple[tuple[int, int], ...], ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """The worst stretch of a text, [start, end) in its characters, and in it the most telling places."""

    score: float
    start: int
    end: int
    places: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Linear:
    """The classifier. worth: (slots,) float32; the score is `bias` plus the worth of what was found."""

    form: Form
    worth: NDArray[np.float32]
    bias: float

    @classmethod
    def from_file(cls, content: bytes, form: Form, bias: float) -> "Linear":
        """Raises WeightsError where the file is of another form."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            worth = arrays["worth"].astype(np.float32)
        if worth.shape != (form.slots,):
            raise WeightsError(f"weights of texts: expected {form.slots} numbers; got an array {worth.shape}")
        return cls(form, worth, bias)

    def to_file(self) -> bytes:
        """What `from_file` reads: half precision, packed."""
        file = io.BytesIO()
        np.savez_compressed(file, worth=self.worth.astype(np.float16))
        return file.getvalue()

    def judge(self, text: str) -> Judged:
        """The worst stretch of a text; the bias alone where it has nothing that was learned of."""
        return max((self._judge(start, part) for start, part in self.form.windows(text)), key=lambda one: one.score)

    def _judge(self, start: int, part: str) -> Judged:
        read = self.form.read(part)
        gains = self.worth[read.slots] * read.shares
        places = [(first + start, last + start) for first, last in _telling(gains, read, len(part))]
        return Judged(float(gains.sum()) + self.bias, start, start + len(part), tuple(places))


def _telling(gains: NDArray[np.float64], read: Read, length: int) -> list[tuple[int, int]]:
    """The places that speak loudest for it, apart from each other, in their order."""
    weights = np.zeros(length)
    for gain, places in zip(gains, read.places, strict=True):
        for start, end in places:
            weights[start:end] += gain / (end - start) / len(places)
    return _runs(weights)


def _runs(weights: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Runs of characters that speak for it: the loudest, and others half as loud."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (weights > 0.0).astype(np.int8), [0]])))
    runs = {(int(start), int(end)): float(weights[start:end].sum()) for start, end in edges.reshape(-1, 2)}
    loudest = sorted(runs, key=lambda run: (-runs[run], run))[:TELLING]
    return sorted(run for run in loudest if runs[run] >= HALF * runs[loudest[0]])
