"""An original beside its protected copy: the pictures in which both are compared, and what programs do with them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unforge.errors import NotApplicable, UsageError
from unforge.report import Box, Judged, Measured, Outcome, ProtectionImage, Trial

if TYPE_CHECKING:
    from unforge.protect.judge import Cell, Judgement
    from unforge.protect.targets import Target
    from unforge.protect.ways import Channel

OF_REPORT = ("as saved", "JPEG 75", "half size")  # channels of the short trial
ATTACKED = ("as saved", "JPEG 75")  # channels after which attackers are tried, as in bench
FRAMES_OF_FILM = 3  # that are judged
CLOSEST_HZ = 2.0
SAME_TIME_S = 0.001
FACE_MARGIN = 1.9  # side of the close-up in a report, over the longer side of the face
MOST_SIDE_PX = 4096

Picture = NDArray[np.uint8]
Mesh = NDArray[np.float32]
Tell = Callable[[str, float], None]
Outcomes: tuple[Outcome, ...] = ("stopped", "partly", "not_stopped", "by_chance", "nothing")


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A moment of both. before, after: (H, W, 3). meshes_px: of the faces that can be protected. scale: displayed
    pixels per pixel. time_s: of a film, else None.
    """

    before: Picture
    after: Picture
    meshes_px: tuple[Mesh, ...]
    scale: float
    time_s: float | None

    def image(self) -> ProtectionImage:
        """As a report shows it."""
        from unforge.protect import cloak

        boxes = tuple(whole(cloak.box(mesh)) for mesh in self.meshes_px)
        face = _around(boxes[0], self.before) if boxes else _middle(self.before)
        return ProtectionImage(self.before, self.after, face, boxes, self.time_s)


def looks(original: Path, protected: Path, most: int = 1) -> tuple[Look, ...]:
    """Pictures in which both are compared: the only one of a still; of a film, frames with faces, spread over it.

    Of a still, also without a face. Raises MediaError where one of both cannot be read, UsageError where they are not
    of one kind, size and time.
    """
    from unforge.media.probe import probe

    facts = probe(original), probe(protected)
    if facts[0].kind != facts[1].kind or facts[0].size_wh != facts[1].size_wh:
        told = " and ".join(f"a {one.kind} of {one.size_wh[0]} x {one.size_wh[1]} px" for one in facts)
        raise UsageError(f"expected an original and its protected copy, of one kind and size; got {told}")
    if facts[0].kind == "image":
        return (_still(original, protected),)
    spread_hz = 2 * most / max(facts[0].duration_s or 0.0, 2 * most / CLOSEST_HZ)
    return tuple(_frames(original, protected, spread_hz, most))


def judged(seen: Sequence[Look], targets: "Sequence[Target]", tell: Tell, *, briefly: bool) -> Judged:
    """What targets do with the protected pictures, beside the control.

    briefly: three channels and no attacker; else every channel, and every attacker after two of them. Raises
    NotApplicable where there is no face.
    """
    from unforge.protect.judge import Pair, judge, merged
    from unforge.protect.ways import ATTACKERS, CHANNELS, NOBODY

    pairs = [Pair(one.before, one.after, one.meshes_px) for one in seen if one.meshes_px]
    if not pairs:
        raise NotApplicable("no face was seen in the original, so that there is nothing to judge")
    nobody = [one for one in ATTACKERS if one.name == NOBODY]
    others = [one for one in ATTACKERS if one.name != NOBODY]
    if briefly:
        ways = [(channel, nobody) for channel in _named(CHANNELS, OF_REPORT)]
    else:
        ways = [(channel, nobody) for channel in CHANNELS]
        ways += [(channel, others) for channel in _named(CHANNELS, ATTACKED)]
    found: list[Judgement] = []
    for pair in pairs:
        for channel, attackers in ways:
            tell(f"judging: {channel.name}", len(found) / (len(pairs) * len(ways)))
            found.append(judge([pair], targets, [channel], attackers))
    return told(merged(_once_for_each(found, len(ways))))


