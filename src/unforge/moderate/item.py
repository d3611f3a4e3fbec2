"""What is reviewed: a file or a text, with what can be read off it, each thing at most once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge.evidence import Evidence, Region
from unforge.media.frame import Frame
from unforge.media.probe import MediaFacts, look
from unforge.media.video import frames

STILL_SIDE_PX = 1280  # longer pictures are looked at reduced
LOOK_RATE_HZ = 1.0  # of a film
MOST_STILLS = 60  # of a film; a longer one is looked at less often


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """One look at a picture or a film.

    time_s: on the clock of the film, 0 for a picture. rgb: (H, W, 3) uint8. scale: displayed px per px of `rgb`.
    """

    time_s: float
    rgb: NDArray[np.uint8]
    scale: float = 1.0

    def box_px(self, x0: float, y0: float, x1: float, y1: float) -> tuple[int, int, int, int]:
        """A box on `rgb` as a box in the displayed picture."""
        left, top = int(np.floor(x0 * self.scale)), int(np.floor(y0 * self.scale))
        return left, top, int(np.ceil(x1 * self.scale)), int(np.ceil(y1 * self.scale))


@dataclass(frozen=True, slots=True)
class Piece:
    """Where a part of a passage stands in the picture. start_char, end_char: the part; box_px: in the displayed one."""

    start_char: int
    end_char: int
    box_px: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that came in or was read off a picture. origin: "text", "ocr" or "code"; pieces: empty for a text."""

    text: str
    origin: str = "text"
    time_s: float = 0.0
    pieces: tuple[Piece, ...] = ()

    def region(self, start_char: int, end_char: int, llr: float = 0.0) -> Region:
        """The place of some characters: offsets in the text as it came in, and the box where it stands in a picture."""
        boxes = [one.box_px for one in self.pieces if one.start_char < end_char and start_char < one.end_char]
        box_px = None
        if boxes:
            x0, y0, x1, y1 = np.array(boxes).T
            box_px = int(x0.min()), int(y0.min()), int(x1.max()), int(y1.max())
        facts = {"start_char": float(start_char), "end_char": float(end_char)}
        return Region(self.time_s, self.time_s, llr, box_px=box_px, facts=facts)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read off the stills of an item.

    passages: one for each still on which something stands. twice: how alike two readings of the same still are, in
    [0, 1], the least of all stills, where anything was read; None where nothing was. missing: why nothing could be
    read at all, e.g. that the library is not there; empty where reading worked.
    """

    passages: tuple[Passage, ...] = ()
    twice: float | None = None
    missing: str = ""


@dataclass
class Item:
    """One thing to decide on: a file, a text, or a file with its caption.

    name: whatever the sender's system calls it. path: the file. text: the text that came along. context: where it was
    posted, a word of the policy. handed: evidence that came from outside, e.g. of `examination`.
    What it shows raises MediaError where the file cannot be read.
    """

    name: str
    path: Path | None = None
    text: str | None = None
    context: str = ""
    handed: Sequence[Evidence] = ()
    _given: tuple[Still, ...] | None = field(default=None, repr=False)

    @classmethod
    def of_picture(cls, rgb: NDArray[np.uint8], name: str = "picture", text: str | None = None) -> "Item":
        """A picture (H, W, 3) uint8 that is in memory already, e.g. in a measurement."""
        return cls(name, text=text, _given=(Still(0.0, rgb),))

    @property
    def has_picture(self) -> bool:
        return self.path is not None or self._given is not None

    @cached_property
    def _look(self) -> tuple[MediaFacts | None, Frame | None]:
        return (None, None) if self.path is None else look(self.path, STILL_SIDE_PX)

    @property
    def facts(self) -> MediaFacts | None:
        """What the file is; None where there is none."""
        return self._look[0]

    @cached_property
    def stills(self) -> tuple[Still, ...]:
        """The picture, or looks at the film evenly over its length; empty for a text."""
        if self._given is not None:
            return self._given
        facts, frame = self._look
        if frame is not None:
            return (Still(0.0, frame.rgb, frame.scale),)
        if self.path is None or facts is None:
            return ()
        lasts_s = facts.duration_s or 0.0
        rate_hz = min(LOOK_RATE_HZ, MOST_STILLS / max(lasts_s, 1.0))
        with frames(self.path, rate_hz=rate_hz, max_side_px=STILL_SIDE_PX) as source:
            return tuple(Still(one.time_s, one.rgb, one.scale) for one in islice(source, MOST_STILLS))

    @cached_property
    def reading(self) -> Reading:
        """What stands on the stills, read twice."""
        from unforge.moderate import reading

        return reading.read(self.stills)

    @cached_property
    def codes(self) -> tuple[Passage, ...]:
        """What the QR and bar codes on the stills say, each with its box."""
        from unforge.moderate import codes

        return codes.read(self.stills)

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """Every text of the item: what came along, what codes say, what was read."""
        came = () if self.text is None else (Passage(self.text),)
        return (*came, *self.codes, *self.reading.passages) if self.has_picture else came
