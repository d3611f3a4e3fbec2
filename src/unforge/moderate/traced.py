"""A text whose characters know which characters of the original they stand for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traced:
    """A text as some view shows it.

    starts, ends: for each character of `text` the stretch [start, end) of the original that it stands for, in
    characters. A character may stand for several, several for one, and views that repeat or sort need not keep order.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, original: str) -> "Traced":
        """The original itself."""
        return cls(original, tuple(range(len(original))), tuple(range(1, len(original) + 1)))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the original behind the characters [start, end), which must not be empty."""
        return min(self.starts[start:end]), max(self.ends[start:end])

    def each(self, change: Callable[[str], str]) -> "Traced":
        """Every character replaced by whatever `change` makes of it; nothing drops it."""
        return self.rewritten((at, at + 1, change(character)) for at, character in enumerate(self.text))

    def rewritten(self, pieces: Iterable[tuple[int, int, str]]) -> "Traced":
        """The text made of `pieces` (start, end, what is written there), each standing for its stretch of this text.

        What no piece names is left out. What a piece leaves as it was stands for what it stood for, each character by
        itself.
        """
        written: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        for start, end, piece in pieces:
            written.append(piece)
            if piece == self.text[start:end]:
                starts += self.starts[start:end]
                ends += self.ends[start:end]
            elif piece:
                first, last = self.span(start, end)
                starts += [first] * len(piece)
                ends += [last] * len(piece)
        return Traced("".join(written), tuple(starts), tuple(ends))
