"""Codes: read where they stand, tilted, small, blurred, in colours; nothing is read where there are none."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.moderate.hash_samples import scene
from unforge.moderate import checks, codes
from unforge.moderate.item import Item, Still

zxingcpp = pytest.importorskip("zxingcpp")

TEXT = "https://example.org/a/17"


def on_scene(
    text: str = TEXT,
    side: int = 120,
    *,
    kind: str = "QRCode",
    tilt_deg: float = 0.0,
    dark: tuple[int, int, int] = (0, 0, 0),
    light: tuple[int, int, int] = (255, 255, 255),
    seed: int = 3,
    corner: tuple[int, int] = (200, 90),
) -> NDArray[np.uint8]:
    """A scene of 360 by 480 px with a code at a corner (x, y)."""
    drawn = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind)).to_image(scale=8, add_quiet_zones=True)
    modules = np.array(drawn)
    tall = round(side * modules.shape[0] / modules.shape[1])
    shades = cv2.resize(modules, (side, tall), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    matrix = cv2.getRotationMatrix2D((side / 2, tall / 2), tilt_deg, 1.0)
    matrix = np.column_stack([matrix[:, :2], matrix[:, 2] + corner])
    shade, lies = (cv2.warpAffine(one, matrix, (480, 360))[..., None] for one in (shades, np.ones_like(shades)))
    shown = scene(seed) * (1 - lies) + (shade * np.array(light) + (1 - shade) * np.array(dark)) * lies
    return np.clip(shown, 0, 255).astype(np.uint8)


def said(rgb: NDArray[np.uint8]) -> list[str]:
    return [one.text for one in codes.read([Still(0.0, rgb)])]


@given(st.floats(-15, 15), st.integers(90, 160), st.integers(0, 20))
@settings(max_examples=12)
def test_a_tilted_code_is_read(tilt_deg: float, side: int, seed: int) -> None:
    assert said(on_scene(side=side, tilt_deg=tilt_deg, seed=seed)) == [TEXT]


@pytest.mark.parametrize(
    ("dark", "light"),
    [
        ((255, 255, 255), (0, 0, 0)),
        ((230, 40, 40), (40, 150, 40)),
        ((40, 40, 200), (90, 70, 30)),
        ((130, 130, 130), (175, 175, 175)),
    ],
)
def test_colours_hide_nothing(dark: tuple[int, int, int], light: tuple[int, int, int]) -> None:
    assert said(on_scene(dark=dark, light=light)) == [TEXT]


def test_a_small_code_and_a_blurred_one_are_read() -> None:
    assert said(on_scene(side=50)) == [TEXT]
    assert said(np.asarray(cv2.GaussianBlur(on_scene(side=130), (0, 0), 1.6), np.uint8)) == [TEXT]


@pytest.mark.parametrize(("kind", "text"), [("EAN13", "4006381333931"), ("Code128", "LAMP-17"), ("DataMatrix", TEXT)])
def test_other_kinds_are_read(kind: str, text: str) -> None:
    assert said(on_scene(text, 200, kind=kind)) == [text]


def test_kinds_without_a_check_digit_are_left_out() -> None:
    assert said(on_scene("123456", 200, kind="ITF")) == []


def test_the_box_is_where_the_code_stands_in_the_displayed_picture() -> None:
    (one,) = codes.read([Still(2.0, on_scene(side=120, corner=(200, 90)), scale=2.0)])
    left, top, right, bottom = one.pieces[0].box_px
    assert 400 <= left < right <= 640
    assert 180 <= top < bottom <= 420
    assert (right - left) > 150
    assert (one.origin, one.time_s) == ("code", 2.0)


def test_two_codes_are_both_told_and_one_that_stays_is_told_once() -> None:
    both = on_scene(side=110, corner=(20, 20))
    both[150:350, 250:450] = on_scene("https://example.org/b", side=110)[60:260, 170:370]
    assert sorted(said(both)) == [TEXT, "https://example.org/b"]
    stills = [Still(float(n), on_scene()) for n in range(6)]
    assert [(one.text, one.time_s) for one in codes.read(stills)] == [(TEXT, 0.0)]


@given(st.integers(0, 10_000))
@settings(max_examples=15)
def test_nothing_is_read_where_there_is_none(seed: int) -> None:
    assert said(scene(seed)) == []


@given(st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=15)
def test_any_size_is_looked_at(height: int, width: int) -> None:
    assert said(np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)) == []


def test_the_check_quotes_the_code_in_one_short_line() -> None:
    check = checks.load("code", checks.Setup())
    text = "BEGIN:VCARD\nFN:" + "lamp " * 40
    answer = check.examine(Item.of_picture(on_scene(text, 260, corner=(100, 40))))
    assert answer.llr >= float(answer.facts["llr_manipulated"]) > 0
    assert "BEGIN:VCARD FN:lamp" in answer.note
    assert "\n" not in answer.note
    assert len(answer.note) < 120
    assert answer.facts["says"] == text
    assert answer.regions[0].box_px is not None


def test_the_check_finds_none_and_abstains_without_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    check = checks.load("code", checks.Setup())
    none = check.examine(Item.of_picture(scene(1)))
    assert none.llr <= float(none.facts["llr_no_evidence"]) < 0
    assert check.examine(Item("words", text="lamp")).abstained
    assert "too small" in check.examine(Item.of_picture(np.zeros((9, 9, 3), np.uint8))).note
    monkeypatch.setattr(codes, "find_spec", lambda name: None)
    missing = check.examine(Item.of_picture(on_scene()))
    assert missing.abstained
    assert "pip install 'unforge[moderate]'" in missing.note
    assert codes.read([Still(0.0, on_scene())]) == ()
