"""Voice in sound: where somebody speaks, and what the speech is made of."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from unforge import weights
from unforge.media.sound import Sound

CARD = "silero_vad"
GRID_HZ = 50.0  # lips and voice are compared on rows that are 20 ms apart, counted from 0 s of the frames' clock
BANDS = 10
BANDS_HZ = (100.0, 6000.0)
LEVEL_HZ = (200.0, 4000.0)  # where speech has its energy
SMOOTH_S = 0.025
SPEECH = 0.5  # probability from which on the network calls it speech
AROUND_S = 0.1  # lips move a little before the sound begins and after it ends
WARM_UP_S = 2.0  # the network hears so much before the span that is asked for
STEP, CONTEXT = 512, 64  # samples
FFT, WINDOW, HOP = 512, 400, 160  # samples: 25 ms every 10 ms
FLOOR = 1.0  # power added to every band of sound of mean power 1: fainter details drown in noise elsewhere, too
SPREAD = 0.3  # of a band at least, in nepers of power: an empty band must not be blown up to a signal

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Voice:
    """The sound of a span on rows of 1 / GRID_HZ s; row n lies at (first + n) / GRID_HZ.

    spoken: (T,) whether somebody speaks; speech: the same with AROUND_S before and after. bands: (T, BANDS) log power
    of mel bands, standardised over the speech. level_db: (T,) power of LEVEL_HZ, against the mean power of the sound.
    """

    first: int
    spoken: NDArray[np.bool_]
    speech: NDArray[np.bool_]
    bands: Floats
    level_db: Floats

    @property
    def times_s(self) -> Floats:
        return (self.first + np.arange(len(self.speech))) / GRID_HZ

    @property
    def speech_s(self) -> float:
        """How long somebody speaks."""
        return float(self.spoken.sum()) / GRID_HZ

    def speech_within_s(self, first: int, rows: int) -> float:
        """How long somebody speaks in rows [first, first + rows) of the clock."""
        start = min(max(first - self.first, 0), len(self.spoken))
        return float(self.spoken[start : max(start, first + rows - self.first)].sum()) / GRID_HZ


def hear(sound: Sound, start_s: float, end_s: float) -> Voice | None:
    """What is to be heard between two seconds; None where the sound does not reach or is silent throughout.

    sound: 16 kHz mono.
    """
    begin = max(0, round((start_s - WARM_UP_S - sound.start_s) * sound.rate_hz))
    end = max(0, round((end_s - sound.start_s) * sound.rate_hz))
    samples, begin_s = sound.samples[begin:end], sound.start_s + begin / sound.rate_hz
    first = int(np.ceil(max(start_s, begin_s) * GRID_HZ))
    rows = int(np.floor((begin_s + len(samples) / sound.rate_hz) * GRID_HZ)) - first + 1
    power = float(np.mean(samples.astype(np.float64) ** 2)) if len(samples) >= FFT else 0.0
    if rows < 2 or not 0.0 < power < np.inf:
        return None
    times_s = (first + np.arange(rows)) / GRID_HZ
    probability = speech_probability(samples)
    middle_s = begin_s + (np.arange(len(probability)) + 0.5) * STEP / sound.rate_hz
    spoken = np.interp(times_s, middle_s, probability) > SPEECH
    reach = 2 * round(AROUND_S * GRID_HZ) + 1
    speech = np.convolve(spoken, np.ones(reach), "full")[reach // 2 :][:rows] > 0.0
    hop_s, logs, level = _spectrum(samples / np.sqrt(power), sound.rate_hz)
    at_s = begin_s + hop_s
    bands = np.stack([np.interp(times_s, at_s, band) for band in logs.T], axis=1)
    level_db = 10.0 / np.log(10.0) * np.interp(times_s, at_s, level)
    return Voice(first, spoken, speech, _standardised(bands, speech), level_db)


def speech_probability(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """How likely somebody speaks in each step of 512 samples at 16 kHz, (N // 512,).

    Source: Silero VAD 6.2.3 (Silero Team, MIT), each step seen with the last 64 samples of the one before.
    """
    session = weights.session(CARD)
    state, rate = np.zeros((2, 1, 128), np.float32), np.array(16_000, np.int64)
    padded = np.concatenate([np.zeros(CONTEXT, np.float32), samples.astype(np.float32)])
    found = np.zeros(len(samples) // STEP, np.float32)
    for n in range(len(found)):
        fed = padded[None, n * STEP : (n + 1) * STEP + CONTEXT]
        heard, state = session.run(None, {"input": fed, "state": state, "sr": rate})
        found[n] = heard[0, 0]
    return found


def _spectrum(samples: NDArray[np.floating], rate_hz: int) -> tuple[Floats, Floats, Floats]:
    """Seconds of short windows (W,), log power of their mel bands (W, BANDS) and of LEVEL_HZ (W,), smoothed."""
    padded = np.pad(samples, (WINDOW // 2, WINDOW // 2))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(windows, FFT, axis=1)) ** 2
    hz = np.fft.rfftfreq(FFT, 1.0 / rate_hz)
    level = power[:, (hz >= LEVEL_HZ[0]) & (hz <= LEVEL_HZ[1])].sum(axis=1)
    sigma = SMOOTH_S * rate_hz / HOP
    smooth = [
        gaussian_filter1d(np.log(values + FLOOR), sigma, axis=0, mode="nearest")
        for values in (power @ _mel(rate_hz).T, level)
    ]
    return np.arange(len(windows)) * HOP / rate_hz, smooth[0], smooth[1]


@cache
def _mel(rate_hz: int) -> Floats:
    """(BANDS, FFT / 2 + 1) triangles, evenly wide in mel: 2595 log10(1 + f / 700) (O'Shaughnessy 1987)."""
    low, high = (2595.0 * np.log10(1.0 + hz / 700.0) for hz in BANDS_HZ)
    edges = 700.0 * (10.0 ** (np.linspace(low, high, BANDS + 2) / 2595.0) - 1.0)
    hz = np.fft.rfftfreq(FFT, 1.0 / rate_hz)
    rising = (hz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hz) / (edges[2:] - edges[1:-1])[:, None]
    return np.asarray(np.clip(np.minimum(rising, falling), 0.0, None), np.float64)


def _standardised(bands: Floats, speech: NDArray[np.bool_]) -> Floats:
    spoken = bands[speech] if speech.any() else bands
    return np.asarray((bands - spoken.mean(axis=0)) / np.maximum(spoken.std(axis=0), SPREAD), np.float64)
