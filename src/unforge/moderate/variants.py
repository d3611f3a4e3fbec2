"""Hashes of parts of a picture, all from one reduced copy, so that crops, frames, banners and turns hide nothing.

PDQ moves with the picture: a crop by a tenth of the side changes some 110 of its 256 bits. So beside the hash of what
is known those of two inner windows are kept, which lie whole in most crops, and whoever asks looks for them through
many windows: cut, shifted, turned, and each mirrored and turned in all eight ways. A window may be misplaced by three
hundredths of the side, and the lowest cosines still tell whom to look at; `alignment` then moves it until all bits fit.
Hashes of halves find a picture of which a banner hides the middle.
The cosines of a window are sums over the reduced copy, so that none is cut out: down @ copy @ across.T.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.moderate import pdq
from unforge.moderate.pdq import Floats, Hashes

SIDE = 128  # of the reduced copy
BORDER_LEVELS = 16  # a border of one colour strays no further, after JPEG
BORDER_SHARE = 0.98  # of the pixels of a row that must be of that colour
LEAST_BORDER = 0.03  # of a side, in all; the windows do without a thinner one
LEAST_LEFT = 0.3  # of a side: whatever has less inside of its border is no picture with a border


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a picture in shares of its sides; the picture is first turned by `turn_deg` around its middle."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0
    turn_deg: float = 0.0

    @classmethod
    def inner(cls, cut: float, turn_deg: float = 0.0) -> "Window":
        """What is left when each side loses a share."""
        return cls(cut, cut, 1.0 - cut, 1.0 - cut, turn_deg)


WHOLE = "whole"
BORDERLESS = ", without border"
INNER = {"inner 90 %": Window.inner(0.05), "inner 80 %": Window.inner(0.1)}
HALVES = {  # a little less, so that one of them is whole wherever a banner lies
    "upper part": Window(bottom=0.45),
    "lower part": Window(top=0.55),
    "left part": Window(right=0.45),
    "right part": Window(left=0.55),
}

NAMES = frozenset(name + where for name in (WHOLE, *INNER, *HALVES) for where in ("", BORDERLESS))


def _asked() -> tuple[Window, ...]:
    """Where an inner window of a known picture stands: in it, in frames around it, in crops and turned copies of it."""
    framed = [Window.inner(cut) for cut in (0.0, 0.03, 0.06, 0.09, 0.12, 0.15, 0.18)]
    turned = [Window.inner(cut, turn) for cut, turn in product((0.06, 0.1), (-5.0, -2.5, 2.5, 5.0))]
    spans = [
        ((0.1 - offset) / left, (0.9 - offset) / left)
        for left, offsets in ((1.0, (0.0,)), (0.95, (0.0, 0.05)), (0.9, (0.0, 1 / 30, 2 / 30, 0.1)))
        for offset in offsets
    ]
    cropped = [Window(left, top, right, bottom) for (left, right), (top, bottom) in product(spans, spans)]
    return (*framed, *turned, *cropped)


ASKED = _asked()


class Reduced:
    """A picture in grey on 128 by 128 points.

    luma: (H, W) float32. box: (x0, y0, x1, y1) in shares of the sides, where it lies in what it was trimmed from.
    """

    def __init__(self, luma: Floats, box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)) -> None:
        height, width = luma.shape
        self.aspect, self.box = width / height, box
        points = pdq.sampled(luma)
        self.quality = pdq.quality(points)
        self.whole = pdq.cosines(points)
        grown = cv2.resize(luma, (max(width, SIDE), max(height, SIDE)), interpolation=cv2.INTER_LINEAR)
        copy = np.asarray(cv2.resize(grown, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)
        self._turned: dict[float, Floats] = {0.0: copy - copy.mean()}

    def cosines(self, window: Window) -> Floats:
        """(16, 16) lowest cosines of a window, as `pdq.cosines`, up to a factor."""
        across, down = _basis(window.left, window.right), _basis(window.top, window.bottom)
        return np.asarray(down @ self._at(window.turn_deg) @ across.T, np.float32)

    def quality_of(self, window: Window) -> int:
        """As of a whole picture, which a window without a turn is taken for."""
        rows, columns = (
            slice(round(start * SIDE), round(end * SIDE))
            for start, end in ((window.top, window.bottom), (window.left, window.right))
        )
        part = cv2.resize(self._turned[0.0][rows, columns], (pdq.SIDE, pdq.SIDE), interpolation=cv2.INTER_AREA)
        return pdq.quality(np.asarray(part, np.float32))

    def _at(self, turn_deg: float) -> Floats:
        if turn_deg not in self._turned:
            self._turned[turn_deg] = _turn(self._turned[0.0], turn_deg, self.aspect)
        return self._turned[turn_deg]


def reduced(rgb: NDArray[np.uint8]) -> tuple[Reduced, ...]:
    """A picture (H, W, 3), and, where a border of one colour surrounds it, what lies inside. Raises ShapeError."""
    luma = pdq.grey(rgb)
    rows, columns = _inside(luma), _inside(luma.T)
    inside = luma[rows, columns]
    if inside.shape == luma.shape:
        return (Reduced(luma),)
    height, width = luma.shape
    box = columns.start / width, rows.start / height, columns.stop / width, rows.stop / height
    return Reduced(luma), Reduced(np.ascontiguousarray(inside), box)


def stored(of: Sequence[Reduced]) -> dict[str, bytes]:
    """What is kept of a picture, by name of the variant: 32 bytes each; a half without detail is left out."""
    found = {}
    for one, where in zip(of, ("", BORDERLESS), strict=False):
        found[WHOLE + where] = pdq.bits(one.whole).tobytes()
        halves = {name: window for name, window in HALVES.items() if one.quality_of(window) >= pdq.LEAST_QUALITY}
        for name, window in (INNER | halves).items():
            found[name + where] = pdq.bits(one.cosines(window)).tobytes()
    return found


def is_whole(name: str) -> bool:
    """Whether a variant is the published hash of all that there is."""
    return name.removesuffix(BORDERLESS) == WHOLE


def is_half(name: str) -> bool:
    """Whether a variant is looked for in halves alone."""
    return name.removesuffix(BORDERLESS) in HALVES


def asked(of: Reduced, halves: bool = False) -> Hashes:
    """(N, 8, 32) hashes, each in all eight ways: of the picture and the windows of ASKED, or of its halves."""
    found = [of.cosines(window) for window in (HALVES.values() if halves else ASKED)]
    return pdq.bits(pdq.dihedral(np.stack(found if halves else [of.whole, *found])))


def window_of(number: int, halves: bool = False) -> Window:
    """Which window `asked` gave at this place."""
    return (*HALVES.values(),)[number] if halves else (Window(), *ASKED)[number]


def _inside(luma: Floats) -> slice:
    """The rows between borders of one grey; all of them where the borders are thin or leave too little."""
    length = len(luma)
    most = int(length * (1.0 - LEAST_LEFT))
    first = next((n for n in range(most) if not _is_border(luma[n])), most)
    last = next((n for n in range(length, first, -1) if not _is_border(luma[n - 1])), first)
    border = length - (last - first)
    return slice(first, last) if LEAST_BORDER * length <= border <= most else slice(0, length)


def _is_border(row: Floats) -> bool:
    return bool((np.abs(row - np.median(row)) <= BORDER_LEVELS).mean() >= BORDER_SHARE)


@lru_cache(maxsize=512)
def _basis(start: float, end: float) -> Floats:
    """(16, 128): cosines that run from one share of the side to another, summed over each point of the copy."""
    frequency = np.arange(1, pdq.FREQUENCIES + 1)[:, None]
    places = np.clip((np.arange(SIDE + 1)[None, :] / SIDE - start) / (end - start), 0.0, 1.0)
    return np.asarray(np.diff(np.sin(np.pi * frequency * places) / (np.pi * frequency), axis=1), np.float32)


def _turn(copy: Floats, turn_deg: float, aspect: float) -> Floats:
    """The copy as it would be had the picture been turned in its own proportions."""
    cos, sin = np.cos(np.deg2rad(turn_deg)), np.sin(np.deg2rad(turn_deg))
    turn = np.array([[cos, sin / aspect], [-sin * aspect, cos]])
    middle = np.full(2, (SIDE - 1) / 2)
    matrix = np.column_stack([turn, middle - turn @ middle])
    return np.asarray(cv2.warpAffine(copy, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR), np.float32)
