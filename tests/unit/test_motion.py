"""Motion from frame to frame: what is measured means what its name says, and the camera's own motion does not count."""

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.film_samples import moving
from unforge import weights
from unforge.detect import _motion, finegrained
from unforge.faces import FaceTrack, regions
from unforge.train import clips


@cache
def track() -> FaceTrack:
    found = clips.seen(moving(32))
    assert found is not None
    return found


def carried(shift_px: tuple[float, float], scale: float, angle_rad: float) -> FaceTrack:
    """The same face before a camera that pans, zooms and rolls: another path of the same shape."""
    steps = np.linspace(0.0, 1.0, len(track()))[:, None, None]
    cos, sin = np.cos(angle_rad * steps), np.sin(angle_rad * steps)
    x, y = track().landmarks_px[..., :1], track().landmarks_px[..., 1:]
    size = 1.0 + (scale - 1.0) * steps
    moved = np.concatenate([size * (cos * x - sin * y), size * (sin * x + cos * y)], axis=2) + steps * np.array(
        shift_px
    )
    return replace(track(), landmarks_px=moved.astype(np.float32))


@settings(max_examples=15, deadline=None)
@given(st.tuples(st.floats(-80, 80), st.floats(-80, 80)), st.floats(0.8, 1.25), st.floats(-0.3, 0.3))
def test_pan_zoom_and_roll_of_the_camera_are_no_trembling(
    shift_px: tuple[float, float], scale: float, angle_rad: float
) -> None:
    before, ratio = _motion.jitter(_motion.motion(track()))
    after, carried_ratio = _motion.jitter(_motion.motion(carried(shift_px, scale, angle_rad)))
    assert np.median(after) == pytest.approx(np.median(before), rel=0.1)
    assert carried_ratio == pytest.approx(ratio, rel=0.1)


def test_trembling_of_the_inner_face_shows_in_the_ratio_to_the_jaw_line() -> None:
    rng = np.random.default_rng(0)
    shaken = track().landmarks_px.copy()
    inner = list(_motion.INNER)
    shaken[:, inner] += rng.normal(0.0, 2.0, (len(shaken), len(inner), 2))
    _, before = _motion.jitter(_motion.motion(track()))
    _, after = _motion.jitter(_motion.motion(replace(track(), landmarks_px=shaken.astype(np.float32))))
    assert after > 1.5 * before


def test_expression_is_that_of_the_face_and_not_of_the_camera() -> None:
    alive = _motion.expression(_motion.motion(track()))
    away = _motion.expression(_motion.motion(carried((60.0, -40.0), 1.2, 0.2)))
    frozen = replace(track(), landmarks_px=np.repeat(track().landmarks_px[:1], len(track()), axis=0))
    assert alive > 0.005
    assert away == pytest.approx(alive, rel=0.15)
    assert _motion.expression(_motion.motion(frozen)) < 1e-4


def test_the_likeness_drops_in_the_frame_in_which_the_face_is_another() -> None:
    crops = track().crops.copy()
    crops[20] = crops[20][:, ::-1]
    likeness = _motion.likeness(_motion.motion(replace(track(), crops=crops)))
    assert int(np.argmin(likeness)) == 20
    assert likeness[20] < np.delete(likeness, 20).min()


def test_change_inside_the_face_alone_raises_the_residual() -> None:
    rng = np.random.default_rng(1)
    crops = track().crops.astype(float)
    for n, mesh in enumerate(track().crop_landmarks_px):
        inner = cv2.erode(regions.hull_mask(mesh[list(regions.OVAL)], (224, 224)), np.ones((25, 25), np.uint8))[
            ..., None
        ]
        crops[n] += inner * rng.uniform(-25, 25)
    flickering = replace(track(), crops=np.clip(np.round(crops), 0, 255).astype(np.uint8))
    before, after = (float(np.median(_motion.residual(_motion.motion(one)))) for one in (track(), flickering))
    assert after > 1.5 * before


def test_fast_change_lies_in_the_fast_band() -> None:
    times_s = np.arange(64) / 25.0
    found = _motion.motion(track())
    grey = np.zeros((64, 96, 96), np.float32)
    grey += 10.0 * np.sin(2 * np.pi * 10.0 * times_s)[:, None, None].astype(np.float32)
    fast = replace(found, grey=grey, times_s=times_s)
    assert _motion.spectrum_share(fast, "inner", 8.0, 15.0) > 0.9
    assert _motion.spectrum_share(fast, "inner", 0.5, 8.0) < 0.1


def test_blinks_are_counted_and_long_closing_is_not_one() -> None:
    times_s = np.arange(300) / 30.0
    opening = np.full(300, 0.3, np.float32)
    for start in (40, 120, 200):
        opening[start : start + 5] = 0.1
    opening[240:290] = 0.1
    assert _motion.blinks(opening, times_s) == 3


def test_the_features_hold_change_and_not_what_a_single_frame_shows() -> None:
    details = weights.card("finegrained").details
    session = weights.session("finegrained")
    looked = _motion.look(session, track(), float(details["margin"]), int(details["size_px"]))
    found = _motion.features(_motion.motion(track()), looked)
    assert found.shape[0] == len(track())
    assert np.isfinite(found).all()
    centred = looked.shape[1] + 2 * len(_motion.TOLD) + 4
    assert np.allclose(found[:, :centred].mean(axis=0), 0.0, atol=1e-4)
    logits = finegrained.read(session, track().crops, track().crop_landmarks_px, details).logits
    assert np.allclose(looked[:, 128], logits, atol=1e-4)
