"""Copies of files whose pixels are changed and in which everything else stays: one file here is one format.

The original is only read. The copy is read back and held against it: the change must be in the pixels, and the copy
must tell what the original tells beside them (EXIF, XMP, colour profile, credentials, texts, sound, subtitles, times,
rotation, tags). A copy that has lost something of it is not left behind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from unforge.errors import MediaError, OutputError, ShapeError, UsageError
from unforge.media.probe import MediaFacts, probe
from unforge.plugins import Registry

Picture = NDArray[np.uint8]
Progress = Callable[[float], None]

CRF = 18  # of H.264; hardly to be told from the original
_WORST_CRF = 51


def projected(before: Picture, after: Picture, found: Picture) -> float:
    """The share of a change that is found again: what has changed, projected on what should have.

    before, after, found: (H, W, 3). What coding adds is hardly correlated with the change and falls out. 1.0 where
    nothing should have changed.
    """
    wanted = after.astype(np.float32) - before
    energy = float(np.vdot(wanted, wanted))
    return 1.0 if energy <= 0.0 else float(np.vdot(found.astype(np.float32) - before, wanted)) / energy


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to the pixels of a file.

    apply: from a picture (H, W, 3) uint8 and its time in seconds to the changed picture of the same shape. The picture
    stands upright as displayed, has the pixels of the file (they need not be square) and must not be written to. Times
    count from the start of the film, as those of `media.video` do; a still picture has 0.0. It is called once for each
    picture, in the order in which they are shown.

    kept: the share of the change that the copy holds, from the picture before, after, and as read back from the copy,
    all upright. It is not asked for pictures that did not change.
    """

    apply: Callable[[Picture, float], Picture]
    kept: Callable[[Picture, Picture, Picture], float] = projected
    enough: float = 0.5  # a copy that holds a smaller share is not left behind
    only_blue: bool = False  # nothing but blue changes: brightness is coded as in the original, in videos left alone
    crf: int = CRF  # of H.264, for videos: 0 is without loss
    name: str = "change"  # what it is called in messages
    remedy: str = "make the change stronger"  # what to do where too little of it is held

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= _WORST_CRF:
            raise UsageError(f"crf: expected 0 to {_WORST_CRF}, got {self.crf}")

    def applied(self, before: Picture, time_s: float = 0.0) -> Picture:
        """The picture after the change. Raises ShapeError where `apply` gives another shape or type."""
        given = before.view()
        given.flags.writeable = False
        after = self.apply(given, time_s)
        if after.shape != before.shape or after.dtype != np.uint8:
            got = f"{after.shape} {after.dtype}"
            raise ShapeError("changed picture", expected=f"{before.shape} uint8", got=got)
        return after

    def held(self, before: Picture, after: Picture, found: Picture) -> float:
        """The share of the change that is in `found`; 1.0 where there was nothing to be held."""
        return 1.0 if np.array_equal(before, after) else self.kept(before, after, found)

    def check(self, share: float, source: Path, or_else: str = "") -> None:
        """Raises OutputError where a copy holds too little. or_else: what also helps, in this format."""
        if share < self.enough:
            found = f"expected at least {self.enough:.0%} of it in the copy, found {max(share, 0.0):.0%}"
            raise OutputError(f"{source.name} does not carry the {self.name}: {found}; {self.remedy}{or_else}")


@dataclass(frozen=True, slots=True)
class Written:
    """A changed copy.

    kept: share of the change that was found when it was read back: 1.0 is all, 0.0 nothing. notes: sentences on what
    is not as in the original, the change apart.
    """

    path: Path
    kept: float
    notes: tuple[str, ...] = ()


class Form(Protocol):
    """What every format offers."""

    SUFFIXES: tuple[str, ...]  # of its files, in lower case, e.g. (".png",)

    def copy(self, source: Path, target: Path, change: Change, facts: MediaFacts, on_progress: Progress) -> Written:
        """Write a changed copy and read it back. on_progress: gets the share that is done, from 0 to 1."""
        ...


_REGISTRY = Registry(__name__, __path__, "format of copies")
available = _REGISTRY.available


def load(name: str) -> Form:
    """The format called `name`; raises UnknownName with the choices."""
    return cast(Form, _REGISTRY.module(name))


def suffixes() -> tuple[str, ...]:
    """The endings of all files that can be copied with a change, sorted."""
    return tuple(sorted(suffix for name in available() for suffix in load(name).SUFFIXES))


def copy(
    source: Path | str,
    target: Path | str,
    change: Change,
    on_progress: Progress = lambda done: None,
    *,
    facts: MediaFacts | None = None,
) -> Written:
    """Write a copy of a picture or a video with changed pixels.

    target: another file, with the same suffix as the source. facts: of the source, where they are known; else it is
    probed. Raises MediaError for a file that cannot be read or is of no format that can be copied, OutputError where
    the copy cannot be written, would lose something, or does not hold the change, and UsageError for another suffix and
    for a target that is the source itself.
    """
    source, target = Path(source), Path(target)
    check_target(source, target)
    form = _form_of(source)
    # Whatever breaks a decoder breaks it in the probe, which runs in a process of its own.
    return form.copy(source, target, change, facts or probe(source), on_progress)


def check_target(source: Path, target: Path) -> None:
    """Raises UsageError for a target with another suffix, and for one that is the source itself."""
    if target.suffix.lower() != source.suffix.lower():
        raise UsageError(f"target: expected a name that ends in {source.suffix}, got {target.name}")
    if target.exists() and source.exists() and target.samefile(source):
        raise UsageError(f"{source}: the copy would take the place of the original; choose another folder")


def _form_of(source: Path) -> Form:
    for form in map(load, available()):
        if source.suffix.lower() in form.SUFFIXES:
            return form
    message = f"files like this cannot be changed; expected one that ends in {', '.join(suffixes())}"
    raise MediaError(message, code="not_media", path=source)
