"""n-grams of the views of a text, hashed: what a linear classifier of texts adds up.

Weinberger et al. (2009): hashing needs no list of what there is, and a new spelling costs nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args
from zlib import crc32

from unforge.errors import UsageError
from unforge.moderate.traced import Traced

Unit = Literal["chinese", "character", "token"]
_RUNS: Mapping[str, re.Pattern[str]] = {
    "chinese": re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]+"),
    "character": re.compile("[^ ]+"),
    "token": re.compile(".+", re.DOTALL),
}
_TOKEN = re.compile("[^ ]+")


@dataclass(frozen=True, slots=True)
class Group:
    """n-grams of one view.

    unit: "chinese" for runs of Chinese characters, "character" for whatever blanks part, "token" for what stands
    between blanks. longest: n-grams of 1 to so many units. share: how much one counts in the fit beside other groups'.
    """

    view: str
    unit: Unit
    longest: int
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.unit not in get_args(Unit) or self.longest < 1 or not self.share > 0.0:
            raise UsageError(f"n-grams: expected a unit of {get_args(Unit)}, longest >= 1 and share > 0; got {self}")

    @property
    def name(self) -> str:
        return f"{self.view}/{self.unit}"

    def grams(self, seen: Traced) -> Iterator[tuple[str, int, int]]:
        """Every n-gram with the characters [start, end) of the view where it stands."""
        for run in _RUNS[self.unit].finditer(seen.text):
            units = self._units(run)
            for at in range(len(units)):
                for _, end in units[at : at + self.longest]:
                    yield seen.text[units[at][0] : end], units[at][0], end

    def _units(self, run: re.Match[str]) -> Sequence[tuple[int, int]]:
        if self.unit == "token":
            return [token.span() for token in _TOKEN.finditer(run.group())]
        return [(at, at + 1) for at in range(*run.span())]


@dataclass(frozen=True, slots=True)
class Found:
    """One n-gram that a text has: its slot, what it counts, and where it stands in the original, every time."""

    slot: int
    share: float
    places: tuple[tuple[int, int], ...]


def find(seen: Mapping[str, Traced], groups: Sequence[Group], slots: int) -> list[Found]:
    """Each n-gram of the groups once, in the order in which they come up; slots: how many there are to hash into."""
    found: dict[tuple[str, str], tuple[float, list[tuple[int, int]]]] = {}
    for group in groups:
        view = seen[group.view]
        for gram, start, end in group.grams(view):
            found.setdefault((group.name, gram), (group.share, []))[1].append(view.span(start, end))
    return [
        Found(crc32(f"{name}:{gram}".encode()) % slots, share, tuple(places))
        for (name, gram), (share, places) in found.items()
    ]
