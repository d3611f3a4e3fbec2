"""Which frames a reader wants."""

import math


class Grid:
    """Takes the first frame at or after each multiple of 1 / rate_hz; without a rate, every frame."""

    _SLACK = 1e-6  # of a step: a frame on the grid but for rounding counts as on it

    def __init__(self, rate_hz: float | None) -> None:
        self._rate_hz, self._due = rate_hz, 0

    def takes(self, time_s: float) -> bool:
        if self._rate_hz is None:
            return True
        step = math.floor(time_s * self._rate_hz + self._SLACK)
        if step < self._due:
            return False
        self._due = step + 1
        return True
