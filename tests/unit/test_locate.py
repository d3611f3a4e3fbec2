"""Where: parts of a face by its landmarks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.faces_samples import portrait
from unforge.explain import locate
from unforge.explain.vocabulary import PARTS
from unforge.faces import FaceTrack, regions, scan
from unforge.media.frame import Frame

SIDE_PX = 224


@pytest.fixture(scope="module")
def track() -> FaceTrack:
    return scan([Frame(0.0, portrait())]).tracks[0]


@pytest.fixture(scope="module")
def landmarks_px(track: FaceTrack) -> NDArray[np.float32]:
    return track.crop_landmarks_px[0]


def heat_at(points_px: NDArray[np.float32]) -> NDArray[np.float32]:
    """Heat over a crop that fills the hull of some points."""
    return regions.hull_mask(points_px, (SIDE_PX, SIDE_PX))


def test_every_pixel_belongs_to_one_part_and_every_part_has_a_name(landmarks_px: NDArray[np.float32]) -> None:
    masks = locate.part_masks(landmarks_px, SIDE_PX)
    assert set(masks) == set(PARTS)
    assert np.array_equal(np.sum([mask.astype(int) for mask in masks.values()], axis=0), np.ones((SIDE_PX, SIDE_PX)))
    assert all(mask.any() for mask in masks.values())


@pytest.mark.parametrize(
    ("part", "points"),
    [("mouth", regions.MOUTH), ("left eye", regions.LEFT_EYE), ("right eye", regions.RIGHT_EYE)],
)
def test_heat_on_a_feature_is_called_by_its_name(
    part: str, points: tuple[int, ...], landmarks_px: NDArray[np.float32]
) -> None:
    shares = locate.parts(heat_at(landmarks_px[list(points)]), landmarks_px, SIDE_PX)
    assert next(iter(shares)) == part
    assert shares[part] > 0.95


def test_parts_follow_the_landmarks_and_not_the_place_in_the_crop(landmarks_px: NDArray[np.float32]) -> None:
    heat = heat_at(landmarks_px[list(regions.MOUTH)])
    moved = landmarks_px - np.float32([0.0, 30.0])
    assert locate.parts(heat, moved, SIDE_PX).get("mouth", 0.0) < 0.3
    assert locate.parts(np.roll(heat, -30, axis=0), moved, SIDE_PX)["mouth"] > 0.9


def test_left_and_right_are_those_of_the_picture(landmarks_px: NDArray[np.float32]) -> None:
    masks = locate.part_masks(landmarks_px, SIDE_PX)
    for name in ("eye", "cheek"):
        left, right = (np.argwhere(masks[f"{side} {name}"])[:, 1].mean() for side in ("left", "right"))
        assert left < right


def test_the_chin_is_below_the_mouth_and_the_forehead_above_the_eyes(landmarks_px: NDArray[np.float32]) -> None:
    height = {name: np.argwhere(mask)[:, 0].mean() for name, mask in locate.part_masks(landmarks_px, SIDE_PX).items()}
    assert height["forehead"] < height["left eye"] < height["nose"] < height["mouth"] < height["chin"]


def test_without_a_mark_there_are_no_parts(landmarks_px: NDArray[np.float32]) -> None:
    assert locate.parts(np.full((56, 56), 0.5, np.float32), landmarks_px, SIDE_PX) == {}


@settings(max_examples=20)
@given(st.integers(0, 2**16), st.integers(2, 60))
def test_the_shares_sum_to_one(seed: int, side: int) -> None:
    heat = np.random.default_rng(seed).random((side, side), np.float32)
    heat[0, 0] = 1.0
    landmarks_px = np.random.default_rng(seed).random((468, 2), np.float32) * SIDE_PX
    shares = locate.parts(heat, landmarks_px, SIDE_PX)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
