"""The tile: what is repeated all over a screen.

A tile is 48 by 48 chips of +1 and -1 and carries a whole message. It is the majority of three fields: stripes along one
diagonal, stripes along the other, and data. Where the two stripe fields agree they have their way, which is half of the
area; in the other half the data stand alone. So the pilot and the data get half of the energy each, every pixel is at
full strength, and a reader who has found the stripes knows where to look for the data.

Stripes make the search cheap. Each field is a periodic signal along one direction; its harmonics lie on a line through
the origin of the spectrum, so that one direction and one spacing are tried with a few reads of a spectrum, whatever the
rotation, and the two directions are found one by one instead of together. Diagonals, because what screens show is made
of horizontal and vertical edges, and because people see oblique gratings worst (Campbell, Kulikowski & Levinson, 1966).

Coordinates (x, y) are counted in chips from the top left corner of a tile: u = x + y and v = x - y are constant along
the stripes. Adding half a tile to both changes neither; the data tell the two apart.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import shake_256

import numpy as np
from numpy.typing import NDArray

from unforge.errors import ShapeError

CHIPS = 48  # a side of the tile
STRIPES = 32  # of one and a half chips each, in a period of 48 along u and v
CODED_BITS = 240
CANDIDATES = 256  # sequences among which a key chooses the one with the flattest spectrum

Chips = NDArray[np.float32]


@dataclass(frozen=True)
class Pilot:
    """The two stripe sequences of a site. seed: secret bytes; who has none of them cannot look for the mark."""

    seed: bytes

    def __repr__(self) -> str:
        return "Pilot(****)"

    @cached_property
    def sequences(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Two balanced sequences (32,) of +1 and -1 with flat spectra."""
        return _flattest(self.seed + b" u"), _flattest(self.seed + b" v")

    def fields(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> tuple[Chips, Chips]:
        """Both stripe fields at points in chips, of any shape."""
        first, second = self.sequences
        return _along(first, x + y), _along(second, x - y)


@dataclass(frozen=True)
class Scramble:
    """Where on the tile each coded bit lies, and with which signs. seed: secret bytes of one key."""

    seed: bytes

    def __repr__(self) -> str:
        return "Scramble(****)"

    @cached_property
    def signs(self) -> Chips:
        """(48, 48) of +1 and -1."""
        drawn = np.frombuffer(shake_256(self.seed + b" signs").digest(CHIPS * CHIPS), np.uint8) & 1
        return (1.0 - 2.0 * drawn).reshape(CHIPS, CHIPS).astype(np.float32)

    @cached_property
    def places(self) -> NDArray[np.intp]:
        """(48, 48) which coded bit a chip carries."""
        drawn = np.frombuffer(shake_256(self.seed + b" places").digest(8 * CHIPS * CHIPS), "<u8")
        order = np.argsort(drawn, kind="stable")
        places = np.empty(CHIPS * CHIPS, np.intp)
        places[order] = np.arange(CHIPS * CHIPS) % CODED_BITS
        return places.reshape(CHIPS, CHIPS)

    def data(self, coded: NDArray[np.uint8]) -> Chips:
        """The chips (48, 48) of +1 and -1 that carry coded bits (240,)."""
        if coded.shape != (CODED_BITS,):
            raise ShapeError("coded", expected=f"({CODED_BITS},) bits", got=coded.shape)
        return np.asarray(self.signs * (2.0 * coded[self.places] - 1.0), np.float32)


def draw(coded: NDArray[np.uint8], pilot: Pilot, scramble: Scramble, chip_px: int) -> NDArray[np.int8]:
    """One tile (48 * chip_px, 48 * chip_px) of +1 and -1, made to be repeated without a seam."""
    if chip_px < 1:
        raise ShapeError("chip_px", expected="1 or more", got=chip_px)
    across = (np.arange(CHIPS * chip_px) + 0.5) / chip_px
    x, y = np.meshgrid(across, across)
    first, second = pilot.fields(x, y)
    data = np.kron(scramble.data(coded), np.ones((chip_px, chip_px), np.float32))
    return np.where(first == second, first, data).astype(np.int8)


def chip_px(ppi: float) -> int:
    """Pixels of a chip on a display of so many pixels per inch: 4.7 to 7 cycles per degree at 60 cm."""
    return max(3, round(ppi / 25.0))


def _along(sequence: NDArray[np.float64], position: NDArray[np.floating]) -> Chips:
    stripe = np.floor(position * (STRIPES / CHIPS) + 1e-9).astype(np.intp) % STRIPES
    return np.asarray(sequence[stripe], np.float32)


@lru_cache(maxsize=64)
def _flattest(seed: bytes) -> NDArray[np.float64]:
    drawn = np.frombuffer(shake_256(seed).digest(8 * STRIPES * CANDIDATES), "<u8").reshape(CANDIDATES, STRIPES)
    sequences = np.where(np.argsort(drawn, axis=1, kind="stable") < STRIPES // 2, 1.0, -1.0)
    power = np.abs(np.fft.rfft(sequences, axis=1)[:, 1:]) ** 2
    return np.asarray(sequences[int(np.argmin(power.max(axis=1) / power.mean(axis=1)))])
