"""Colour traces to pulse signals: known beats come out, chance stays chance, and methods agree where they must."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from unforge.detect import _rppg as rppg

Floats = NDArray[np.float64]

SKIN = np.array([150.0, 110.0, 90.0])
TINT = np.array([0.33, 0.77, 0.53])
METHODS = pytest.mark.parametrize("name", rppg.METHODS)


def beats(bpm: float, times_s: Floats) -> Floats:
    """A pulse wave of deviation 1 with its notch, whose rate wanders a little."""
    phase = 2 * np.pi * (bpm / 60.0 * times_s + 0.03 * np.sin(2 * np.pi * 0.1 * times_s))
    wave = np.sin(phase) + 0.35 * np.sin(2 * phase - 1.0)
    return np.asarray(wave / wave.std())


def colours(
    bpm: float, rate_hz: float = rppg.RATE_HZ, amplitude: float = 0.004, noise: float = 0.02, seed: int = 0
) -> Floats:
    """(N, 3) of a skin that beats for ten seconds under a light that drifts."""
    rng = np.random.default_rng(seed)
    times_s = np.arange(round(10 * rate_hz)) / rate_hz
    light = 1.0 + 0.02 * np.sin(2 * np.pi * 0.15 * times_s + 0.4)
    tinted = SKIN * light[:, None] * (1.0 - amplitude * beats(bpm, times_s)[:, None] * TINT)
    return np.asarray(tinted + noise * rng.standard_normal(tinted.shape))


def bpm_of(signal: Floats, rate_hz: float = rppg.RATE_HZ) -> float:
    return 60.0 * float(rppg.peak(*rppg.spectrum(rppg.detrended(signal, rate_hz), rate_hz))[0])


@METHODS
@pytest.mark.parametrize("bpm", [50.0, 72.0, 104.0, 160.0])
def test_every_method_finds_the_beats(name: str, bpm: float) -> None:
    assert bpm_of(rppg.METHODS[name](colours(bpm), rppg.RATE_HZ)) == pytest.approx(bpm, abs=1.5)


@METHODS
def test_a_method_reads_many_traces_as_it_reads_each(name: str) -> None:
    several = np.stack([colours(60.0, seed=1), colours(90.0, seed=2), colours(120.0, seed=3)])
    together = rppg.METHODS[name](several, rppg.RATE_HZ)
    assert together.shape == several.shape[:2]
    for one, found in zip(several, together, strict=True):
        assert np.allclose(rppg.METHODS[name](one, rppg.RATE_HZ), found)


@METHODS
def test_the_rate_of_a_camera_does_not_change_the_beats(name: str) -> None:
    found = []
    for rate_hz in (15.0, 24.0, 30.0, 60.0):
        rgb = colours(78.0, rate_hz)
        uniform = rppg.resampled(np.arange(len(rgb)) / rate_hz, rgb)
        found.append(bpm_of(rppg.METHODS[name](uniform, rppg.RATE_HZ)))
    assert max(found) - min(found) <= 1.0
    assert found[0] == pytest.approx(78.0, abs=1.5)


@METHODS
def test_a_brighter_picture_has_the_same_beats(name: str) -> None:
    dark, bright = (rppg.METHODS[name](scale * colours(66.0), rppg.RATE_HZ) for scale in (0.3, 1.0))
    assert np.corrcoef(dark, bright)[0, 1] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("name", ["pos", "chrom", "lgi"])
def test_what_changes_all_colours_alike_is_light_and_drops_out(name: str) -> None:
    times_s = np.arange(300) / rppg.RATE_HZ
    flicker = SKIN * (1.0 + 0.01 * np.sin(2 * np.pi * 1.4 * times_s))[:, None]
    beating = colours(84.0, amplitude=0.01, noise=0.0)
    left = rppg.METHODS[name](flicker, rppg.RATE_HZ)[50:-50].std()
    assert left < 0.02 * rppg.METHODS[name](beating, rppg.RATE_HZ)[50:-50].std()


def test_lgi_and_omit_are_one_method_with_two_names() -> None:
    """OMIT (Alvarez Casado, Bordallo Lopez 2022) projects out the first direction of a QR decomposition instead."""
    for seed, bpm in enumerate((54.0, 70.0, 96.0)):
        rgb = colours(bpm, seed=seed)
        first = np.linalg.qr(rgb.T)[0][:, :1]
        omit = (rgb.T - first @ (first.T @ rgb.T))[1]
        assert bpm_of(omit) == pytest.approx(bpm_of(rppg.lgi(rgb)), abs=0.3)


def test_mirrored_colours_only_turn_the_sign_of_ica() -> None:
    rgb = colours(75.0)
    mirrored = 2.0 * rgb.mean(axis=0) - rgb
    straight, turned = rppg.ica(rgb), rppg.ica(mirrored)
    assert bpm_of(straight) == bpm_of(turned)
    assert np.corrcoef(straight, turned)[0, 1] == pytest.approx(-1.0, abs=1e-6)


@METHODS
def test_constant_colours_give_no_signal_and_no_error(name: str) -> None:
    found = rppg.METHODS[name](np.tile(SKIN, (300, 1)), rppg.RATE_HZ)
    assert np.abs(found).max() < 1e-9


def test_blood_darkens_green() -> None:
    times_s = np.arange(300) / rppg.RATE_HZ
    for name in ("pos", "green", "ica", "lgi"):
        found = rppg.band_passed(rppg.METHODS[name](colours(72.0), rppg.RATE_HZ))
        assert np.corrcoef(found, beats(72.0, times_s))[0, 1] < -0.8, name


def test_a_trend_is_taken_out_as_the_paper_says() -> None:
    values = np.random.default_rng(3).standard_normal((2, 80)).cumsum(axis=1)
    second = np.diff(np.eye(80), n=2, axis=0)
    dense = values - np.linalg.solve(np.eye(80) + 100.0**2 * second.T @ second, values.T).T
    assert np.allclose(rppg.detrended(values), dense)


def test_a_band_is_passed_without_delay() -> None:
    times_s = np.arange(600) / rppg.RATE_HZ
    inside, outside = (np.sin(2 * np.pi * hz * times_s) for hz in (1.5, 0.2))
    passed = rppg.band_passed(inside + outside)
    assert np.abs(passed - inside)[100:-100].max() < 0.05


@given(st.lists(st.floats(0.01, 0.09), min_size=40, max_size=80), st.floats(-3, 3))
@settings(max_examples=30, deadline=None)
def test_uneven_times_become_even_ones(steps_s: list[float], slope: float) -> None:
    times_s = 5.0 + np.cumsum(steps_s)
    found = rppg.resampled(times_s, np.stack([slope * times_s, np.ones_like(times_s)], axis=-1))
    wanted_s = times_s[0] + np.arange(len(found)) / rppg.RATE_HZ
    assert np.allclose(found[:, 0], slope * wanted_s, atol=1e-6)
    assert np.allclose(found[:, 1], 1.0)
    assert wanted_s[-1] <= times_s[-1] + 1e-6 < wanted_s[-1] + 1.0 / rppg.RATE_HZ + 1e-5


def test_resampling_there_and_back_keeps_what_is_slow() -> None:
    rng = np.random.default_rng(4)
    times_s = np.cumsum(rng.uniform(0.02, 0.05, 280))
    wave = np.sin(2 * np.pi * 1.1 * times_s)
    even = rppg.resampled(times_s, wave)
    back = np.interp(times_s, times_s[0] + np.arange(len(even)) / rppg.RATE_HZ, even)
    assert np.abs(back - wave)[:-3].max() < 0.05


@given(st.floats(45.0, 190.0))
@settings(max_examples=25, deadline=None)
def test_the_peak_of_a_tone_is_its_frequency(bpm: float) -> None:
    times_s = np.arange(300) / rppg.RATE_HZ
    at_hz, ratio_db = rppg.peak(*rppg.spectrum(np.sin(2 * np.pi * bpm / 60.0 * times_s)))
    assert 60.0 * float(at_hz) == pytest.approx(bpm, abs=1.0)
    assert float(ratio_db) > 4.0


def test_noise_has_peaks_of_less_than_zero_decibel() -> None:
    noise = np.random.default_rng(0).standard_normal((200, 300))
    ratios_db = rppg.peak(*rppg.spectrum(noise))[1]
    assert -8.0 < float(np.median(ratios_db)) < -2.0


def test_coherence_is_one_for_the_same_and_none_for_strangers() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.standard_normal((2, 400))
    assert rppg.coherence(np.stack([one, 3.0 * one, 0.1 * one])) == pytest.approx(1.0)
    assert rppg.coherence(np.stack([one, -one])) == pytest.approx(-1.0)
    assert abs(rppg.coherence(np.stack([one, other]))) < 0.4


def test_coherence_is_the_mean_correlation_in_the_band() -> None:
    rng = np.random.default_rng(2)
    signals = rng.standard_normal((4, 3000)) + 0.8 * rng.standard_normal(3000)
    passed = rppg.band_passed(signals)
    pairs = np.corrcoef(passed)[np.triu_indices(4, 1)]
    assert rppg.coherence(signals) == pytest.approx(float(pairs.mean()), abs=0.05)


@pytest.mark.parametrize("delay_ms", [-120.0, 0.0, 80.0])
def test_a_delay_is_measured_with_its_sign(delay_ms: float) -> None:
    times_s = np.arange(300) / rppg.RATE_HZ
    first, second = (np.sin(2 * np.pi * 1.2 * (times_s - s)) for s in (0.0, delay_ms / 1000.0))
    assert rppg.lag_ms(first, second, np.array(1.2)) == pytest.approx(delay_ms, abs=3.0)


def test_p_values_of_noise_are_at_most_what_they_claim() -> None:
    """1,000 traces of several colours of noise: each test keeps its level, both together stay well below it."""
    rng = np.random.default_rng(7)
    n, level = 1000, 0.05
    rhythm, coherent = np.empty(n), np.empty(n)
    for k in range(n):
        patches = rng.standard_normal((5, 300))
        patches = patches if k % 2 else rppg.detrended(0.3 * patches.cumsum(axis=1) + patches)
        rhythm[k] = rppg.chance_of_rhythm(patches.mean(axis=0), rng, draws=60)
        coherent[k] = rppg.chance_of_coherence(patches, rng, draws=60)
    most = stats.binom.ppf(0.999, n, level)
    assert (rhythm <= level).sum() <= most
    assert (coherent <= level).sum() <= most
    assert (np.maximum(rhythm, coherent) <= level).mean() <= level
    assert 0.3 < np.median(coherent) < 0.7


def test_a_common_beat_is_not_chance() -> None:
    rng = np.random.default_rng(8)
    beat = beats(70.0, np.arange(300) / rppg.RATE_HZ)
    patches = beat + 0.7 * rng.standard_normal((5, 300))
    assert rppg.chance_of_coherence(patches, rng) < 0.01
    assert rppg.chance_of_rhythm(patches.mean(axis=0), rng) < 0.01


def test_what_is_common_but_has_no_beat_is_no_rhythm() -> None:
    rng = np.random.default_rng(9)
    patches = rng.standard_normal(300) + 0.3 * rng.standard_normal((5, 300))
    assert rppg.chance_of_coherence(patches, rng) < 0.01
    assert rppg.chance_of_rhythm(patches.mean(axis=0), rng) > 0.05


def test_beats_in_different_places_at_different_rates_do_not_cohere() -> None:
    rng = np.random.default_rng(10)
    times_s = np.arange(300) / rppg.RATE_HZ
    patches = np.stack([beats(bpm, times_s) for bpm in (52.0, 64.0, 81.0, 99.0, 118.0)])
    assert rppg.chance_of_coherence(patches, rng) > 0.05


def test_what_is_slow_is_kept_without_delay_and_a_tremble_is_not() -> None:
    times_s = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.05, 300))
    sway, tremble = (np.sin(2 * np.pi * hz * times_s) for hz in (0.25, 1.2))
    both = np.stack([np.stack([sway + tremble, sway], axis=1), np.stack([tremble, times_s], axis=1)], axis=1)
    kept = rppg.slow(times_s, both, 0.6)
    wanted = np.stack([np.stack([sway, sway], axis=1), np.stack([0.0 * sway, times_s], axis=1)], axis=1)
    assert kept.shape == both.shape
    assert np.abs(kept - wanted)[40:-40].max() < 0.06
