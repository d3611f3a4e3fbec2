"""How well the lips fit the voice at each offset between picture and sound, against what chance would give."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unforge.detect._voice import GRID_HZ

REACH = 36  # rows: offsets up to 0.72 s either way
MIN_SHARE = 0.5  # of the speech must meet the lips at an offset, or nothing is said about it
MEMORY = 40  # rows over which lips or voice are like themselves

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Over offsets (K,) at which enough speech meets the lips; a positive offset means that the sound comes late.

    correlation: (K,) in [-1, 1], of lip signals and voice signals together. confidence: (K,) the same in standard
    deviations of what lips and an unrelated voice of the same rhythms give.
    """

    offsets_ms: Floats
    correlation: Floats
    confidence: Floats

    @property
    def best(self) -> int:
        """Where they fit best."""
        return int(np.argmax(self.confidence))

    @property
    def offset_ms(self) -> float | None:
        """The best offset, between rows by a parabola; None where it is the last that could be tried."""
        n, y = self.best, self.confidence
        if n in (0, len(y) - 1):
            return None
        bend = y[n - 1] - 2.0 * y[n] + y[n + 1]
        return float(
            self.offsets_ms[n] + (0.5 * (y[n - 1] - y[n + 1]) / bend if bend < 0.0 else 0.0) * 1000.0 / GRID_HZ
        )


def agreement(
    lips: NDArray[np.floating],
    lips_first: int,
    voice: NDArray[np.floating],
    voice_first: int,
    speech: NDArray[np.bool_],
) -> Agreement | None:
    """Compare lip signals (T, k) with voice signals (S, k) where somebody speaks; None where speech never meets lips.

    lips_first, voice_first: rows of the clock at which they begin. speech: (S,).
    The standard deviation of a sum over two unrelated series is that of Bartlett (1946, J. Royal Stat. Soc. B 8,
    27-41): the sum of the products of their autocovariances; smooth signals agree by chance more often.
    """
    u = np.asarray(lips, np.float64) - np.mean(lips, axis=0)
    v = (np.asarray(voice, np.float64) - _mean(voice, speech)) * speech[:, None]
    size = 1 << (2 * max(len(u), len(v), MEMORY + 1)).bit_length()
    u_hz, v_hz = (np.fft.rfft(series, size, axis=0) for series in (u, v))
    variance = _by_chance(u_hz, v_hz, size) / len(u)
    together = np.fft.irfft((u_hz.conj() * v_hz).sum(axis=1), size)
    lag = np.arange(-REACH, REACH + 1)
    shift = lag + lips_first - voice_first  # rows of the voice at which the lips begin
    heard, spoken = (_within(values, shift, len(u)) for values in ((v**2).sum(axis=1), speech.astype(np.float64)))
    seen = np.fft.irfft(np.fft.rfft((u**2).sum(axis=1), size).conj() * np.fft.rfft(speech, size), size)[shift % size]
    usable = (spoken >= MIN_SHARE * speech.sum()) & (heard > 0.0) & (seen > 1e-12) & (spoken > 0)
    if variance <= 0.0 or not usable.any():
        return None
    total = together[shift % size][usable]
    share = heard[usable] / float((v**2).sum())
    return Agreement(
        1000.0 / GRID_HZ * lag[usable],
        np.clip(total / np.sqrt(heard[usable] * seen[usable]), -1.0, 1.0),
        total / np.sqrt(variance * share),
    )


def _mean(values: NDArray[np.floating], chosen: NDArray[np.bool_]) -> Floats:
    return np.asarray(values[chosen].mean(axis=0) if chosen.any() else 0.0, np.float64)


def _by_chance(u_hz: NDArray[np.complex128], v_hz: NDArray[np.complex128], size: int) -> float:
    """Sum over neighbouring rows of the products of both autocovariances, tapered; (k, k) each."""
    lag = np.arange(-MEMORY, MEMORY + 1)
    own = [np.fft.irfft(s[:, :, None].conj() * s[:, None, :], size, axis=0)[lag] for s in (u_hz, v_hz)]
    taper = 1.0 - np.abs(lag) / (MEMORY + 1.0)
    return float((taper[:, None, None] * own[0] * own[1]).sum())


def _within(values: Floats, shift: NDArray[np.int64], length: int) -> Floats:
    """Sums of values (S,) over the rows [shift, shift + length) of each shift."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(sums[np.clip(shift + length, 0, len(values))] - sums[np.clip(shift, 0, len(values))], np.float64)
