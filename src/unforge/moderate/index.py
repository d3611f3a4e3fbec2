"""Hashes in memory, searched for those that a picture comes near to.

Every hash that a picture asks for is held against all: first by the 64 lowest cosines, which bear a misplaced window,
then by all bits. What lies within MATCH_BITS is found; what lies a little further is aligned first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unforge.moderate import alignment, pdq, variants
from unforge.moderate.pdq import Hashes
from unforge.moderate.variants import Reduced, Window

NEAR_LOW_BITS = 13  # of 64
NEAR_BITS = 80  # of 256; unrelated pictures lie about 128 apart
MOST_ALIGNED = 12  # pictures, the nearest ones; more would be a matter of time only

_LOW = slice(31, 15, -2)  # bytes of the cosines 1 to 8 both ways


@dataclass(frozen=True, slots=True)
class Found:
    """A known picture that lies near.

    picture: as the index numbers them. row: which of its hashes. distance_bits: after alignment; more than MATCH_BITS is
    no match. window: where in the picture asked about. way: one of pdq.DIHEDRAL, what was done to the known one.
    """

    picture: int
    row: int
    distance_bits: int
    window: Window
    way: str


class Index:
    """hashes: (N, 32) uint8. pictures: (N,) which picture each belongs to. halves: (N,) which ones are of a half."""

    def __init__(self, hashes: Hashes, pictures: NDArray[np.intp], halves: NDArray[np.bool_]) -> None:
        self._hashes, self._pictures = hashes, pictures
        self._kinds = [(half, np.flatnonzero(halves == half)) for half in (False, True)]
        self._low = [_low(hashes[rows]) for _, rows in self._kinds]

    def __len__(self) -> int:
        return len(self._hashes)

    def near(self, of: Reduced) -> list[Found]:
        """The known pictures near one, the nearest first."""
        found, aligned = [], 0
        for start in self._starts(of):
            if start.distance_bits > pdq.MATCH_BITS:
                aligned += 1
                if aligned > MOST_ALIGNED:
                    break
            found.append(self._settled(of, start))
        return sorted(found, key=lambda one: (one.distance_bits, one.picture))

    def _settled(self, of: Reduced, start: "_Start") -> Found:
        window, distance = start.window, start.distance_bits
        if distance > pdq.MATCH_BITS:
            fit = alignment.align(of, window, start.way, self._hashes[start.row])
            window, distance = fit.window, min(distance, fit.distance_bits)
        way = pdq.DIHEDRAL[alignment.INVERSE[start.way]]
        return Found(int(self._pictures[start.row]), start.row, distance, window, way)

    def _starts(self, of: Reduced) -> "list[_Start]":
        """Where to begin: the best of each picture, the nearest first."""
        best: dict[int, _Start] = {}
        starts = [start for n in range(len(self._kinds)) for start in self._of_kind(of, n)]
        for start in sorted(starts, key=lambda one: (one.distance_bits, one.row)):
            best.setdefault(int(self._pictures[start.row]), start)
        return list(best.values())

    def _of_kind(self, of: Reduced, kind: int) -> "list[_Start]":
        half, rows_of_kind = self._kinds[kind]
        if not len(rows_of_kind):
            return []
        asked = variants.asked(of, half).reshape(-1, pdq.BITS // 8)
        places, numbers = _near(self._low[kind], _low(asked))
        rows = rows_of_kind[places]
        distances = np.bitwise_count(self._hashes[rows] ^ asked[numbers]).sum(axis=1, dtype=np.intp)
        near = np.flatnonzero(distances <= NEAR_BITS)
        starts = []
        for row, number, distance in zip(rows[near], numbers[near], distances[near], strict=True):
            window, way = divmod(int(number), len(pdq.DIHEDRAL))
            starts.append(_Start(int(row), int(distance), variants.window_of(window, half), way))
        return starts


@dataclass(frozen=True, slots=True)
class _Start:
    """A hash that is near one that was asked for."""

    row: int
    distance_bits: int
    window: Window
    way: int


def gathered(stored: Sequence[Mapping[str, bytes]]) -> Index:
    """An index over what `variants.stored` gave of some pictures, in their order."""
    data = b"".join(one for of in stored for one in of.values())
    hashes = np.frombuffer(data, np.uint8).reshape(-1, pdq.BITS // 8)
    halves = np.array([variants.is_half(name) for of in stored for name in of], bool)
    return Index(hashes, np.repeat(np.arange(len(stored)), [len(of) for of in stored]), halves)


def _near(known: NDArray[np.uint64], asked: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which known ones lie within NEAR_LOW_BITS of which that are asked for."""
    differ, count = np.empty_like(known), np.empty(len(known), np.uint8)
    hits = []
    for one in asked:
        np.bitwise_xor(known, one, out=differ)
        np.bitwise_count(differ, out=count)
        hits.append(np.flatnonzero(count <= NEAR_LOW_BITS))
    return np.concatenate(hits), np.repeat(np.arange(len(asked)), [len(rows) for rows in hits])


def _low(hashes: Hashes) -> NDArray[np.uint64]:
    return np.ascontiguousarray(hashes[:, _LOW]).view(np.uint64).ravel()
