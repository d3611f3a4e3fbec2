"""Files are marked before they are handed out: one file here is one way to put ink on them.

A copy is written; the original is only read. Then the copy is read back and held against the original: what has
changed must be the ink. A copy that does not carry enough of it is not left behind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from unforge.errors import MediaError
from unforge.media import copies
from unforge.plugins import Registry
from unforge.trace import mark as mark_
from unforge.trace.keys import Key, KeyRing
from unforge.trace.payload import Payload

Progress = Callable[[float], None]

CHIP_PX = 4  # on a screen of 100 pixels per inch
SCREEN_PX = 1920  # the width of the screen on which larger pictures are shown reduced


@dataclass(frozen=True, slots=True)
class Ink:
    """What is put on a file: a payload signed by a key of the ring.

    chip_px: side of a chip in pixels of the file; None for the one that is CHIP_PX where the file is usually shown.
    """

    said: Payload
    ring: KeyRing
    key: Key
    strength: int = mark_.STRENGTH
    chip_px: int | None = None

    def chips(self, chip_px: int) -> mark_.Tile:
        """The tile with chips of that size."""
        return mark_.tile_of(self.said, self.ring, self.key, chip_px)

    def chip_px_of(self, size_wh: tuple[int, int]) -> int:
        """A picture that is wider or higher than a screen is shown reduced; its chips are larger by as much."""
        return self.chip_px or max(CHIP_PX, round(CHIP_PX * max(size_wh) / SCREEN_PX))


@dataclass(frozen=True, slots=True)
class Written:
    """A marked copy.

    kept: how much of the ink was found when it was read back: 1.0 is all, 0.0 nothing. chip_px: side of a chip in
    pixels of the file. notes: sentences on what is not as in the original, the mark apart.
    """

    path: Path
    kept: float
    chip_px: int
    notes: tuple[str, ...] = ()


class Form(Protocol):
    """What every way offers."""

    SUFFIXES: tuple[str, ...]  # of its files, in lower case, e.g. (".png",)

    def mark(self, source: Path, target: Path, ink: Ink, on_progress: Progress) -> Written:
        """Write a marked copy and read it back. on_progress: gets the share that is done, from 0 to 1."""
        ...


_REGISTRY = Registry(__name__, __path__, "format of marked files")
available = _REGISTRY.available


def load(name: str) -> Form:
    """The format called `name`; raises UnknownName with the choices."""
    return cast(Form, _REGISTRY.module(name))


def mark(source: Path | str, target: Path | str, ink: Ink, on_progress: Progress = lambda done: None) -> Written:
    """Write a marked copy of a picture, a PDF document or a video.

    target: another file, with the same suffix as the source. Raises MediaError for a file that cannot be read or is of
    no format that can be marked, OutputError where the copy cannot be written, would lose something, or does not carry
    the mark, and UsageError for a strength out of range, another suffix, and a target that is the source itself.
    """
    source, target = Path(source), Path(target)
    mark_.check_strength(ink.strength)
    copies.check_target(source, target)
    return _form_of(source).mark(source, target, ink, on_progress)


def suffixes() -> tuple[str, ...]:
    """The endings of all files that can be marked, sorted."""
    return tuple(sorted(suffix for name in available() for suffix in load(name).SUFFIXES))


def _form_of(source: Path) -> Form:
    for form in map(load, available()):
        if source.suffix.lower() in form.SUFFIXES:
            return form
    message = f"files like this cannot be marked; expected one that ends in {', '.join(suffixes())}"
    raise MediaError(message, code="not_media", path=source)
