"""The readable mark of a protected copy: laid on each picture after the cloak, and proved in the copy."""

from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.errors import OutputError
from unforge.report import MarkLaid

if TYPE_CHECKING:
    from unforge.trace.hand_out import Ink
    from unforge.trace.payload import MachinePayload

COMPARED, EVERY = 3, 10  # frames of a film in which the ink is looked for, and how far apart they stand
_STRONGER = "use a greater --mark-strength (12 at most)"

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose mark the copies bear, and where its keys lie; None where they usually do."""

    machine: int
    place: int
    strength: int | None
    ring: Path | None
    registry: Path | None

    def given_out(self) -> "tuple[Ink, MachinePayload]":
        """The ink and what it says; the registry, where there is one, is told that it was given out.

        Raises StoreError where there is no key ring or registry, UsageError for numbers out of range.
        """
        from unforge.cli._trace_stores import load_ring, registry_if_any
        from unforge.trace import mark
        from unforge.trace.hand_out import Ink
        from unforge.trace.payload import of_machine

        strength = mark.STRENGTH if self.strength is None else self.strength
        mark.check_strength(strength)
        now, keys = datetime.now(UTC), load_ring(self.ring)
        said = of_machine(self.machine, now, self.place)
        held = registry_if_any(self.registry)
        if held is not None:
            with closing(held):
                held.heartbeat(self.machine, keys.current().id, now, place=self.place)
        return Ink(said, keys, keys.current(), strength), said


@dataclass
class Marking:
    """The mark on its way into one file.

    compared: a few pictures before and after it was laid, by their number.
    """

    ink: "Ink"
    said: "MachinePayload"
    compared: dict[int, tuple[Picture, Picture]] = field(default_factory=dict)
    n_marked: int = 0
    chip_px: int = 0

    def finish(self, rgb: Picture) -> Picture:
        """A picture (H, W, 3) with the mark. Raises OutputError for one that is smaller than a tile of it."""
        from unforge.trace import mark

        inked = mark.picture(rgb, self.ink.chips(self._chip_px(rgb)), self.ink.strength)
        if self.n_marked % EVERY == 0 and len(self.compared) < COMPARED:
            self.compared[self.n_marked] = rgb, inked
        self.n_marked += 1
        return inked

    def proved(self, copy: Path, source: Path) -> MarkLaid:
        """The mark as it was found in a copy. Raises OutputError where too little of it is there."""
        from unforge.trace import mark, utc
        from unforge.trace.hand_out import _kept

        found = _pictures(copy, max(self.compared))
        shares = [
            _kept.kept(*pair, _sized(found[number], pair[0]), self.chip_px) for number, pair in self.compared.items()
        ]
        kept = float(np.mean(shares))
        # Half of a mark of the usual strength can still be read, whatever share of a stronger one that is.
        _kept.check(kept * self.ink.strength / mark.STRENGTH, source, f"{_STRONGER}, or protect and mark a PNG of it")
        time = utc.text(self.said.starts_at)
        return MarkLaid(self.said.machine, self.said.place or None, time, self.ink.key.id, round(kept, 4))

    def _chip_px(self, rgb: Picture) -> int:
        from unforge.trace.tile import CHIPS

        height, width = rgb.shape[:2]
        self.chip_px = self.ink.chip_px_of((width, height))
        side_px = CHIPS * self.chip_px
        if min(width, height) < side_px:
            expected = f"expected {side_px} x {side_px} px or more, got {width} x {height}"
            raise OutputError(f"the picture is too small for a whole mark: {expected}; leave out --mark")
        return self.chip_px


def _pictures(copy: Path, last: int) -> list[Picture]:
    """The pictures of a copy up to a number, not reduced."""
    from unforge.media.limits import MAX_PICTURE_PX
    from unforge.media.video import frames

    found: list[Picture] = []
    with closing(frames(copy, max_side_px=MAX_PICTURE_PX)) as shown:
        for frame in shown:
            found.append(frame.rgb)
            if len(found) > last:
                break
    return found


def _sized(rgb: Picture, like: Picture) -> Picture:
    """In the pixels of the file, where these are not square."""
    if rgb.shape == like.shape:
        return rgb
    return np.asarray(cv2.resize(rgb, (like.shape[1], like.shape[0]), interpolation=cv2.INTER_AREA), np.uint8)
