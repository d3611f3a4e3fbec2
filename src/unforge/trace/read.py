"""Reading the mark out of a photograph of a screen, with nothing told but the key ring.

What is said is as sure as it can be proved. The signs of the data chips come from a key and not from the picture, so
that in a picture without a mark (or under another key) the coded bits are fair coins, whatever the picture shows and
however the map was fitted. Then no message fits better than z = sum(+-llr) / sqrt(sum(llr^2)) with a probability of
more than N exp(-z^2 / 2) (Hoeffding, 1963, theorem 2, and the union bound), where N is how many messages there are and
how often it was tried. There are 2^58 that a key could have signed; a registry has fewer.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unforge.evidence import Evidence, Region, abstention
from unforge.exhibit import Exhibit
from unforge.media.image import read_image
from unforge.trace import _reasons
from unforge.trace import payload as payloads
from unforge.trace.keys import KeyRing
from unforge.trace.listen import Heard, listen, overlap, resized
from unforge.trace.registry import Owner, Registry
from unforge.trace.understand import Message, registered, signed, unsigned

QUESTION = "marked"
SOURCE = "trace-1"

Grade = Literal["confirmed", "probable", "inconclusive", "none"]
GRADES: tuple[Grade, ...] = ("confirmed", "probable", "inconclusive", "none")

MOST_SIDE_PX = 4096
LEAST_SIDE_PX = 320
CONFIRMED, PROBABLE = 1e-9, 1e-4  # probabilities of error
CLEAN = 0.1  # share of coded bits seen wrongly from which on another mark may lie over this one
COLOURLESS = 1.5  # grey levels between the colours of a grey copy, 99th percentile

OnProgress = Callable[[str, float], None]
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What was read off one screen, or why nothing was.

    error_probability: at most so often would a picture without this mark be read like this; None without a message.
    key: id of the key that signed it. outline_xy: (4, 2) where it was found, in pixels of the displayed picture.
    facts: figures for experts, with units in their names.
    """

    grade: Grade
    reason: str
    reason_zh: str
    error_probability: float | None = None
    payload: payloads.Payload | None = None
    key: str | None = None
    owner: Owner | None = None
    outline_xy: NDArray[np.float64] | None = None
    facts: Mapping[str, float | str] = field(default_factory=dict)


def read(
    path: Path | str,
    ring: KeyRing,
    registry: Registry | None = None,
    on_progress: OnProgress | None = None,
    *,
    around: Span | None = None,
) -> list[Reading]:
    """What the screens in a photograph say, one reading for each screen, the surest first; one where there is none.

    registry: tells who stands behind a message, and what could have been shown, which helps with bad photographs.
    around: when the photograph was taken at the earliest and at the latest, if that is known. on_progress: is told
    what is being done and the share of the work, in [0, 1]. Raises MediaError where the file cannot be read.
    """
    tell = on_progress or (lambda what, share: None)
    tell("decoding", 0.0)
    frame = read_image(path, MOST_SIDE_PX)
    readings = read_picture(frame.rgb, ring, registry, tell, around=around)
    return [_as_displayed(reading, frame.scale) for reading in readings]


def read_picture(
    rgb: NDArray[np.uint8],
    ring: KeyRing,
    registry: Registry | None = None,
    on_progress: OnProgress | None = None,
    *,
    around: Span | None = None,
) -> list[Reading]:
    """As `read`, of a picture (H, W, 3) that has been decoded."""
    tell = on_progress or (lambda what, share: None)
    if max(rgb.shape[:2]) < LEAST_SIDE_PX:
        return [Reading("inconclusive", *_reasons.too_small(rgb, LEAST_SIDE_PX))]
    grey = _is_grey(rgb)
    heard = listen(rgb, ring, grey, tell)
    tell("reading", 0.9)
    understood = [(one, _understood(one, ring, registry, around, 2 * len(heard))) for one in heard]
    readings = _once([(one, reading) for one, reading in understood if reading is not None])
    tell("reading", 1.0)
    return [_within(reading, rgb.shape[1], rgb.shape[0]) for reading in readings] or [_nothing(rgb, ring, grey)]


class Trace:
    """The examiner for the question "marked". Made with a key ring; the rest is that of `read`."""

    name = "trace"
    models: tuple[str, ...] = ()

    def __init__(self, ring: KeyRing, registry: Registry | None = None) -> None:
        self.ring, self.registry = ring, registry

    def examine(self, exhibit: Exhibit) -> Evidence:
        """Evidence for a mark; that none is found is an abstention, because a mark may be there and not be readable."""
        if exhibit.facts.kind != "image":
            return abstention(QUESTION, SOURCE, "Marks are read from pictures; this is a video.", {})
        best = read(exhibit.path, self.ring, self.registry)[0]
        facts = {**best.facts, "grade": best.grade, "note_zh": best.reason_zh}
        if best.grade in ("inconclusive", "none") or best.error_probability is None:
            return abstention(QUESTION, SOURCE, best.reason, facts)
        llr = -math.log(max(best.error_probability, 1e-12))
        return Evidence(QUESTION, SOURCE, llr, best.reason, (Region(0.0, 0.0, llr),), facts)


