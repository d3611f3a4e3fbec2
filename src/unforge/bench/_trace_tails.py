"""How often noise looks like a message: the bound on false readings, checked on photographs.

The reader trusts that, under a key that a picture does not bear, no message fits the coded bits better than z with a
probability of more than exp(-z^2 / 2) (Hoeffding, Journal of the American Statistical Association 58, 1963, theorem 2).
Here pictures are read through maps under keys that are drawn at random, against messages drawn at random, and it is
counted how often z is passed. On unmarked photographs the map is drawn; on marked ones it is the true one, so that
every tile carries another key's message, as loud as can be.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unforge.bench._trace_shots import Picture, ring
from unforge.trace import align, despread, ecc
from unforge.trace.carrier import carrier
from unforge.trace.geometry import Anchor, Map
from unforge.trace.listen import listen, resized
from unforge.trace.search import SIDE_PX
from unforge.trace.tile import Pilot, Scramble

LEVELS = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
KEYS, MESSAGES = 60, 16  # drawn for every photograph
CHIP_PX = (4.0, 9.0)  # of drawn maps, on photographs about 2000 px wide


@dataclass(frozen=True, slots=True)
class Tail:
    """How many of `drawn` were as large as each of LEVELS."""

    passed: tuple[int, ...]
    drawn: int

    def __add__(self, other: "Tail") -> "Tail":
        return Tail(
            tuple(a + b for a, b in zip(self.passed, other.passed, strict=True)),
            self.drawn + other.drawn,
        )

    @classmethod
    def of(cls, z: NDArray[np.floating]) -> "Tail":
        return cls(tuple(int((z >= level).sum()) for level in LEVELS), int(z.size))


def bound(level: float) -> float:
    """The probability that the reader counts with."""
    return float(np.exp(-level * level / 2.0))


def unmarked(rgb: Picture, rng: np.random.Generator) -> Tail:
    """A picture without a mark, as if a screen had been found somewhere in it."""
    plane, pilot = carrier(rgb), Pilot(rng.bytes(16))
    return _under_other_keys(plane, _drawn_map((rgb.shape[1], rgb.shape[0]), rng), pilot, rng)


def marked(rgb: Picture, rng: np.random.Generator) -> Tail | None:
    """A marked picture of the measurements' ring under other keys; None where its screen is not found."""
    found = [one for one in listen(rgb, ring(), False, lambda what, share: None) if one.is_mark]
    if not found:
        return None
    plane = carrier(resized(rgb, found[0].scale))
    return _under_other_keys(plane, found[0].found, Pilot(ring().pilot_seed().reveal()), rng)


def _under_other_keys(plane: NDArray[np.float32], rough: Map, pilot: Pilot, rng: np.random.Generator) -> Tail:
    _, folded = align.aligned(plane, rough, pilot)
    known = despread.known_chips(pilot)
    tile = despread.equalised(folded, known, despread.round_response(folded.values, known))
    words = ecc.encode(rng.integers(0, 2, (MESSAGES, ecc.N_BITS), np.uint8))
    z = [
        ecc.correlate(despread.coded_llr(tile, pilot, Scramble(rng.bytes(16)), half), words)
        for half in rng.choice((0, despread.HALF_TILE), KEYS)
    ]
    return Tail.of(np.concatenate(z))


def _drawn_map(photo_wh: tuple[int, int], rng: np.random.Generator) -> Map:
    """Somewhere a screen, turned at will and a little in perspective, over all of the picture."""
    turn, chips_per_px = rng.uniform(0.0, 2.0 * np.pi), 1.0 / rng.uniform(*CHIP_PX)
    homography = np.eye(3)
    homography[:2, :2] = chips_per_px * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    homography[2, :2] = rng.uniform(-0.1, 0.1, 2) / max(photo_wh)
    empty = Map(homography, (), max(photo_wh) / 2.0, np.array(photo_wh) / 2.0)
    places = [np.array([x, y], np.float64) for x in _spread(photo_wh[0]) for y in _spread(photo_wh[1])]
    anchors = tuple(Anchor(at, empty.chips(at[None])[0], empty.jacobian(at), 0.0) for at in places)
    return Map(homography, anchors, empty.scale_px, empty.middle_xy)


def _spread(side_px: int) -> NDArray[np.float64]:
    return np.linspace(SIDE_PX / 2.0, max(SIDE_PX / 2.0, side_px - SIDE_PX / 2.0), max(2, side_px // SIDE_PX))
