"""The tile and the ink: what is drawn, how strongly, and that it can be told apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import rgb2lab

from tests.trace_samples import tile
from unforge.errors import ShapeError, UsageError
from unforge.trace import mark
from unforge.trace.tile import CHIPS, CODED_BITS, Pilot, Scramble, chip_px, draw

CODED = np.random.default_rng(0).integers(0, 2, CODED_BITS).astype(np.uint8)


@given(seed=st.binary(min_size=1, max_size=32), side=st.integers(2, 9))
def test_a_tile_repeats_without_a_seam_and_holds_every_bit(seed: bytes, side: int) -> None:
    pilot, scramble = Pilot(seed), Scramble(seed)
    drawn = draw(CODED, pilot, scramble, side)
    assert drawn.shape == (CHIPS * side, CHIPS * side)
    assert set(np.unique(drawn)) == {-1, 1}
    at = (np.arange(CHIPS * side) + 0.5) / side
    for shift in (CHIPS, -CHIPS):
        assert all(map(np.array_equal, pilot.fields(at, at), pilot.fields(at + shift, at)))
    assert np.bincount(scramble.places.ravel(), minlength=CODED_BITS).min() >= CHIPS * CHIPS // CODED_BITS


def test_half_of_the_tile_is_pilot_and_half_is_data() -> None:
    pilot, scramble = Pilot(b"p"), Scramble(b"s")
    one, other = (draw(coded, pilot, scramble, 4) for coded in (CODED, 1 - CODED))
    assert 0.4 < float((one != other).mean()) < 0.6
    at = (np.arange(CHIPS * 4) + 0.5) / 4
    first, second = pilot.fields(*np.meshgrid(at, at))
    assert np.array_equal(one != other, first != second)
    assert np.array_equal(one[first == second], first[first == second])


def test_other_seeds_give_other_tiles() -> None:
    tiles = [draw(CODED, Pilot(a), Scramble(b), 1) for a, b in ((b"a", b"a"), (b"b", b"a"), (b"a", b"b"))]
    for n in range(3):
        alike = float((tiles[n] * tiles[(n + 1) % 3].astype(float)).mean())
        assert abs(alike) < 0.75


def test_stripes_of_two_sites_are_not_mistaken_for_each_other() -> None:
    sequences = [Pilot(bytes([n])).sequences[0] for n in range(40)]
    alike = np.abs(np.corrcoef(sequences) - np.eye(40))
    assert np.median(alike) < 0.2


def test_secrets_do_not_show() -> None:
    assert "secret" not in repr(Pilot(b"secret")) + repr(Scramble(b"secret"))


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ShapeError, match="240"):
        draw(CODED[:80], Pilot(b"p"), Scramble(b"s"), 4)
    with pytest.raises(ShapeError, match="chip_px"):
        draw(CODED, Pilot(b"p"), Scramble(b"s"), 0)


def test_chips_keep_their_size_for_the_eye() -> None:
    assert [chip_px(ppi) for ppi in (96, 110, 144, 220)] == [4, 4, 6, 9]
    for ppi in (80, 96, 110, 144, 220, 300):
        cycles_per_degree = ppi * 60.0 / 2.54 * np.pi / 180.0 / (2 * chip_px(ppi))
        assert 4.0 < cycles_per_degree < 7.0


@pytest.mark.parametrize("level", [0, 30, 128, 243, 255])
@pytest.mark.parametrize("way", [mark.picture, mark.desktop])
def test_the_ink_is_hardly_seen_on_any_surface(level: int, way: object) -> None:
    surface = np.full((192, 192, 3), level, np.uint8)
    assert callable(way)
    change = rgb2lab(way(surface, tile())) - rgb2lab(surface)
    assert np.abs(change[..., 0]).max() <= 0.3
    assert np.abs(change[..., 2]).max() <= 4.0


@pytest.mark.parametrize("way", [mark.picture, mark.desktop])
def test_the_swing_is_the_same_on_light_and_dark(way: object) -> None:
    assert callable(way)
    swings = []
    for level in (10, 60, 128, 200, 250):
        blue = way(np.full((192, 192, 3), level, np.uint8), tile())[..., 2].astype(float)
        swings.append(blue[tile() < 0].mean() - blue[tile() > 0].mean())
    assert min(swings) >= 5.0
    assert max(swings) <= 8.5


def test_only_blue_is_touched_and_layers_do_the_same() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (192, 384, 3), dtype=np.uint8)
    marked = mark.picture(rgb, tile())
    assert np.array_equal(marked[..., :2], rgb[..., :2])
    layers = mark.layers(tile())
    multiply, screen = (np.tile(layer, (1, 2, 1)) / 255.0 for layer in (layers.multiply, layers.screen))
    blended = 1.0 - (1.0 - rgb / 255.0 * multiply) * (1.0 - screen)
    assert np.abs(255.0 * blended - marked).max() <= 1.0


def test_the_mark_may_begin_anywhere() -> None:
    rgb = np.full((300, 400, 3), 200, np.uint8)
    whole = mark.picture(np.full((600, 800, 3), 200, np.uint8), tile())
    assert np.array_equal(mark.picture(rgb, tile(), origin_xy=(-70, -30)), whole[30:330, 70:470])


@pytest.mark.parametrize("strength", [0, 3, 13])
def test_a_strength_that_shows_or_cannot_be_read_is_refused(strength: int) -> None:
    with pytest.raises(UsageError, match="4 to 12"):
        mark.picture(np.zeros((10, 10, 3), np.uint8), tile(), strength)


def test_grey_pictures_are_refused() -> None:
    with pytest.raises(ShapeError, match="rgb"):
        mark.picture(np.zeros((10, 10), np.uint8), tile())  # type: ignore[arg-type]
