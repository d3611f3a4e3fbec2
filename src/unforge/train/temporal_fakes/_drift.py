"""Random paths over time: how a parameter of a forgery wanders or trembles from frame to frame."""

import numpy as np
from numpy.typing import NDArray

Generator = np.random.Generator


def wandering(length: int, columns: int, memory: float, rng: Generator) -> NDArray[np.float64]:
    """(T, columns) of unit variance; memory 0 trembles from frame to frame, near 1 drifts slowly (an AR(1) process)."""
    steps = rng.standard_normal((length, columns))
    path = np.empty_like(steps)
    path[0] = steps[0]
    for t in range(1, length):
        path[t] = memory * path[t - 1] + np.sqrt(1.0 - memory**2) * steps[t]
    return path
