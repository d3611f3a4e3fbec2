"""From colour traces to pulse signals: remote photoplethysmography, its spectrum, and what chance would give.

Colours are (..., N, 3) mean RGB at uniform times, signals (..., N). A signal has the sign of the reflected light,
which falls when blood comes. Every method is written from its paper:

GREEN   Verkruysse, Svaasand, Nelson: Remote plethysmographic imaging using ambient light, Opt. Express 16, 2008.
CHROM   de Haan, Jeanne: Robust pulse rate from chrominance-based rPPG, IEEE TBME 60, 2013, eq. 9-13.
POS     Wang, den Brinker, Stuijk, de Haan: Algorithmic principles of remote PPG, IEEE TBME 64, 2017, algorithm 1.
ICA     Poh, McDuff, Picard: Non-contact, automated cardiac pulse measurements, Opt. Express 18, 2010; the separation
        here is FastICA (Hyvarinen, IEEE TNN 10, 1999) instead of JADE.
LGI     Pilz, Zaunseder, Krajewski, Blazek: Local group invariance for heart rate estimation, CVPRW 2018.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import linalg, ndimage, signal

Floats = NDArray[np.float64]

RATE_HZ = 30.0  # all traces are brought to this rate
BAND_HZ = (0.7, 3.3)  # 42 to 198 beats a minute
WINDOW_S = 1.6  # of POS and CHROM: one beat at least
POINTS = 8192  # of a spectrum: steps of 0.22 beats a minute
BESIDE_HZ = 0.1  # half the width of a peak
BACKGROUND_HZ = 0.6  # a spectrum without its peaks is the median over so much on either side
DRAWS = 400  # of what chance gives; p-values end at 1 in 401


def resampled(times_s: Floats, values: NDArray[np.floating], rate_hz: float = RATE_HZ) -> Floats:
    """Values (T, ...) at times that may be uneven, brought to uniform ones from the first to the last."""
    wanted_s = np.arange(times_s[0], times_s[-1] + 1e-9, 1.0 / rate_hz)
    flat = values.reshape(len(values), -1)
    columns = [np.interp(wanted_s, times_s, column) for column in flat.T]
    return np.stack(columns, axis=-1).reshape(len(wanted_s), *values.shape[1:])


def slow(times_s: Floats, values: NDArray[np.floating], below_hz: float) -> Floats:
    """What is slower than a frequency in values (T, ...) at uneven times, without delay (Butterworth, order 4)."""
    even = resampled(times_s, values).reshape(-1, values[0].size)
    sections = signal.butter(4, below_hz, fs=RATE_HZ, output="sos")
    kept = signal.sosfiltfilt(sections, even, axis=0, padlen=min(len(even) - 1, round(2.0 * RATE_HZ)))
    even_s = times_s[0] + np.arange(len(even)) / RATE_HZ
    return np.stack([np.interp(times_s, even_s, column) for column in kept.T], axis=-1).reshape(values.shape)


def green(rgb: Floats, rate_hz: float = RATE_HZ) -> Floats:
    """The green channel over its mean."""
    level = rgb[..., 1]
    return np.asarray(level / level.mean(axis=-1, keepdims=True) - 1.0)


def chrom(rgb: Floats, rate_hz: float = RATE_HZ) -> Floats:
    """Chrominance signals, weighted so that what they share drops out; overlapping windows."""
    length = 2 * math.ceil(WINDOW_S * rate_hz / 2.0)
    windows = _windows(rgb, length)[..., :: length // 2, :, :]
    red, grn, blue = np.moveaxis(windows / windows.mean(axis=-1, keepdims=True), -2, 0)
    x, y = (band_passed(part, rate_hz) for part in (3.0 * red - 2.0 * grn, 1.5 * red + grn - 1.5 * blue))
    found = (x - _ratio(x, y) * y) * signal.windows.hann(length, sym=False)
    return _overlapped(found, rgb.shape[-2], length // 2)


def pos(rgb: Floats, rate_hz: float = RATE_HZ) -> Floats:
    """The plane orthogonal to skin, a window at every sample."""
    length = math.ceil(WINDOW_S * rate_hz)
    windows = _windows(rgb, length)
    red, grn, blue = np.moveaxis(windows / windows.mean(axis=-1, keepdims=True), -2, 0)
    first, second = grn - blue, grn + blue - 2.0 * red
    found = first + _ratio(first, second) * second
    return _overlapped(found - found.mean(axis=-1, keepdims=True), rgb.shape[-2], 1)


def lgi(rgb: Floats, rate_hz: float = RATE_HZ) -> Floats:
    """Green after the strongest direction of all colours, the light, is projected out."""
    across = np.swapaxes(rgb, -1, -2)
    light = np.linalg.svd(across, full_matrices=False)[0][..., :1]
    return np.asarray((across - light @ (np.swapaxes(light, -1, -2) @ across))[..., 1, :])


def ica(rgb: Floats, rate_hz: float = RATE_HZ) -> Floats:
    """The independent source with the clearest peak, in the direction of green."""
    flat = rgb.reshape(-1, *rgb.shape[-2:])
    return np.stack([_clearest_source(one, rate_hz) for one in flat]).reshape(rgb.shape[:-1])


METHODS: Mapping[str, Callable[[Floats, float], Floats]] = {
    "pos": pos, "chrom": chrom, "green": green, "ica": ica, "lgi": lgi,
}  # fmt: skip


def detrended(values: Floats, rate_hz: float = RATE_HZ) -> Floats:
    """Without its slow course: smoothness priors (Tarvainen, Ranta-aho, Karjalainen, IEEE TBME 49, 2002), lambda 100
    at 30 Hz; what is slower than about 0.5 Hz goes."""
    n, stiff = values.shape[-1], (100.0 * (rate_hz / RATE_HZ) ** 2) ** 2
    second = np.zeros((3, n))
    second[0, 2:] = stiff
    second[1, 1:] = -4.0 * stiff
    second[1, [1, -1]] = -2.0 * stiff
    second[2] = 1.0 + 6.0 * stiff
    second[2, [1, -2]] = 1.0 + 5.0 * stiff
    second[2, [0, -1]] = 1.0 + stiff
    course = linalg.solveh_banded(second, values.reshape(-1, n).T).T.reshape(values.shape)
    return np.asarray(values - course)


def band_passed(values: Floats, rate_hz: float = RATE_HZ) -> Floats:
    """Only the band of pulses, without delay (Butterworth, order 3)."""
    sections = signal.butter(3, BAND_HZ, "bandpass", fs=rate_hz, output="sos")
    return np.asarray(signal.sosfiltfilt(sections, values, padlen=min(values.shape[-1] - 1, round(rate_hz))))


def _windows(rgb: Floats, length: int) -> Floats:
    """(..., M, 3, length): the windows at every sample. Colours shorter than one give none."""
    return np.asarray(sliding_window_view(rgb, length, axis=-2))


def _ratio(first: Floats, second: Floats) -> Floats:
    """How much stronger the first varies than the second, in each window."""
    spread = second.std(axis=-1, keepdims=True)
    varied = first.std(axis=-1, keepdims=True)
    return np.asarray(np.divide(varied, spread, out=np.zeros_like(spread), where=spread > 0.0))


def _overlapped(windows: Floats, count: int, hop: int) -> Floats:
    """Windows (..., M, length), `hop` samples apart, added up to one signal (..., count)."""
    total = np.zeros((*windows.shape[:-2], count))
    last = hop * (windows.shape[-2] - 1) + 1
    for n in range(windows.shape[-1]):
        total[..., n : n + last : hop] += windows[..., n]
    return total


def _clearest_source(rgb: Floats, rate_hz: float) -> Floats:
    mixed = detrended(rgb.T, rate_hz)
    spread = mixed.std(axis=-1, keepdims=True)
    if not (spread > 1e-9 * rgb.mean(axis=0)[:, None]).all():  # nothing but rounding
        return np.zeros(len(rgb))
    mixed = (mixed - mixed.mean(axis=-1, keepdims=True)) / spread
    sources = _independent(mixed)
    hz, power = spectrum(sources, rate_hz)
    inside = (hz >= BAND_HZ[0]) & (hz <= BAND_HZ[1])
    best = sources[int(np.argmax((power[:, inside] / power[:, inside].sum(axis=-1, keepdims=True)).max(axis=-1)))]
    return np.asarray(best if float(best @ mixed[1]) >= 0.0 else -best)


def _independent(mixed: Floats) -> Floats:
    """Sources (3, N) by FastICA: symmetric, tanh, from the identity; after 200 steps whatever was reached."""
    count = mixed.shape[-1]
    values, vectors = np.linalg.eigh(mixed @ mixed.T / count)
    white = (vectors / np.sqrt(np.maximum(values, 1e-12))).T @ mixed
    turn = np.eye(len(mixed))
    for _ in range(200):
        bent = np.tanh(turn @ white)
        step = bent @ white.T / count - np.diag((1.0 - bent**2).mean(axis=-1)) @ turn
        left, _, right = np.linalg.svd(step)
        before, turn = turn, left @ right
        if np.abs(np.abs(np.einsum("ij,ij->i", turn, before)) - 1.0).max() < 1e-6:
            break
    return np.asarray(turn @ white)


# Spectra


def spectrum(values: Floats, rate_hz: float = RATE_HZ, points: int = POINTS) -> tuple[Floats, Floats]:
    """Frequencies (F,) in Hz and power (..., F) of signals under a Hann window."""
    shaped = (values - values.mean(axis=-1, keepdims=True)) * signal.windows.hann(values.shape[-1], sym=False)
    return np.asarray(np.fft.rfftfreq(points, 1.0 / rate_hz)), np.asarray(np.abs(np.fft.rfft(shaped, points)) ** 2)


def peak(hz: Floats, power: Floats) -> tuple[Floats, Floats]:
    """Frequency (...) of the strongest rhythm in the band of pulses, and its signal-to-noise ratio in dB.

    The ratio is that of the power beside the peak and beside its double to all other power of the band (de Haan,
    Jeanne 2013). Noise has peaks, too: it gives about -6 to -2 dB, not 0.
    """
    inside = (hz >= BAND_HZ[0]) & (hz <= BAND_HZ[1])
    best_hz = hz[inside][np.argmax(power[..., inside], axis=-1)]
    return best_hz, snr_db(hz, power, best_hz)


def snr_db(hz: Floats, power: Floats, at_hz: Floats) -> Floats:
    """The same ratio at given frequencies (...)."""
    inside = (hz >= BAND_HZ[0]) & (hz <= BAND_HZ[1])
    hz, power = hz[inside], power[..., inside]
    cumulated = np.concatenate([np.zeros((*power.shape[:-1], 1)), np.cumsum(power, axis=-1)], axis=-1)
    total = cumulated[..., -1]

    def around(middle_hz: Floats) -> Floats:
        low, high = (np.searchsorted(hz, middle_hz + step) for step in (-BESIDE_HZ, BESIDE_HZ))
        ends = [np.take_along_axis(cumulated, np.asarray(end)[..., None], axis=-1)[..., 0] for end in (low, high)]
        return np.asarray(ends[1] - ends[0])

    told = around(at_hz) + around(2.0 * at_hz)
    rest = np.maximum(total - told, 1e-12 * np.maximum(total, 1e-300))
    return np.asarray(10.0 * np.log10(np.maximum(told, 1e-300) / rest))


def line_at(values: Floats, at_hz: Floats) -> NDArray[np.complex128]:
    """Amplitude and phase (...) of signals (..., N) at one frequency, under a Hann window."""
    window = signal.windows.hann(values.shape[-1], sym=False)
    turn = np.exp(-2j * np.pi * at_hz * np.arange(values.shape[-1]) / RATE_HZ)
    return np.asarray(2.0 * (values * window * turn).sum(axis=-1) / window.sum())


def lag_ms(first: Floats, second: Floats, at_hz: Floats) -> float:
    """By how much the second signal follows the first at a frequency; within half a period."""
    apart = np.angle(line_at(first, at_hz) * np.conj(line_at(second, at_hz)))
    return float(1000.0 * apart / (2.0 * np.pi * at_hz))


# Chance


def coherence(signals: Floats) -> float:
    """Mean correlation of the pairs among signals (R, N) of the band of pulses: 1 is alike, 0 is chance."""
    return float(_agreement(_in_band(signals)))


def chance_of_coherence(signals: Floats, rng: np.random.Generator, draws: int = DRAWS) -> float:
    """How often signals with the same spectra but phases by chance agree as much: a p-value of 1 / (draws + 1) or more.

    Surrogates by random phases: Theiler et al., Physica D 58, 1992.
    """
    lines = _in_band(signals)
    turned = lines * np.exp(2j * np.pi * rng.random((draws, *lines.shape)))
    return _chance(_agreement(lines), _agreement(turned))


def chance_of_rhythm(values: Floats, rng: np.random.Generator, draws: int = DRAWS) -> float:
    """How often noise with the same smooth spectrum has as clear a peak as a signal (N,): a p-value as above."""
    count, points = len(values), POINTS // 4
    lines = np.abs(np.fft.rfft(values * signal.windows.hann(count, sym=False))) ** 2
    level = np.exp(ndimage.median_filter(np.log(lines + 1e-300), round(2 * BACKGROUND_HZ * count / RATE_HZ) | 1))
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal((draws, count))) * np.sqrt(level), count)
    return _chance(peak(*spectrum(values, points=points))[1], peak(*spectrum(noise, points=points))[1])


def _in_band(signals: Floats) -> NDArray[np.complex128]:
    """Fourier lines (R, F) in the band of pulses, each signal of unit power.

    Without a window: under one, neighbouring lines of noise are alike, and phases by chance would promise too much.
    """
    hz = np.fft.rfftfreq(signals.shape[-1], 1.0 / RATE_HZ)
    lines = np.fft.rfft(signals)[..., (hz >= BAND_HZ[0]) & (hz <= BAND_HZ[1])]
    return np.asarray(lines / np.maximum(np.linalg.norm(lines, axis=-1, keepdims=True), 1e-300))


def _agreement(lines: NDArray[np.complex128]) -> Floats:
    count = lines.shape[-2]
    together = (np.abs(lines.sum(axis=-2)) ** 2).sum(axis=-1)
    return np.asarray((together - count) / (count * (count - 1)))


def _chance(found: Floats, drawn: Floats) -> float:
    return float((1 + np.count_nonzero(drawn >= found)) / (1 + len(drawn)))
