"""What a screen shows while it is photographed: pages that are drawn, and pictures and film where there are any.

Everything is drawn at the size of the screen, as programs draw it: text with smooth edges, flat surfaces, pictures.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from unforge.media.image import read_image
from unforge.media.video import frames

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]
Wh = tuple[int, int]

WHITE, DARK = "white document", "dark interface"
CODE, WEB, PHOTO, FILM = "code editor", "web page", "photograph", "video"
NAMES = (WHITE, CODE, DARK, WEB, PHOTO, FILM)

_PROSE = (
    "the account of every quarter shows what was paid to whom and when a copy is kept by the office that signed it "
    "figures are rounded and do not add up to one hundred see appendix four for all terms of delivery"
)
_PROGRAM = "read write frame index result count payload = + ( ) [ ] : return for in if not self None 0 1 42"
_MODULES = "read write frame index result count payload"
_SYNTAX: tuple[Colour, ...] = ((212, 212, 212), (86, 156, 214), (206, 145, 120), (106, 153, 85), (220, 220, 170))


def page(name: str, size_wh: Wh, seed: int, data: Path | None = None) -> Picture:
    """One of NAMES, (H, W, 3). data: folder with `screens/plain` and `clips`; without it pictures are drawn, too."""
    if name == PHOTO:
        return _cut(_photograph(seed, data), size_wh)
    if name == FILM:
        return _letterboxed(_still(seed, data), size_wh)
    return _DRAWN[name](size_wh, np.random.default_rng([seed, NAMES.index(name)]), data)


def clouds(size_wh: Wh, rng: np.random.Generator) -> Picture:
    """A colourful picture with detail of all sizes, like that of landscapes: power falls with frequency squared."""
    width, height = size_wh
    total = np.zeros((height, width, 3), np.float32)
    for octave in range(8):
        grid = (2 + (1 << octave) * height // 400, 2 + (1 << octave) * width // 400, 3)
        layer = rng.normal(size=grid).astype(np.float32) * 0.55**octave
        total += cv2.resize(layer, size_wh, interpolation=cv2.INTER_CUBIC)
    shared = 0.7 * total.mean(axis=2, keepdims=True) + 0.3 * total
    return np.asarray(np.clip(118.0 + 80.0 * shared, 0, 255), np.uint8)


def _white_document(size_wh: Wh, rng: np.random.Generator, data: Path | None) -> Picture:
    sheet, draw = _sheet(size_wh, (255, 255, 255))
    left = size_wh[0] // 8
    draw.text((left, 30), " ".join(_drawn(rng, _PROSE, 5)).capitalize(), fill=(20, 20, 20), font=_font(30))
    _paragraphs(draw, (left, 90, size_wh[0] - left, size_wh[1] - 20), rng, (25, 25, 25), 17)
    return np.asarray(sheet, np.uint8)


def _code_editor(size_wh: Wh, rng: np.random.Generator, data: Path | None) -> Picture:
    sheet, draw = _sheet(size_wh, (30, 30, 30))
    width, height = size_wh
    draw.rectangle((0, 0, width // 7, height), fill=(37, 37, 38))
    for line, y in enumerate(range(16, height - 20, 20)):
        draw.text((14, y), f"{_drawn(rng, _MODULES, 1)[0]}.py", fill=(180, 180, 180), font=_font(14))
        draw.text((width // 7 + 12, y), str(line + 1), fill=(110, 110, 110), font=_font(14))
        x = width // 7 + 60 + 28 * int(rng.integers(0, 4))
        for word in _drawn(rng, _PROGRAM, int(rng.integers(0, 12))):
            draw.text((x, y), word, fill=_SYNTAX[rng.integers(len(_SYNTAX))], font=_font(15))
            x += 9 * len(word) + 10
    return np.asarray(sheet, np.uint8)


def _dark_interface(size_wh: Wh, rng: np.random.Generator, data: Path | None) -> Picture:
    sheet, draw = _sheet(size_wh, (24, 24, 27))
    width, height = size_wh
    draw.rectangle((0, 0, width, 44), fill=(39, 39, 42))
    draw.rectangle((0, 44, width // 8, height), fill=(32, 32, 36))
    for top in range(64, height - 60, height // 3):
        for left in range(width // 8 + 20, width - 60, width // 4):
            box = (left, top, min(width - 20, left + width // 4 - 20), min(height - 10, top + height // 3 - 20))
            draw.rounded_rectangle(box, 10, fill=(45, 45, 50), outline=(63, 63, 70))
            _paragraphs(draw, (left + 16, top + 14, box[2] - 16, box[3] - 50), rng, (212, 212, 216), 15)
            draw.rounded_rectangle((left + 16, box[3] - 38, left + 110, box[3] - 12), 6, fill=_button(rng))
    return np.asarray(sheet, np.uint8)


def _web_page(size_wh: Wh, rng: np.random.Generator, data: Path | None) -> Picture:
    sheet, draw = _sheet(size_wh, (244, 245, 247))
    width, height = size_wh
    draw.rectangle((0, 0, width, 56), fill=(255, 255, 255))
    draw.rounded_rectangle((width - 150, 12, width - 20, 44), 8, fill=_button(rng))
    picture = _cut(_photograph(int(rng.integers(1 << 16)), data), (width // 3 - 40, height // 2 - 60))
    for column in range(3):
        left, right = column * width // 3 + 20, (column + 1) * width // 3 - 20
        draw.rectangle((left, 76, right, height - 20), fill=(255, 255, 255))
        sheet.paste(Image.fromarray(np.ascontiguousarray(picture[:, :: (-1) ** column])), (left, 76))
        _paragraphs(draw, (left + 16, height // 2 + 30, right - 16, height - 30), rng, (45, 48, 54), 16)
    return np.asarray(sheet, np.uint8)


_DRAWN: dict[str, Callable[[Wh, np.random.Generator, Path | None], Picture]] = {
    WHITE: _white_document,
    CODE: _code_editor,
    DARK: _dark_interface,
    WEB: _web_page,
}


def _photograph(seed: int, data: Path | None) -> Picture:
    found = [] if data is None else sorted((data / "screens" / "plain").glob("*.jpg"))
    if not found:
        return clouds((960, 720), np.random.default_rng(seed))
    return read_image(found[seed % len(found)], 2400).rgb


def _still(seed: int, data: Path | None) -> Picture:
    found = [] if data is None else sorted((data / "clips" / "talking").glob("*.mp4"))
    if not found:
        return clouds((640, 480), np.random.default_rng([seed, 1]))
    with frames(found[seed % len(found)], rate_hz=1.0, end_s=2.0) as source:
        return next(source).rgb


def _letterboxed(rgb: Picture, size_wh: Wh) -> Picture:
    """A picture as large as fits, in the middle of black."""
    scale = min(size_wh[0] / rgb.shape[1], size_wh[1] / rgb.shape[0])
    width, height = round(rgb.shape[1] * scale), round(rgb.shape[0] * scale)
    top, left = (size_wh[1] - height) // 2, (size_wh[0] - width) // 2
    shown = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    shown[top : top + height, left : left + width] = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_CUBIC)
    return shown


def _cut(rgb: Picture, size_wh: Wh) -> Picture:
    """The middle of a picture, resized until it fills the size."""
    scale = max(size_wh[0] / rgb.shape[1], size_wh[1] / rgb.shape[0])
    width, height = max(size_wh[0], round(rgb.shape[1] * scale)), max(size_wh[1], round(rgb.shape[0] * scale))
    resized = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    top, left = (height - size_wh[1]) // 2, (width - size_wh[0]) // 2
    return np.ascontiguousarray(resized[top : top + size_wh[1], left : left + size_wh[0]]).astype(np.uint8)


def _sheet(size_wh: Wh, colour: Colour) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    sheet = Image.new("RGB", size_wh, colour)
    return sheet, ImageDraw.Draw(sheet)


def _paragraphs(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], rng: np.random.Generator, colour: Colour, size_px: int
) -> None:
    """Text that fills a box (left, top, right, bottom); the last line of a paragraph is short."""
    left, top, right, bottom = box
    per_line = max(1, (right - left) // (5 * size_px // 2))
    for y in range(top, bottom - size_px, round(1.5 * size_px)):
        short = rng.random() < 0.15
        draw.text(
            (left, y), " ".join(_drawn(rng, _PROSE, per_line // (3 if short else 1))), fill=colour, font=_font(size_px)
        )


def _drawn(rng: np.random.Generator, text: str, count: int) -> list[str]:
    """Words of a text in any order."""
    words = text.split()
    return [words[n] for n in rng.integers(len(words), size=count)]


def _button(rng: np.random.Generator) -> Colour:
    red, green, blue = (int(level) for level in rng.integers(40, 230, 3))
    return red, green, blue


@lru_cache(maxsize=8)
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)
