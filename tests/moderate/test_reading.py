"""What stands on pictures is read, twice, and where it stands is told in the displayed picture."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from unforge.moderate import reading
from unforge.moderate.item import Reading, Still

pytest.importorskip("rapidocr")

FONT = Path(__file__).parent / "fonts" / "NotoSansCJKsc-subset.otf"
SIZE_WH = (480, 224)
CHINESE, ENGLISH = "加微信 abc12345", "WhatsApp 13489733567"


def _picture(*lines: str, size_px: int = 30) -> NDArray[np.uint8]:
    """Lines on a plate, on a ground that shades from one side to the other."""
    ground = np.linspace(70, 150, SIZE_WH[0])[None, :, None] + np.zeros((SIZE_WH[1], 1, 3))
    image = Image.fromarray(ground.astype(np.uint8))
    drawing = ImageDraw.Draw(image)
    drawing.rectangle((70, 60, 440, 170), fill=(245, 245, 245))
    font = ImageFont.truetype(str(FONT), size_px)
    drawing.multiline_text((84, 66), "\n".join(lines), font=font, fill=(20, 20, 20))
    return np.asarray(image)


def _text(rgb: NDArray[np.uint8]) -> str:
    found = reading.read([Still(0.0, rgb)])
    return "".join("\n".join(one.text for one in found.passages).split())


def _tilted(rgb: NDArray[np.uint8], angle_deg: float) -> NDArray[np.uint8]:
    turn = cv2.getRotationMatrix2D((SIZE_WH[0] / 2, SIZE_WH[1] / 2), angle_deg, 0.9)
    return cv2.warpAffine(rgb, turn, SIZE_WH, borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)


def _noisy(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    signs = np.random.default_rng(5).integers(0, 2, rgb.shape) * 2 - 1
    moved: NDArray[np.uint8] = np.clip(rgb.astype(np.int16) + 16 * signs, 0, 255).astype(np.uint8)
    return moved


@pytest.mark.parametrize("way", ["as it is", "noise", "tilted", "mirrored", "upside down"])
def test_both_languages_are_read_whatever_was_done_to_the_picture(way: str) -> None:
    rgb = _picture(CHINESE, ENGLISH)
    changed = {
        "as it is": rgb,
        "noise": _noisy(rgb),
        "tilted": _tilted(rgb, -15.0),
        "mirrored": rgb[:, ::-1],
        "upside down": rgb[::-1, ::-1],
    }[way]
    text = _text(np.ascontiguousarray(changed))
    assert "微信" in text
    assert "whatsapp" in text.casefold()


def test_each_line_points_at_its_place_in_the_displayed_picture() -> None:
    found = reading.read([Still(2.0, _picture(CHINESE, ENGLISH), scale=2.0)])
    (passage,) = found.passages
    start = passage.text.index("WhatsApp")
    region = passage.region(start, start + len("WhatsApp"))
    assert region.box_px is not None
    assert region.start_s == 2.0
    x0, y0, x1, y1 = region.box_px
    assert 120 <= x0 < 180
    assert 190 <= y0 < 240
    assert 700 < x1 < 880
    assert 240 < y1 < 340
    assert all(0 <= one.start_char < one.end_char <= len(passage.text) for one in passage.pieces)
    assert passage.origin == "ocr"


def test_two_readings_of_clear_writing_are_alike_and_nothing_has_none() -> None:
    clear = reading.read([Still(0.0, _picture(CHINESE))])
    assert clear.twice is not None
    assert clear.twice > 0.9
    nothing = reading.read([Still(0.0, np.full((200, 300, 3), 127, np.uint8))])
    assert nothing == Reading()
    assert reading.read([]) == Reading()


def test_writing_that_shows_for_a_second_of_a_film_is_read_once() -> None:
    plain, advert = np.full((224, 480, 3), 90, np.uint8), _picture(ENGLISH)
    film = [Still(float(n), advert if n in (4, 5) else plain) for n in range(9)]
    found = reading.read(film)
    assert [one.time_s for one in found.passages] == [4.0]


def test_of_a_long_film_no_more_stills_are_read_than_said() -> None:
    film = [Still(float(n), np.full((64, 64, 3), 255 * (n % 2), np.uint8)) for n in range(3 * reading.MOST_READ)]
    chosen = reading._worth_reading(film)
    assert len(chosen) == reading.MOST_READ
    assert chosen[0].time_s == 0.0
    assert chosen[-1].time_s == film[-1].time_s


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 900, 3), (900, 3, 3)])
def test_odd_shapes_are_read_as_nothing(shape: tuple[int, int, int]) -> None:
    assert reading.read([Still(0.0, np.zeros(shape, np.uint8))]) == Reading()


@pytest.fixture
def loaded_anew() -> Iterator[None]:
    reading._engine.cache_clear()
    yield
    reading._engine.cache_clear()


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, loaded_anew: None) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    found = reading.read([Still(0.0, _picture(CHINESE))])
    assert found.passages == ()
    assert found.twice is None
    assert "unforge[moderate]" in found.missing


def test_nothing_is_fetched_and_nothing_is_printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], loaded_anew: None
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("reading must not open a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    reading.read([Still(0.0, _picture(CHINESE))])
    assert capfd.readouterr() == ("", "")


@given(st.text(alphabet="ab微", max_size=6), st.text(alphabet="ab微", max_size=6), st.text(alphabet="ab微", max_size=6))
def test_edits_are_a_distance(first: str, second: str, third: str) -> None:
    edits = reading._edits
    assert edits(first, second) == edits(second, first) >= abs(len(first) - len(second))
    assert (edits(first, second) == 0) == (first == second)
    assert edits(first, third) <= edits(first, second) + edits(second, third)
