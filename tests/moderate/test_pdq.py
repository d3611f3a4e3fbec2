"""PDQ against the published program, and what crops, frames, turns and banners leave of it."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.moderate.hash_samples import scene, waves
from unforge.errors import SchemaError, ShapeError
from unforge.moderate import alignment, index, pdq, variants
from unforge.moderate.index import Found, Index
from unforge.moderate.variants import Reduced, Window

# Made by pdqhash 0.2.8, the published program, of `waves(n, height, width)`.
PUBLISHED = (
    (64, 64, "9235bb8808353f80a235ffe0554a7f807f8afa85ffc0006fffd8007772cd2872", 100),
    (200, 300, "fa13fd36ea13fd36ea53fd35aa5100ff5598574155ae00df006d42cf006c02cf", 100),
    (255, 257, "d246d78206466f025007afadbeb8af05fe30569afc08a81fededa895bbc4554a", 100),
    (512, 512, "07dd8c1a07ddac1e07df0d1e07df0c1a07dcad5dfc0857a5f8b0551ef88a0275", 100),
    (481, 640, "a8bd7ff8a8bdfff8aabd000755425662fdf0561a034b015e4349893f534a013f", 100),
    (1000, 700, "bd25fa2f2d24fa05fc2056aefc65562aaba501d0af1a05ff502a00bfaad5ff00", 100),
    (37, 91, "718468e4b9879aa7fb8770e2d02e10b0518bbb25f870ad578777a60f06ada778", 100),
)
SCENES = 12


@pytest.fixture(scope="module")
def scenes() -> list[NDArray[np.uint8]]:
    return [scene(n) for n in range(SCENES)]


@pytest.fixture(scope="module")
def bank(scenes: list[NDArray[np.uint8]]) -> Index:
    return index.gathered([variants.stored(variants.reduced(rgb)) for rgb in scenes])


def matches(bank: Index, rgb: NDArray[np.uint8]) -> list[Found]:
    found = [one for seen in variants.reduced(rgb) for one in bank.near(seen) if one.matches]
    return sorted(found, key=lambda one: one.share)


def jpeg(rgb: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    _, data = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize(("height", "width", "digits", "quality"), PUBLISHED)
def test_the_hash_is_the_published_one(height: int, width: int, digits: str, quality: int) -> None:
    number = [one[2] for one in PUBLISHED].index(digits)
    own = pdq.of(waves(number, height, width))
    # a sine may differ in its last digit from machine to machine
    assert pdq.distances(own.data, np.frombuffer(pdq.from_hex(digits), np.uint8)[None])[0] <= 2
    assert own.quality == quality


def test_a_flat_picture_has_no_quality() -> None:
    assert pdq.of(np.full((100, 100, 3), 128, np.uint8)).quality == 0


@pytest.mark.parametrize("shape", [(0, 5, 3), (4, 4), (4, 4, 4)])
def test_what_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="H, W, 3"):
        pdq.of(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("text", ["", "zz", "f" * 63, "f" * 66, "0x" + "f" * 62])
def test_what_is_no_hash_is_refused(text: str) -> None:
    with pytest.raises(SchemaError, match="64 hexadecimal"):
        pdq.from_hex(text)


@given(st.binary(min_size=32, max_size=32))
def test_bits_and_digits_go_both_ways(data: bytes) -> None:
    assert pdq.from_hex(pdq.Hash(data, 100).hex) == data
    ones = np.frombuffer(data, np.uint8)
    assert np.array_equal(pdq.signs(ones) > 0, np.unpackbits(ones)[::-1].reshape(16, 16) == 1)


@given(st.integers(0, 50), st.integers(0, 7))
@settings(max_examples=20)
def test_each_way_is_what_its_name_says(seed: int, way: int) -> None:
    """Of a picture that PDQ samples point by point, so that nothing but the way differs."""
    points = np.random.default_rng(seed).normal(size=(64, 64)).astype(np.float32)
    done = (
        points,
        np.fliplr(points),
        np.flipud(points),
        np.rot90(points, 2),
        points.T,
        np.rot90(points),
        np.rot90(points, 3),
        np.rot90(points, 2).T,
    )[way]
    np.testing.assert_allclose(pdq.dihedral(pdq.cosines(points))[way], pdq.cosines(done), atol=1e-3)
    back = pdq.dihedral(pdq.dihedral(pdq.cosines(points))[way])[alignment.INVERSE[way]]
    np.testing.assert_allclose(back, pdq.cosines(points), atol=1e-4)


@given(
    st.integers(0, SCENES - 1),
    st.floats(0.0, 0.1),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.sampled_from([1, -1]),
    st.sampled_from([20, 60, 95]),
)
@settings(max_examples=25)
def test_a_crop_wherever_it_lies_is_found(
    scenes: list[NDArray[np.uint8]],
    bank: Index,
    number: int,
    share: float,
    across: float,
    down: float,
    step: int,
    quality: int,
) -> None:
    rgb = scenes[number]
    height, width = rgb.shape[:2]
    top, left = int(height * share * down), int(width * share * across)
    cropped = rgb[top : top + int(height * (1 - share)), left : left + int(width * (1 - share))]
    found = matches(bank, jpeg(np.ascontiguousarray(cropped[:, ::step]), quality))
    assert [one.picture for one in found[:1]] == [number]


@pytest.mark.parametrize("border", [(0, 0, 0), (255, 255, 255), (200, 30, 90)])
def test_a_picture_in_a_frame_is_found(
    scenes: list[NDArray[np.uint8]], bank: Index, border: tuple[int, int, int]
) -> None:
    for number, rgb in enumerate(scenes):
        framed = cv2.copyMakeBorder(rgb, 90, 30, 40, 40, cv2.BORDER_CONSTANT, value=border)
        assert matches(bank, jpeg(np.asarray(framed, np.uint8), 60))[0].picture == number


@pytest.mark.parametrize("turn_deg", [-5.0, -3.3, 1.4, 5.0])
def test_a_turned_picture_is_found_with_its_turn(scenes: list[NDArray[np.uint8]], bank: Index, turn_deg: float) -> None:
    for number, rgb in enumerate(scenes):
        height, width = rgb.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn_deg, 1.0)
        found = matches(bank, np.asarray(cv2.warpAffine(rgb, matrix, (width, height)), np.uint8))
        assert found[0].picture == number
        if found[0].limit_bits == index.ALIGNED_BITS:
            assert abs(found[0].window.turn_deg + turn_deg) < 1.0


@pytest.mark.parametrize("place", [0.0, 0.45, 0.9])
def test_a_banner_wherever_it_lies_hides_nothing(scenes: list[NDArray[np.uint8]], bank: Index, place: float) -> None:
    for number, rgb in enumerate(scenes):
        height = len(rgb)
        covered = rgb.copy()
        covered[int(place * height) : int((place + 0.1) * height)] = (10, 240, 20)
        assert matches(bank, jpeg(covered, 60))[0].picture == number


@pytest.mark.parametrize("way", range(8))
def test_the_way_found_is_what_was_done(scenes: list[NDArray[np.uint8]], bank: Index, way: int) -> None:
    mirrors = (lambda a: a, np.fliplr, np.flipud, lambda a: np.rot90(a, 2))
    turns = (
        lambda a: a.swapaxes(0, 1),
        np.rot90,
        lambda a: np.rot90(a, 3),
        lambda a: np.rot90(a, 2).swapaxes(0, 1),
    )
    changed = np.ascontiguousarray((*mirrors, *turns)[way](scenes[0]))
    assert (matches(bank, changed)[0].picture, matches(bank, changed)[0].way) == (0, pdq.DIHEDRAL[way])


def test_other_pictures_are_far_away(bank: Index) -> None:
    for number in range(SCENES, SCENES + 30):
        near = [one.share for seen in variants.reduced(scene(number)) for one in bank.near(seen)]
        assert min(near, default=9.0) > 1.5


def test_aligning_brings_a_misplaced_window_home(scenes: list[NDArray[np.uint8]]) -> None:
    picture = variants.reduced(scenes[3])[0]
    known = pdq.bits(picture.cosines(Window(0.1, 0.12, 0.9, 0.88, 2.0)))
    start = Window(0.12, 0.1, 0.88, 0.89, 0.5)
    before = int(pdq.distances(pdq.bits(picture.cosines(start)), known[None])[0])
    fit = alignment.align(picture, start, 0, known)
    assert fit.distance_bits <= 4 < before
    assert abs(fit.window.left - 0.1) < 0.01
    assert abs(fit.window.turn_deg - 2.0) < 0.3


def test_aligning_to_another_picture_does_not_bring_it_near(scenes: list[NDArray[np.uint8]]) -> None:
    other = pdq.bits(variants.reduced(scenes[5])[0].cosines(Window.inner(0.1)))
    for way in range(8):
        fit = alignment.align(variants.reduced(scenes[4])[0], Window.inner(0.1), way, other)
        assert fit.distance_bits > 3 * index.ALIGNED_BITS


@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 255))
@settings(max_examples=15)
def test_any_size_and_any_grey_can_be_hashed(height: int, width: int, grey: int) -> None:
    seen = variants.reduced(np.full((height, width, 3), grey, np.uint8))
    assert all(one.quality == 0 for one in seen)
    assert all(len(data) == 32 for data in variants.stored(seen).values())
    assert np.isfinite(Reduced(pdq.grey(scene(1, height, width))).cosines(Window(turn_deg=3.0))).all()
