"""Hashes in memory, searched for those that a picture comes near to.

Every hash that a picture asks for is held against all: first by the 64 lowest cosines, which bear a misplaced window,
then by all bits. How far apart two may lie depends on what was compared: the hashes as published; a window after it was
aligned, which brings its hash much nearer; a half as it is, in which less can differ.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unforge.moderate import alignment, pdq, variants
from unforge.moderate.pdq import Hashes
from unforge.moderate.variants import Reduced, Window

PLAIN_BITS = pdq.MATCH_BITS
ALIGNED_BITS = 22
HALF_BITS = 14
NEAR_LOW_BITS = 13  # of 64
NEAR_BITS = 80  # of 256; unrelated pictures lie about 128 apart
MOST_ALIGNED = 12  # pictures, the nearest ones: bounds the time

_LOW = slice(31, 15, -2)  # bytes of the cosines 1 to 8 both ways


@dataclass(frozen=True, slots=True)
class Found:
    """A known picture that lies near.

    picture: as the index numbers them. row: which of its hashes. distance_bits: as compared. limit_bits: how far apart
    two of one picture may lie. window: where in the picture asked about. way: one of pdq.DIHEDRAL, what was done to the
    known one.
    """

    picture: int
    row: int
    distance_bits: int
    limit_bits: int
    window: Window
    way: str

    @property
    def share(self) -> float:
        """Of the limit: a match is 1 at most."""
        return self.distance_bits / self.limit_bits

    @property
    def matches(self) -> bool:
        return self.distance_bits <= self.limit_bits


class Index:
    """hashes: (N, 32) uint8. pictures: (N,) which picture each belongs to. names: of the variants; see variants.py."""

    def __init__(self, hashes: Hashes, pictures: NDArray[np.intp], names: Sequence[str]) -> None:
        self._hashes, self._pictures = hashes, pictures
        self._whole = np.array([variants.is_whole(name) for name in names], bool)
        halves = np.array([variants.is_half(name) for name in names], bool)
        self._rows = {half: np.flatnonzero(halves == half) for half in (False, True)}
        self._low = {half: _low(hashes[rows]) for half, rows in self._rows.items()}

    def __len__(self) -> int:
        return len(self._hashes)

    def near(self, of: Reduced) -> list[Found]:
        """The known pictures near one, the nearest first."""
        best: dict[int, Found] = {}
        aligned: set[int] = set()
        for start in self._starts(of):
            picture = int(self._pictures[start.row])
            if start.limit_bits == ALIGNED_BITS:
                is_found = picture in best and best[picture].matches
                if is_found or picture in aligned or len(aligned) == MOST_ALIGNED:
                    continue
                aligned.add(picture)
            found = self._compared(of, start)
            if picture not in best or found.share < best[picture].share:
                best[picture] = found
        return sorted(best.values(), key=lambda one: (one.share, one.picture))

    def _compared(self, of: Reduced, start: "_Start") -> Found:
        window, distance = start.window, start.distance_bits
        if start.limit_bits == ALIGNED_BITS:
            fit = alignment.align(of, window, start.way, self._hashes[start.row])
            window, distance = fit.window, fit.distance_bits
        way = pdq.DIHEDRAL[alignment.INVERSE[start.way]]
        return Found(int(self._pictures[start.row]), start.row, distance, start.limit_bits, window, way)

    def _starts(self, of: Reduced) -> "list[_Start]":
        """Pairs of hashes that are near: whole ones, halves, then those to be aligned; of each the nearest first."""
        starts = [start for half in self._rows for start in self._near(of, half)]
        order = (PLAIN_BITS, HALF_BITS, ALIGNED_BITS)
        return sorted(starts, key=lambda one: (order.index(one.limit_bits), one.distance_bits, one.row, one.way))

    def _near(self, of: Reduced, half: bool) -> "Iterator[_Start]":
        asked = variants.asked(of, half).reshape(-1, pdq.BITS // 8)
        places, numbers = _pairs(self._low[half], _low(asked))
        rows = self._rows[half][places]
        distances = np.bitwise_count(self._hashes[rows] ^ asked[numbers]).sum(axis=1, dtype=np.intp)
        for n in np.flatnonzero(distances <= NEAR_BITS):
            row, (number, way) = int(rows[n]), divmod(int(numbers[n]), len(pdq.DIHEDRAL))
            window, is_window = variants.window_of(number, half), number > 0 or not self._whole[row]
            limit = HALF_BITS if half else ALIGNED_BITS if is_window else PLAIN_BITS
            yield _Start(row, int(distances[n]), limit, window, way)


@dataclass(frozen=True, slots=True)
class _Start:
    """A known hash that is near one that was asked for."""

    row: int
    distance_bits: int
    limit_bits: int
    window: Window
    way: int


def gathered(stored: Sequence[Mapping[str, bytes]]) -> Index:
    """An index over what `variants.stored` gave of some pictures, in their order."""
    data = b"".join(one for of in stored for one in of.values())
    hashes = np.frombuffer(data, np.uint8).reshape(-1, pdq.BITS // 8)
    names = [name for of in stored for name in of]
    return Index(hashes, np.repeat(np.arange(len(stored)), [len(of) for of in stored]), names)


def _pairs(known: NDArray[np.uint64], asked: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
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
