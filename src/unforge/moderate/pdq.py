"""PDQ: 256 bits that stay what they are when a picture is saved anew, reduced or touched up, and its quality.

The picture in grey is averaged twice by a box, sampled on 64 by 64 points and turned into its 16 by 16 lowest cosines
without the constant; each bit says whether one of them lies above the median of all. Source: Facebook, "The TMK+PDQF
Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm" (2019), sections 2.2 to 2.8.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.errors import SchemaError, ShapeError

BITS = 256
MATCH_BITS = 31  # as far as two hashes of one picture may lie apart; the paper's choice, section 2.9
LEAST_QUALITY = 50  # flatter pictures have no hash to speak of; section 2.7

SIDE = 64
FREQUENCIES = 16

Floats = NDArray[np.float32]
Hashes = NDArray[np.uint8]  # (..., 32): most significant bit first, as in the published spelling


@dataclass(frozen=True, slots=True)
class Hash:
    """The hash of one picture. data: 32 bytes; quality: 0 for a flat picture to 100."""

    data: bytes
    quality: int

    @property
    def hex(self) -> str:
        """64 hexadecimal digits, as hashes are exchanged."""
        return self.data.hex()


def of(rgb: NDArray[np.uint8]) -> Hash:
    """The hash of a picture (H, W, 3) uint8."""
    points = sampled(grey(rgb))
    return Hash(bits(cosines(points)).tobytes(), quality(points))


def from_hex(text: str) -> bytes:
    """The 32 bytes of 64 hexadecimal digits. Raises SchemaError for anything else."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if len(data) * 8 != BITS:
        raise SchemaError(f"hash: expected {BITS // 4} hexadecimal digits, got {text[:80]!r}")
    return data


def grey(rgb: NDArray[np.uint8]) -> Floats:
    """(H, W) float32 in [0, 255]: luma. Raises ShapeError for anything but an RGB picture."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or not rgb.size:
        raise ShapeError("picture", expected="(H, W, 3) uint8", got=(rgb.shape, rgb.dtype))
    weights = np.array([[0.299, 0.587, 0.114]], np.float32)
    return np.asarray(cv2.transform(rgb.astype(np.float32), weights), np.float32)


def sampled(luma: Floats) -> Floats:
    """(64, 64) of (H, W): averaged twice by a box of a 128th of the side, then one pixel for each point."""
    height, width = luma.shape
    windows = tuple(-(-length // (2 * SIDE)) for length in (height, width))
    smooth = _box(_box(luma, windows), windows)
    rows, columns = (((np.arange(SIDE) + 0.5) * length / SIDE).astype(np.intp) for length in (height, width))
    return smooth[np.ix_(rows, columns)]


def quality(points: Floats) -> int:
    """0 to 100 by how much neighbours differ; steps below one hundredth of the range do not count."""
    steps = (np.trunc(np.diff(points, axis=axis) * (100 / 255)) for axis in (0, 1))
    return min(100, int(sum(float(np.abs(step).sum()) for step in steps) / 90))


def cosines(points: Floats) -> Floats:
    """(16, 16) of (64, 64): how much of each cosine lies in it; frequencies 1 to 16 half waves, rows are vertical."""
    basis = _basis()
    return np.asarray(basis @ points @ basis.T, np.float32)


def bits(found: Floats) -> Hashes:
    """(..., 32) uint8 of cosines (..., 16, 16): one bit each, whether it lies above their lower median."""
    flat = found.reshape(*found.shape[:-2], BITS)
    middle = np.partition(flat, BITS // 2 - 1, axis=-1)[..., BITS // 2 - 1, None]
    return np.packbits((flat > middle)[..., ::-1], axis=-1)


def signs(hashes: Hashes) -> Floats:
    """(..., 16, 16) of +1 and -1, the way back from `bits`."""
    ones = np.unpackbits(hashes, axis=-1)[..., ::-1].reshape(*hashes.shape[:-1], FREQUENCIES, FREQUENCIES)
    return ones.astype(np.float32) * 2 - 1


def dihedral(found: Floats) -> Floats:
    """(..., 8, 16, 16): the cosines of a picture, mirrored and turned in all eight ways, as it came first."""
    odd = np.where(np.arange(FREQUENCIES) % 2, 1, -1).astype(np.float32)  # half waves 1, 3, ... change their sign
    mirrored = [found, found * odd, found * odd[:, None], found * odd * odd[:, None]]
    return np.stack([*mirrored, *(np.swapaxes(one, -1, -2) for one in mirrored)], axis=-3)


DIHEDRAL = ("as is", "mirrored", "upside down", "turned 180", "transposed", "turned 90", "turned 270", "transversed")


def distances(one: Hashes | bytes, others: Hashes) -> NDArray[np.int64]:
    """(N,) how many bits of a hash differ from each of (N, 32)."""
    if isinstance(one, bytes):
        one = np.frombuffer(one, np.uint8)
    return np.asarray(np.bitwise_count(one ^ others).sum(axis=-1), np.int64)


@cache
def _basis() -> Floats:
    frequency, place = np.arange(1, FREQUENCIES + 1)[:, None], np.arange(SIDE)[None, :]
    waves = np.cos(np.pi / (2 * SIDE) * frequency * (2 * place + 1))
    return np.asarray(np.sqrt(2 / SIDE) * waves, np.float32)


def _box(luma: Floats, windows: Sequence[int]) -> Floats:
    """The mean over a box, at the margin over what of it lies in the picture."""
    height, width = windows
    anchor = ((width - 1) // 2, (height - 1) // 2)  # an even box reaches further to the right and down
    total = cv2.boxFilter(luma, -1, (width, height), anchor=anchor, normalize=False, borderType=cv2.BORDER_CONSTANT)
    counts = [_counts(length, window) for length, window in zip(luma.shape, windows, strict=True)]
    return np.asarray(total / (counts[0][:, None] * counts[1][None, :]), np.float32)


def _counts(length: int, window: int) -> Floats:
    place, before = np.arange(length), (window - 1) // 2
    first, last = np.maximum(place - before, 0), np.minimum(place - before + window, length)
    return (last - first).astype(np.float32)
