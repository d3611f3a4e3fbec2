"""Pictures of offers are drawn as their labels say, and what is kept for measuring is not learned from."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

pytest.importorskip("matplotlib", reason="needs the train extra: pip install unforge[train]")

from unforge.moderate import looks
from unforge.train import adverts
from unforge.train.adverts import _ink, _picture, _scenes
from unforge.train.adverts._words import OFFERS, Words

LATIN = Words(latin=True)  # whether there is a Chinese font depends on the machine
kinds = pytest.mark.parametrize("name", adverts.available())


def scene(seed: int = 0) -> NDArray[np.uint8]:
    return cv2.resize(_scenes.put_together(np.random.default_rng(seed)), (320, 260))


@kinds
def test_a_kind_repeats_by_its_seed_and_leaves_the_scene_alone(name: str) -> None:
    rgb = scene()
    before = rgb.copy()
    once, again = (adverts.load(name).draw(rgb, LATIN, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(once.rgb, again.rgb)
    assert np.array_equal(rgb, before)
    assert once.rgb.shape == rgb.shape
    assert not np.array_equal(once.rgb, rgb)


@kinds
@pytest.mark.parametrize("seed", range(4))
def test_only_adverts_have_a_mask_and_they_change_nothing_beside_it(name: str, seed: int) -> None:
    rgb = scene(seed)
    kind = adverts.load(name)
    drawn = kind.draw(rgb, LATIN, np.random.default_rng([seed, 1]))
    if kind.CLASS == "clean":
        assert not drawn.mask.any()
    else:
        assert 0.02 < drawn.mask.mean() < 0.9
        assert np.array_equal(drawn.rgb[drawn.mask == 0.0], rgb[drawn.mask == 0.0])


def test_every_class_has_a_kind() -> None:
    assert all(adverts.of_class(name) for name in looks.CLASSES)


def test_a_drawn_code_can_be_read() -> None:
    detector, read = cv2.QRCodeDetector(), 0
    for seed in range(10):
        drawn = adverts.load("code").draw(np.full((800, 800, 3), 120, np.uint8), LATIN, np.random.default_rng(seed))
        read += detector.detectAndDecode(drawn.rgb)[0].startswith("https://")
    assert read >= 7


@given(st.integers(0, 10**6))
def test_phrases_kept_for_measuring_are_never_learned_from(seed: int) -> None:
    learned, measured = (Words(held_out).offer(np.random.default_rng(seed)) for held_out in (False, True))
    assert learned in OFFERS
    assert measured in OFFERS
    assert (OFFERS.index(learned) % 3 == 2, OFFERS.index(measured) % 3 == 2) == (False, True)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_what_is_pasted_in_part_is_what_is_pasted_in_whole(seed: int) -> None:
    """`laid` works on the touched part alone."""
    rng = np.random.default_rng(seed)
    below = rng.integers(0, 256, (60, 80, 3), np.uint8)
    above = rng.integers(0, 256, (20, 30, 4), np.uint8)
    matrix = _ink.placed(above, (rng.uniform(-20, 100), rng.uniform(-20, 80)), rng.uniform(0, 360))
    cover = cv2.warpPerspective(above[..., 3].astype(np.float32) / 255, matrix, (80, 60))[..., None]
    colour = cv2.warpPerspective(above[..., :3] * (above[..., 3:].astype(np.float32) / 255), matrix, (80, 60))
    whole = np.clip(np.rint(below * (1 - cover) + colour), 0, 255)
    assert np.abs(_ink.laid(below, above, matrix) - whole).max() <= 4  # the warp rounds places to 1/32 px


def test_pictures_need_no_data_and_are_as_many_of_every_class() -> None:
    made = _picture.balanced(_scenes.scenes(None, _scenes.LEARN), 8, LATIN, seed=3)
    assert [one.label for one in made] == [0, 1, 2, 3] * 2
    again = _picture.balanced(_scenes.scenes(None, _scenes.LEARN), 3, LATIN, seed=3)
    assert all(np.array_equal(a.drawn.rgb, b.drawn.rgb) for a, b in zip(made, again, strict=False))
