"""How much of a change can be seen: known values, ranges, and film."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.faces_samples import portrait
from unforge.errors import ShapeError
from unforge.metrics import quality


def test_equal_pictures_show_nothing() -> None:
    rgb = portrait()[:128, :128]
    assert quality.psnr_db(rgb, rgb) == float("inf")
    assert quality.ssim(rgb, rgb) == pytest.approx(1.0)
    assert quality.ciede2000(rgb, rgb).max() == 0.0


@given(st.integers(1, 60))
@settings(max_examples=15, deadline=None)
def test_a_step_of_known_size_has_the_known_ratio(step: int) -> None:
    rgb = np.full((16, 20, 3), 100, np.uint8)
    assert quality.psnr_db(rgb, rgb + np.uint8(step)) == pytest.approx(20 * np.log10(255 / step))


def test_colours_differ_by_what_the_published_formula_says() -> None:
    grey, lighter = (np.full((11, 11, 3), level, np.uint8) for level in (119, 122))
    assert quality.ciede2000(grey, lighter).mean() == pytest.approx(1.15, abs=0.1)  # steps of L* count as they are here
    white, black = np.full((11, 11, 3), 255, np.uint8), np.zeros((11, 11, 3), np.uint8)
    assert quality.ciede2000(white, black).mean() == pytest.approx(100.0, abs=0.1)


def test_strips_of_a_large_picture_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rgb = portrait()[:64, :96]
    other = np.asarray(np.clip(rgb.astype(int) + 7, 0, 255), np.uint8)
    whole = quality.ciede2000(rgb, other)
    monkeypatch.setattr(quality, "_PIXELS_AT_ONCE", 500)
    assert np.array_equal(quality.ciede2000(rgb, other), whole)


def film(noise: float, n: int = 12, seed: int = 1) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    return [np.clip(128 + noise * rng.standard_normal((40, 40, 3)), 0, 255).astype(np.uint8) for _ in range(n)]


def test_a_steady_perturbation_does_not_flicker() -> None:
    clean = film(6.0)
    assert quality.flicker(clean, [frame + np.uint8(9) for frame in clean]) == 0.0


def test_noise_as_strong_as_the_films_own_flickers_by_one() -> None:
    still = np.full((40, 40, 3), 128, np.uint8)
    clean, rng = film(8.0, 30), np.random.default_rng(7)
    changed = [np.clip(frame + 8.0 * rng.standard_normal(frame.shape), 0, 255).astype(np.uint8) for frame in clean]
    assert quality.flicker(clean, changed) == pytest.approx(1.0, abs=0.05)
    assert np.isnan(quality.flicker([still] * 4, [still] * 4))


def test_steady_motion_is_no_noise() -> None:
    ramp = np.broadcast_to(np.arange(200, dtype=np.uint8)[None, :, None], (40, 200, 3))
    moving = [np.ascontiguousarray(ramp[:, 2 * n : 2 * n + 100]) for n in range(12)]
    flickering = [frame + np.uint8(n % 2) for n, frame in enumerate(moving)]
    assert np.isnan(quality.flicker(moving, flickering))


@pytest.mark.parametrize("wrong", [np.zeros((20, 20, 3), np.float32), np.zeros((20, 20), np.uint8)])
def test_other_than_rgb_bytes_are_refused(wrong: NDArray[np.generic]) -> None:
    with pytest.raises(ShapeError, match="uint8"):
        quality.psnr_db(wrong, wrong)  # type: ignore[arg-type]  # meant


def test_films_of_different_length_or_size_are_refused() -> None:
    clean = film(3.0, 5)
    for others in (clean[:4], [frame[1:] for frame in clean]):
        with pytest.raises(ShapeError):
            quality.flicker(clean, others)
    with pytest.raises(ShapeError, match="three frames"):
        quality.flicker(clean[:2], clean[:2])
    with pytest.raises(ShapeError, match="11 px"):
        quality.ssim(clean[0][:10], clean[0][:10])
