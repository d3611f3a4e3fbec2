"""What the checks of pictures say, as protocols count it."""

import time
from collections.abc import Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from unforge.bench.record import Value
from unforge.evidence import Evidence
from unforge.moderate import checks
from unforge.moderate.checks import Setup
from unforge.moderate.item import Item

COST = "ms on one core, median with minimum and maximum"
ROUNDS = 25


def answers(name: str, pictures: Sequence[NDArray[np.uint8]]) -> list[Evidence]:
    """What a check says of pictures (H, W, 3)."""
    check = checks.load(name, Setup())
    return [check.examine(Item.of_picture(rgb)) for rgb in pictures]


def flagged(told: Sequence[Evidence]) -> NDArray[np.bool_]:
    """(N,) where a check says yes."""
    return np.array([one.llr >= float(one.facts["llr_manipulated"]) for one in told])


def cost(name: str, pictures: Sequence[NDArray[np.uint8]]) -> Value:
    """Milliseconds that a check takes for a picture that is in memory."""
    check, taken_ms = checks.load(name, Setup()), []
    check.examine(Item.of_picture(pictures[0]))  # loads the network
    for rgb in pictures[:ROUNDS]:
        item, started = Item.of_picture(rgb), time.thread_time()
        check.examine(item)
        taken_ms.append(1000.0 * (time.thread_time() - started))
    return Value(round(median(taken_ms), 2), round(min(taken_ms), 2), round(max(taken_ms), 2), len(taken_ms))
