"""Physical indicators on made pictures, where the difference between inside and outside is known."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.faces_samples import portrait
from unforge.explain import locate, measure
from unforge.explain.vocabulary import MEASURES
from unforge.faces import FaceTrack, align, scan
from unforge.media.frame import Frame

SIDE_PX = 224
AS_IT_IS = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@pytest.fixture(scope="module")
def track() -> FaceTrack:
    return scan([Frame(0.0, portrait())]).tracks[0]


@pytest.fixture(scope="module")
def landmarks_px(track: FaceTrack) -> NDArray[np.float32]:
    return track.crop_landmarks_px[0]


@pytest.fixture(scope="module")
def mark(landmarks_px: NDArray[np.float32]) -> Mask:
    return locate.oval(landmarks_px, SIDE_PX, 0.7)


def wall(noise_levels: float = 2.0) -> Picture:
    """An evenly textured wall with noise: the same everywhere, so that every ratio is 1."""
    rng = np.random.default_rng(3)
    texture = cv2.GaussianBlur(rng.standard_normal((SIDE_PX, SIDE_PX, 1), np.float32), (0, 0), 1.5)[..., None]
    grain = noise_levels * rng.standard_normal((SIDE_PX, SIDE_PX, 1), np.float32)
    levels = np.float32([150.0, 120.0, 100.0]) + 60.0 * texture + grain
    return np.asarray(np.clip(np.round(levels), 0, 255), np.uint8)


def pasted(inside: Picture, outside: Picture, mark: Mask) -> Picture:
    return np.where(mark[..., None], inside, outside)


def jpeg(rgb: Picture, quality: int) -> Picture:
    written = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(written, cv2.IMREAD_COLOR), np.uint8)


def test_nothing_stands_out_where_nothing_differs(mark: Mask, landmarks_px: NDArray[np.float32]) -> None:
    found = measure.measured(wall(), mark, landmarks_px, AS_IT_IS)
    assert set(found) == {key for keys in MEASURES.values() for key in keys}
    assert found["colour_delta_e"] < 1.0
    for name in ("sharpness_ratio", "noise_ratio", "edge_ratio", "blockiness_inside", "blockiness_outside"):
        assert found[name] == pytest.approx(1.0, abs=0.12), name


@pytest.mark.parametrize("shift", [(10.0, 0.0, 0.0), (0.0, 6.0, -8.0), (3.0, 0.0, 4.0)])
def test_a_shift_in_lab_is_measured_with_its_size(
    shift: tuple[float, float, float], mark: Mask, landmarks_px: NDArray[np.float32]
) -> None:
    lab = cv2.cvtColor(wall().astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB) + np.float32(shift)
    other = np.asarray(np.round(255.0 * np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0.0, 1.0)), np.uint8)
    found = measure.measured(pasted(other, wall(), mark), mark, landmarks_px, AS_IT_IS)
    assert found["colour_delta_e"] == pytest.approx(float(np.hypot.reduce(shift)), abs=1.0)


def test_a_blurred_part_is_less_sharp_and_a_blurred_rest_makes_it_sharper(
    mark: Mask, landmarks_px: NDArray[np.float32]
) -> None:
    sharp, soft = wall(), np.asarray(cv2.GaussianBlur(wall(), (0, 0), 1.5), np.uint8)
    inside = measure.measured(pasted(soft, sharp, mark), mark, landmarks_px, AS_IT_IS)
    outside = measure.measured(pasted(sharp, soft, mark), mark, landmarks_px, AS_IT_IS)
    assert inside["sharpness_ratio"] < 0.7
    assert outside["sharpness_ratio"] == pytest.approx(1.0 / inside["sharpness_ratio"], rel=0.15)


def test_a_lighter_texture_alone_is_no_blur(mark: Mask, landmarks_px: NDArray[np.float32]) -> None:
    flatter = np.asarray(np.round(127.0 + 0.6 * (wall(0.0).astype(np.float32) - 127.0)), np.uint8)
    found = measure.measured(pasted(flatter, wall(0.0), mark), mark, landmarks_px, AS_IT_IS)
    assert found["sharpness_ratio"] == pytest.approx(1.0, abs=0.2)


def test_noise_is_measured_as_how_many_times_as_much(mark: Mask, landmarks_px: NDArray[np.float32]) -> None:
    rng = np.random.default_rng(4)

    def noisy(levels: float) -> Picture:
        return np.asarray(
            np.clip(np.round(128 + levels * rng.standard_normal((SIDE_PX, SIDE_PX, 1))), 0, 255), np.uint8
        )

    rgb = np.repeat(pasted(noisy(6.0), noisy(2.0), mark), 3, axis=2)
    assert measure.measured(rgb, mark, landmarks_px, AS_IT_IS)["noise_ratio"] == pytest.approx(3.0, rel=0.1)


@pytest.mark.parametrize("offset_px", [0, 3])
def test_the_grid_of_a_pasted_jpeg_is_found_wherever_it_starts(
    offset_px: int, mark: Mask, landmarks_px: NDArray[np.float32]
) -> None:
    coded = np.roll(jpeg(wall(), 15), (offset_px, offset_px), axis=(0, 1))
    found = measure.measured(pasted(coded, wall(), mark), mark, landmarks_px, AS_IT_IS)
    assert found["blockiness_inside"] > 1.4
    assert found["blockiness_outside"] < 1.15


def test_the_grid_is_found_in_a_turned_and_enlarged_crop() -> None:
    rgb = jpeg(cv2.resize(portrait(), (400, 400), interpolation=cv2.INTER_AREA), 15)
    angle = np.radians(7.0)
    turn = 1.4 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.column_stack([turn, [40.0, -80.0]])
    crop = align.warp(rgb, matrix, SIDE_PX)
    place = np.zeros((SIDE_PX, SIDE_PX), np.bool_)
    place[20:200, 20:200] = True
    straight = measure.blockiness(crop, place, place, AS_IT_IS)["blockiness_inside"]
    turned = measure.blockiness(crop, place, place, matrix)["blockiness_inside"]
    assert straight is not None
    assert turned is not None
    assert turned > 1.25 > straight


def test_no_grid_is_claimed_where_the_crop_is_too_much_smaller_than_the_file(
    mark: Mask, landmarks_px: NDArray[np.float32]
) -> None:
    found = measure.measured(wall(), mark, landmarks_px, 0.4 * AS_IT_IS)
    assert found
    assert not any(name.startswith("blockiness") for name in found)


def test_a_contour_that_follows_an_edge_is_steeper_than_its_neighbours(
    mark: Mask, landmarks_px: NDArray[np.float32]
) -> None:
    brighter = np.asarray(np.clip(wall().astype(int) + 45, 0, 255), np.uint8)
    found = measure.measured(pasted(brighter, wall(), mark), mark, landmarks_px, AS_IT_IS)
    assert found["edge_ratio"] > 1.5


def test_what_is_too_small_is_left_out(landmarks_px: NDArray[np.float32]) -> None:
    speck = np.zeros((SIDE_PX, SIDE_PX), np.bool_)
    speck[110:118, 110:118] = True
    everything = np.ones((SIDE_PX, SIDE_PX), np.bool_)
    for mark in (speck, ~everything, everything):
        assert measure.measured(wall(), mark, landmarks_px, AS_IT_IS) == {}


def test_lips_do_not_count_as_a_difference(track: FaceTrack) -> None:
    landmarks_px = track.crop_landmarks_px[0]
    mouth = locate.features(landmarks_px, SIDE_PX)["mouth"]
    red = wall()
    red[mouth] = (200, 20, 40)
    mark = locate.oval(landmarks_px, SIDE_PX, 0.7)
    assert measure.measured(red, mark, landmarks_px, AS_IT_IS)["colour_delta_e"] < 1.5


def test_every_measurement_says_what_untouched_faces_show() -> None:
    for name in (key for keys in MEASURES.values() for key in keys):
        for marked in (0.1, 0.9):
            low, high = measure.usual(name, marked)
            assert 0.0 <= low < high
            assert not measure.is_unusual(name, (low + high) / 2.0, marked)
            assert measure.is_unusual(name, 2.0 * high, marked)
