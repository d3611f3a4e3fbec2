"""Forgeries over time: what every family keeps, what each means, and what honest film may show."""

from functools import cache

import numpy as np
import pytest

from tests.film_samples import moving
from unforge.detect import _motion
from unforge.faces import regions
from unforge.train import clips, hard_clips, temporal_fakes
from unforge.train.clips import Clip
from unforge.train.fakes._mask import grown

families = pytest.mark.parametrize("name", temporal_fakes.available())


@cache
def film() -> Clip:
    return moving(32)


@cache
def forged(name: str, seed: int = 3) -> Clip:
    return temporal_fakes.load(name).make(film(), np.random.default_rng(seed))


def difference(one: Clip, other: Clip) -> np.ndarray[tuple[int, int, int], np.dtype[np.float64]]:
    return np.abs(one.rgb.astype(float) - other.rgb).mean(axis=3)


@families
def test_a_forgery_shows_the_same_moments_in_the_same_size(name: str) -> None:
    made = forged(name)
    assert made.rgb.shape == film().rgb.shape
    assert made.rgb.dtype == np.uint8
    assert np.array_equal(made.times_s, film().times_s)


@families
def test_a_seed_forges_the_same_again_and_another_seed_does_not(name: str) -> None:
    again = temporal_fakes.load(name).make(film(), np.random.default_rng(3))
    assert np.array_equal(again.rgb, forged(name).rgb)
    assert not np.array_equal(forged(name, 4).rgb, forged(name).rgb)


@families
def test_a_forgery_changes_the_face_in_most_frames(name: str) -> None:
    inside = np.stack([regions.hull_mask(mesh[list(regions.OVAL)], (240, 240)) for mesh in film().landmarks_px]) > 0
    changed = [difference(film(), forged(name, seed))[inside].mean() for seed in range(3, 6)]
    assert max(changed) > 0.3


@pytest.mark.parametrize("name", ["flicker", "kinematic", "mouth"])
def test_what_lies_far_from_the_face_stays_as_it_was(name: str) -> None:
    assert difference(film(), forged(name))[:, :24, :24].max() == 0.0


def test_a_flicker_is_never_the_same_blend_twice() -> None:
    change = difference(film(), forged("flicker")).mean(axis=(1, 2))
    assert change.std() > 0.02 * change.mean()


@pytest.mark.parametrize("seed", range(3, 8))
def test_an_edit_of_the_mouth_leaves_the_upper_face_alone(seed: int) -> None:
    made = forged("mouth", seed)
    for rgb, before, mesh in zip(made.rgb, film().rgb, film().landmarks_px, strict=True):
        eyes = regions.hull_mask(mesh[list(regions.LEFT_EYE + regions.RIGHT_EYE)], rgb.shape[:2]) > 0
        assert np.array_equal(rgb[eyes], before[eyes])


def test_an_animated_picture_has_the_noise_of_one_moment() -> None:
    """A camera's noise is new in every frame; in an animated picture it moves with the face."""

    def unlikeness(clip: Clip) -> float:
        found = _motion.motion(clips.seen(clip))
        return float(np.median(found.change["inner"][1:]))

    assert unlikeness(forged("animate")) < 0.8 * unlikeness(film())


@pytest.mark.parametrize("seed", range(6))
def test_what_honest_film_shows_is_put_over_both_alike(seed: int) -> None:
    rng_a, rng_b = (np.random.default_rng(seed) for _ in range(2))
    one, again = hard_clips.draw(32, rng_a)(film()), hard_clips.draw(32, rng_b)(film())
    assert np.array_equal(one.rgb, again.rgb)
    assert one.rgb.shape == film().rgb.shape


def test_repeated_frames_are_seen_as_such() -> None:
    layer = hard_clips._repeats(32, np.random.default_rng(0))
    repeated = _motion.motion(clips.seen(layer(film()))).repeated
    same = [np.array_equal(a, b) for a, b in zip(layer(film()).rgb, layer(film()).rgb[1:], strict=False)]
    assert repeated[1:].tolist() == same
    assert any(same)


def test_a_face_comes_back_from_a_codec_frame_by_frame() -> None:
    coded = clips.coded(film(), 26)
    assert coded.rgb.shape == film().rgb.shape
    assert 0.5 < difference(coded, film()).mean() < 6.0
    track = clips.seen(coded)
    assert track is not None
    assert len(track) == len(film())
    away = np.linalg.norm(track.landmarks_px - film().landmarks_px, axis=2).mean()
    assert away < 3.0


def test_the_mask_of_a_vanished_region_is_kept() -> None:
    mask = np.zeros((20, 20), np.float32)
    mask[9:11, 9:11] = 1.0
    assert grown(mask, -8.0).any()
