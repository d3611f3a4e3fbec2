"""Faces: found, aligned, measured, followed."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.faces_samples import FACE_BOX, portrait, scene
from unforge.faces import FACES_PER_STILL, Scan, align, quality, regions, scan
from unforge.faces.find import find, overlap, tiles
from unforge.faces.mesh import mesh
from unforge.media.frame import Frame


def points_of(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    found = find(rgb)
    points = mesh(rgb, found.boxes_px[0], found.eyes_px[0])
    assert points is not None
    return points


@pytest.fixture(scope="module")
def astronaut() -> NDArray[np.float32]:
    return points_of(portrait())


def still(rgb: NDArray[np.uint8]) -> Scan:
    return scan([Frame(0.0, rgb)], FACES_PER_STILL)


def film(picture: Callable[[float], NDArray[np.uint8]], duration_s: float = 4.0) -> Iterator[Frame]:
    for time_s in np.arange(0.0, duration_s, 0.25):
        yield Frame(float(time_s), picture(float(time_s)))


def test_the_portrait_has_one_face_where_it_is(astronaut: NDArray[np.float32]) -> None:
    assert len(find(portrait())) == 1
    box = np.concatenate([astronaut[:, :2].min(axis=0), astronaut[:, :2].max(axis=0)])
    assert np.abs(box - FACE_BOX).max() < 6


def test_mesh_points_lie_where_their_names_say(astronaut: NDArray[np.float32]) -> None:
    def centre(indices: tuple[int, ...]) -> NDArray[np.float32]:
        return np.asarray(astronaut[list(indices), :2].mean(axis=0), np.float32)

    left, right = centre(regions.LEFT_EYE), centre(regions.RIGHT_EYE)
    nose, mouth = centre(regions.NOSE), centre(regions.MOUTH)
    assert left[0] < nose[0] < right[0]
    assert left[1] < nose[1] < mouth[1] < astronaut[152, 1]


def test_a_hull_holds_its_points(astronaut: NDArray[np.float32]) -> None:
    mask = regions.hull_mask(astronaut[list(regions.OVAL), :2], (512, 512))
    x, y = np.round(astronaut[list(regions.MOUTH), :2]).astype(int).T
    assert mask[y, x].all()
    assert mask[:60].sum() == 0


@pytest.mark.parametrize("side_px", [40, 60, 120, 400])
def test_a_face_is_found_in_a_large_frame_whatever_its_size(side_px: int) -> None:
    tracks = still(scene((1920, 1080), (1000, 500, side_px))).tracks
    assert len(tracks) == 1
    assert tracks[0].size_px[0] == pytest.approx(side_px, rel=0.25)
    x0, y0, x1, y1 = tracks[0].boxes_px[0]
    assert x0 < 1000 < x1
    assert y0 < 500 < y1


def test_everybody_in_a_group_is_found() -> None:
    places = [(200 + 260 * column, 200 + 300 * row, 90) for row in range(3) for column in range(6)]
    assert len(still(scene((1800, 1100), *places)).tracks) == len(places)


def test_a_picture_without_faces_has_no_tracks() -> None:
    rng = np.random.default_rng(0)
    assert still(rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)).tracks == ()


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (900, 3), (17, 16)])
def test_odd_pictures_are_searched_without_complaint(shape: tuple[int, int]) -> None:
    assert still(np.zeros((*shape, 3), np.uint8)).tracks == ()


def test_turned_heads_are_found_and_their_crops_are_level() -> None:
    turn = cv2.getRotationMatrix2D((225, 123), 30, 1.0)
    rgb = np.asarray(cv2.warpAffine(portrait(), turn, (512, 512), borderMode=cv2.BORDER_REFLECT), np.uint8)
    track = still(rgb).tracks[0]
    eyes = track.crop_landmarks_px[0, [33, 263]]
    assert abs(eyes[1, 1] - eyes[0, 1]) < 0.05 * abs(eyes[1, 0] - eyes[0, 0])


def test_crop_and_picture_agree_on_where_the_points_are(astronaut: NDArray[np.float32]) -> None:
    matrix = align.face_square(astronaut[:, :2], align.CROP_MARGIN, align.CROP_PX)
    crop = align.warp(portrait(), matrix, align.CROP_PX)
    again = points_of(crop)
    expected = astronaut[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    assert np.abs(again[:, :2] - expected).mean() < 4.0


def test_a_crop_is_reduced_by_areas_and_stays_in_place() -> None:
    """The fast way for large faces gives what a plain area-averaged picture gives."""
    large = cv2.GaussianBlur(cv2.resize(portrait(), (2048, 2048), interpolation=cv2.INTER_CUBIC), (0, 0), 12)
    square = align.level_square(np.array([900.0, 500.0]), 1600.0, np.array([[0.0, 0.0], [1.0, 0.2]]), 224)
    fast = align.warp(np.asarray(large, np.uint8), square, 224).astype(float)
    plain = cv2.warpAffine(large, square, (224, 224), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    assert np.abs(fast - plain)[20:-20, 20:-20].mean() < 1.0


def test_inverting_a_matrix_twice_gives_it_back(astronaut: NDArray[np.float32]) -> None:
    matrix = align.face_square(astronaut[:, :2], 1.3, 144)
    assert np.allclose(align.invert(align.invert(matrix)), matrix)


def test_blur_lowers_sharpness(astronaut: NDArray[np.float32]) -> None:
    crop = align.warp(portrait(), align.face_square(astronaut[:, :2], 1.6, 224), 224)
    values = [quality.sharpness(np.asarray(cv2.GaussianBlur(crop, (0, 0), s), np.uint8)) for s in (0.3, 2, 5)]
    assert values[0] > values[1] > values[2]


def test_strong_jpeg_shows_its_grid() -> None:
    box = np.array([0.0, 0.0, 512.0, 512.0])
    coded = cv2.imdecode(cv2.imencode(".jpg", portrait(), [cv2.IMWRITE_JPEG_QUALITY, 15])[1], cv2.IMREAD_COLOR)
    assert quality.blockiness(portrait(), box) < 1.15 < quality.blockiness(np.asarray(coded, np.uint8), box)


def test_blockiness_of_next_to_nothing_is_one() -> None:
    assert quality.blockiness(np.zeros((9, 9, 3), np.uint8), np.array([0.0, 0.0, 9.0, 9.0])) == 1.0


def test_tiles_cover_the_whole_picture() -> None:
    for size_wh in ((1920, 1080), (500, 3000), (64, 64)):
        seen = np.zeros(size_wh[::-1], bool)
        for x0, y0, x1, y1 in tiles(size_wh, 4):
            assert 0 <= x0 < x1 <= size_wh[0]
            assert 0 <= y0 < y1 <= size_wh[1]
            seen[y0:y1, x0:x1] = True
        assert seen.all()


def test_overlap_is_intersection_over_union() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]], np.float32)
    assert overlap(boxes[0], boxes) == pytest.approx([1.0, 1 / 3, 0.0])


def test_one_moving_person_is_one_track() -> None:
    seen = scan(film(lambda t: scene((960, 540), (200 + round(60 * t), 250, 110))))
    assert len(seen.tracks) == 1
    assert len(seen.tracks[0]) == len(seen.times_s) == 16
    assert np.all(np.diff(seen.tracks[0].boxes_px[:, 0]) > 0)


def test_people_enter_and_leave() -> None:
    def picture(time_s: float) -> NDArray[np.uint8]:
        left = [(220, 250, 110)] if time_s < 2.5 else []
        right = [(700, 250, 120)] if time_s >= 1.0 else []
        return scene((960, 540), *left, *right)

    tracks = scan(film(picture)).tracks
    assert [(track.times_s[0], track.times_s[-1]) for track in tracks] == [(0.0, 2.25), (1.0, 3.75)]
    assert [track.id for track in tracks] == [0, 1]


def test_a_cut_ends_every_track() -> None:
    def picture(time_s: float) -> NDArray[np.uint8]:
        return scene((640, 480), (300, 220, 150), background=60 if time_s < 2 else 220)

    seen = scan(film(picture))
    assert seen.cuts_s == (2.0,)
    assert [len(track) for track in seen.tracks] == [8, 8]


def test_boxes_are_in_pixels_of_the_displayed_frame() -> None:
    track = scan([Frame(0.0, portrait(), scale=2.0)]).tracks[0]
    assert np.abs(track.boxes_px[0] / 2.0 - FACE_BOX).max() < 6
    assert track.size_px[0] == pytest.approx(2 * 108, rel=0.1)
