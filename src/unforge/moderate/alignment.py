"""How a window must be moved so that its hash becomes a known one.

Each known bit says on which side of the median a cosine must lie. The cosines hardly bend while the window moves by a
hundredth, so the move that puts most of them right is that of a logistic regression on their slopes; a few rounds of
it, each from where the last one ended, settle left, top, right, bottom and the turn. Five numbers cannot bend 256 bits:
a picture of something else stays as far away as it was.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from unforge.moderate import pdq
from unforge.moderate.pdq import Hashes
from unforge.moderate.variants import Reduced, Window

ROUNDS = 4
NEWTON_STEPS = 6
PROBE = 0.004  # of the side: over which slopes are measured
REACH = 0.04  # of the side, in one round
DEGREES = 60.0  # a turn that moves the middle of a side about as far as a step of 1
OUTSIDE = 0.05  # as far as a window may reach beyond the picture
SOFTNESS = 0.5  # in median cosines: how far from the median a bit counts as settled
RIDGE = 10.0

INVERSE = (0, 1, 2, 3, 4, 6, 5, 7)  # which of the eight ways undoes each


@dataclass(frozen=True, slots=True)
class Alignment:
    """distance_bits: between the known hash and the one of `window`."""

    window: Window
    distance_bits: int


def align(picture: Reduced, start: Window, way: int, known: Hashes) -> Alignment:
    """The best window near `start`, whose hash in one of the eight ways is to become `known` (32,)."""
    wanted = pdq.dihedral(pdq.signs(known))[INVERSE[way]].ravel()
    window, best = start, Alignment(start, pdq.BITS)
    for left in reversed(range(ROUNDS + 1)):
        cosines = _centred(picture, window)
        distance = int(((cosines > 0) != (wanted > 0)).sum())
        if distance < best.distance_bits:
            best = Alignment(window, distance)
        if left:
            window = _moved(window, _move(cosines, _slopes(picture, window, cosines), wanted))
    return best


def _centred(picture: Reduced, window: Window) -> NDArray[np.float64]:
    cosines = picture.cosines(window).ravel().astype(np.float64)
    return np.asarray(cosines - np.partition(cosines, pdq.BITS // 2 - 1)[pdq.BITS // 2 - 1], np.float64)


def _slopes(picture: Reduced, window: Window, cosines: NDArray[np.float64]) -> NDArray[np.float64]:
    """(256, 5): change of each cosine with each of the five numbers."""
    return np.stack([(_centred(picture, _moved(window, PROBE * axis)) - cosines) / PROBE for axis in np.eye(5)], axis=1)


def _move(
    cosines: NDArray[np.float64], slopes: NDArray[np.float64], wanted: NDArray[np.float32]
) -> NDArray[np.float64]:
    """(5,) in shares of the side: the maximum of the logistic likelihood of the wanted signs, by Newton's way."""
    soft = SOFTNESS * float(np.median(np.abs(cosines))) + 1e-9
    margins, pulls = wanted * cosines / soft, wanted[:, None] * slopes / soft
    move = np.zeros(5)
    for _ in range(NEWTON_STEPS):
        wrong = expit(-(margins + pulls @ move))
        bend = pulls.T @ (pulls * (wrong * (1.0 - wrong))[:, None]) + RIDGE * np.eye(5)
        move = np.clip(move + np.linalg.solve(bend, pulls.T @ wrong - RIDGE * move), -REACH, REACH)
    return move


def _moved(window: Window, move: NDArray[np.float64]) -> Window:
    sides = np.array([window.left, window.top, window.right, window.bottom]) + move[:4]
    left, top, right, bottom = np.clip(sides, -OUTSIDE, 1.0 + OUTSIDE).tolist()
    return Window(left, top, right, bottom, window.turn_deg + DEGREES * float(move[4]))
