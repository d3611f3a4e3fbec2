"""From colours to what they say of one person: a rhythm, how sure it is, where it shows, and what else explains it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from unforge.detect._rppg import (
    BAND_HZ,
    BESIDE_HZ,
    METHODS,
    RATE_HZ,
    WINDOW_S,
    Floats,
    band_passed,
    chance_of_coherence,
    chance_of_rhythm,
    coherence,
    detrended,
    lag_ms,
    line_at,
    peak,
    pos,
    resampled,
    spectrum,
)
from unforge.detect._skin import PATCHES, Skin

PARTS = {"forehead": ("forehead left", "forehead right"), "cheeks": ("left cheek", "right cheek"), "chin": ("chin",)}


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What the skin of one person shows; P parts in the order of PARTS.

    times_s: (N,) uniform; trace: (N,) POS over the whole face, only the band of pulses; hz, power: its spectrum (F,).
    amplitude: standard deviation of the trace over the colour of the skin.
    bpm, snr_db: by POS over the whole face; bpm_by_method: there, by each; bpm_by_part: (P,) by POS.
    p_rhythm, p_coherence: how often chance gives as clear a peak, as much coherence of the patches; p_by_part: (P,)
    as p_rhythm. lag_ms: by how much the cheeks follow the forehead at the rhythm.
    coherence_neck, coherence_background: of the face with these, None unseen; p_background: as p_coherence.
    background_share: amplitude of the rhythm in the background over that in the face.
    motion_share: share of the head's movement in the band that has the rhythm; motion_px: its amplitude.
    """

    times_s: Floats
    trace: Floats
    hz: Floats
    power: Floats
    amplitude: float
    bpm: float
    snr_db: float
    bpm_by_method: Mapping[str, float]
    bpm_by_part: Floats
    p_rhythm: float
    p_coherence: float
    p_by_part: Floats
    coherence: float
    lag_ms: float
    coherence_neck: float | None
    coherence_background: float | None
    p_background: float | None
    background_share: float | None
    motion_share: float
    motion_px: float

    @property
    def p_value(self) -> float:
        """Of a pulse, which is a clear peak in patches that agree. Noise in one patch has a peak, movement makes all
        agree: the larger of both counts (intersection-union test, Berger, Technometrics 24, 1982)."""
        return max(self.p_rhythm, self.p_coherence)


def measure(skin: Skin, rng: np.random.Generator) -> Rhythm:
    """Everything that is read from one person's colours."""
    face, place_px = (resampled(skin.times_s, values) for values in (skin.face, skin.place_px))
    whole, patches = _pulse(skin.times_s, skin.face), np.stack([_pulse(skin.times_s, one) for one in skin.patches])
    parts = np.stack([patches[[list(PATCHES).index(name) for name in names]].mean(axis=0) for names in PARTS.values()])
    neck, background = (
        None if colours is None else np.stack([whole, _pulse(skin.times_s, colours)])
        for colours in (skin.neck, skin.background)
    )
    moved = detrended(place_px.T)
    hz, power = spectrum(whole)
    at_hz, ratio_db = peak(hz, power)
    trace = band_passed(whole)
    return Rhythm(
        times_s=resampled(skin.times_s, skin.times_s),
        trace=trace,
        hz=hz,
        power=power,
        amplitude=float(trace.std()) / (WINDOW_S * RATE_HZ),  # POS adds up so many windows
        bpm=60.0 * float(at_hz),
        snr_db=float(ratio_db),
        bpm_by_method={name: _bpm(detrended(method(face, RATE_HZ))) for name, method in METHODS.items()},
        bpm_by_part=np.array([_bpm(one) for one in parts]),
        p_rhythm=chance_of_rhythm(whole, rng),
        p_coherence=chance_of_coherence(patches, rng),
        p_by_part=np.array([chance_of_rhythm(one, rng) for one in parts]),
        coherence=coherence(patches),
        lag_ms=lag_ms(parts[0], parts[1], at_hz),
        coherence_neck=None if neck is None else coherence(neck),
        coherence_background=None if background is None else coherence(background),
        p_background=None if background is None else chance_of_coherence(background, rng),
        background_share=None if background is None else _amplitude_ratio(background, at_hz),
        motion_share=_share_at(moved, at_hz),
        motion_px=float(np.linalg.norm(line_at(moved, at_hz))),
    )


def _pulse(times_s: Floats, colours: Floats) -> Floats:
    """The pulse signal (N,) of colours (T, 3) at uneven times."""
    return detrended(pos(resampled(times_s, colours)))


def _amplitude_ratio(pair: Floats, at_hz: Floats) -> float:
    """Amplitude of the second of two signals over that of the first, at one frequency."""
    first, second = np.abs(line_at(pair, at_hz))
    return float(second / max(first, 1e-300))


def _bpm(values: Floats) -> float:
    return 60.0 * float(peak(*spectrum(values))[0])


def _share_at(values: Floats, at_hz: Floats) -> float:
    """Share of the power in the band of pulses, summed over signals (D, N), that lies beside a frequency."""
    hz, power = spectrum(values)
    inside = (hz >= BAND_HZ[0]) & (hz <= BAND_HZ[1])
    total = float(power[:, inside].sum())
    return float(power[:, inside & (np.abs(hz - at_hz) <= BESIDE_HZ)].sum()) / total if total > 0.0 else 0.0