def _once_for_each(found: "Sequence[Judgement]", n_ways: int) -> "Iterator[Judgement]":
    """Quality does not depend on the way and counts once for each pair."""
    from unforge.protect.judge import Judgement

    for n, one in enumerate(found):
        yield one if n % n_ways == 0 else Judgement(one.cells, ())


def _named(channels: "Sequence[Channel]", names: Sequence[str]) -> "list[Channel]":
    return [one for one in channels if one.name in names]


def told(judgement: "Judgement") -> Judged:
    """A judgement as plain values."""
    from unforge.protect.statement import statement

    quality = {name: found.value for name, found in judgement.rows().get("quality", {}).items()}
    return Judged(
        faces=max((len(cell.cloak) for cell in judgement.cells), default=0),
        trials=tuple(map(_trial, judgement.cells)),
        quality={name: _rounded(value) for name, value in quality.items()},
        statement={"en": statement(judgement, "en"), "zh": statement(judgement, "zh")},
    )


def _trial(cell: "Cell") -> Trial:
    from unforge.protect.statement import outcome
    from unforge.protect.ways import ATTACKERS, CHANNELS

    channel = next(one for one in CHANNELS if one.name == cell.channel)
    attacker = next(one for one in ATTACKERS if one.name == cell.attacker)
    figures = {
        name: Measured(_rounded(found.value), _rounded(found.low), _rounded(found.high), found.n)
        for name, found in cell.figures().items()
    }
    return Trial(
        target=cell.target,
        kind=cell.kind,
        trained_here=cell.is_trained_here,
        held_out=cell.held_out,
        channel=(channel.name, channel.chinese),
        attacker=(attacker.english, attacker.chinese),
        outcome=Outcomes[outcome(cell)] if cell.cloak or not cell.unreached else "unreached",
        stopped=_rounded(cell.stopped.value),
        stopped_by_random=_rounded(cell.stopped_by_random.value),
        figures=figures,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _still(original: Path, protected: Path) -> Look:
    from unforge.media.image import read_image

    before, after = read_image(original, MOST_SIDE_PX), read_image(protected, MOST_SIDE_PX)
    return _look(before.rgb, after.rgb, before.scale, None)


def _frames(original: Path, protected: Path, rate_hz: float, most: int) -> Iterator[Look]:
    from unforge.media.video import frames

    n_found = 0
    with closing(frames(original, rate_hz=rate_hz)) as before, closing(frames(protected, rate_hz=rate_hz)) as after:
        for one, other in zip(before, after, strict=False):
            if abs(one.time_s - other.time_s) > SAME_TIME_S:
                got = f"{one.time_s:.3f} s and {other.time_s:.3f} s"
                raise UsageError(f"expected the frames of both films at the same times; got {got}")
            look = _look(one.rgb, other.rgb, one.scale, one.time_s)
            if look.meshes_px:
                yield look
                n_found += 1
            if n_found == most:
                return


def _look(before: Picture, after: Picture, scale: float, time_s: float | None) -> Look:
    from unforge.protect import cloak

    return Look(before, after, cloak.faces(before).meshes_px, scale, time_s)


def whole(box: NDArray[np.float32]) -> Box:
    """A box (4,) xyxy in whole pixels."""
    x0, y0, x1, y1 = (round(float(value)) for value in box)
    return x0, y0, x1, y1


def _around(box: Box, rgb: Picture) -> Box:
    x0, y0, x1, y1 = box
    return _square((x0 + x1) / 2.0, (y0 + y1) / 2.0, FACE_MARGIN * max(x1 - x0, y1 - y0), rgb)


def _middle(rgb: Picture) -> Box:
    height, width = rgb.shape[:2]
    return _square(width / 2.0, height / 2.0, min(height, width) / 2.0, rgb)


def _square(x: float, y: float, side: float, rgb: Picture) -> Box:
    """A square around a place, moved into the picture as far as it fits."""
    height, width = rgb.shape[:2]
    side_px = min(round(side), height, width)
    left = min(max(round(x - side_px / 2.0), 0), width - side_px)
    top = min(max(round(y - side_px / 2.0), 0), height - side_px)
    return left, top, left + side_px, top + side_px