def _as_displayed(reading: Reading, scale: float) -> Reading:
    outline_xy = None if reading.outline_xy is None else reading.outline_xy * scale
    return replace(reading, outline_xy=outline_xy)


def _within(reading: Reading, width: int, height: int) -> Reading:
    """With an outline that does not leave the picture."""
    outline_xy = None if reading.outline_xy is None else np.clip(reading.outline_xy, 0.0, (width - 1.0, height - 1.0))
    return replace(reading, outline_xy=outline_xy)


def _once(readings: list[tuple[Heard, Reading]]) -> list[Reading]:
    """The surest first; what was found twice at one place is told once."""
    kept: list[tuple[Heard, Reading]] = []
    for heard, reading in sorted(readings, key=lambda pair: _rank(pair[1])):
        beneath = (told for other, told in kept if overlap(heard, other))
        if not any(reading.payload in (None, told.payload) for told in beneath):
            kept.append((heard, reading))
    return [reading for _, reading in kept]


def _rank(reading: Reading) -> tuple[int, float]:
    return GRADES.index(reading.grade), 1.0 if reading.error_probability is None else reading.error_probability


def _understood(
    heard: Heard, ring: KeyRing, registry: Registry | None, around: Span | None, attempts: int
) -> Reading | None:
    """The reading of one screen, None where it is no mark. attempts: decodings of the picture, all of which may err."""
    message = signed(heard, ring, attempts)
    if registry is not None and (message is None or message.errors > CLEAN or message.error_probability > CONFIRMED):
        span = around or registry.span()
        listed = [] if span is None else registered(heard, ring, registry, span, attempts)
        if len(listed) == 2 and all(one.error_probability <= PROBABLE for one in listed):
            return _unsure(_reasons.mixed(listed), heard)
        message = min([*listed, *([] if message is None else [message])], key=_error, default=None)
    if message is not None and message.error_probability <= PROBABLE:
        return _told(message, heard, registry)
    if not heard.is_mark:
        return None
    if unsigned(heard, attempts) <= CONFIRMED:
        return Reading("none", *_reasons.unsigned(_tried(ring)), outline_xy=heard.outline_xy, facts=_facts(heard))
    return _unsure(_reasons.UNREADABLE, heard)


def _unsure(why: _reasons.Said, heard: Heard) -> Reading:
    return Reading("inconclusive", *why, outline_xy=heard.outline_xy, facts=_facts(heard))


def _told(message: Message, heard: Heard, registry: Registry | None) -> Reading:
    facts = _facts(heard) | {"message_z": round(message.z, 2), "coded_errors_share": round(message.errors, 4)}
    chance, key_id = message.error_probability, message.key.id
    if message.key.revoked_at is not None:
        words = _reasons.revoked(message.key)
        return Reading("none", *words, chance, key=key_id, outline_xy=heard.outline_xy, facts=facts)
    owner = None if registry is None else registry.owner(message.payload, key_id)
    grade: Grade = "confirmed" if chance <= CONFIRMED else "probable"
    words = _reasons.read_out(message, owner)
    return Reading(grade, *words, chance, message.payload, key_id, owner, heard.outline_xy, facts)


def _nothing(rgb: NDArray[np.uint8], ring: KeyRing, grey: bool) -> Reading:
    """None where the picture could have shown a mark, inconclusive with the reason where it could not."""
    facts = {"keys_tried": _tried(ring), "carrier": "luma" if grey else "blue"}
    why = _reasons.unfit(rgb, grey)
    if why is not None:
        return Reading("inconclusive", *why, facts=facts)
    return Reading("none", *_reasons.nothing(_tried(ring)), facts=facts)


def _tried(ring: KeyRing) -> str:
    return ", ".join(key.id for key in ring.readable())


def _facts(heard: Heard) -> dict[str, float | str]:
    return {
        "tiles_aligned": float(len(heard.found.anchors)),
        "tile_z": round(heard.found.z, 2),
        "tiles": round(heard.tiles, 1),
        "chip_px": round(heard.chip_px, 2),
        "pilot_likeness": round(heard.likeness, 3),
    }


def _error(message: Message) -> float:
    return message.error_probability


def _is_grey(rgb: NDArray[np.uint8]) -> bool:
    small = resized(rgb, min(1.0, 600 / max(rgb.shape[:2]))).astype(np.int16)
    return float(np.percentile(small.max(axis=2) - small.min(axis=2), 99)) <= COLOURLESS
