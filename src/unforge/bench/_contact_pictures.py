"""Contact adverts written on photographs, as senders put them on listings, and what happens to them on the way."""

import io
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from unforge.errors import UsageError

Picture = NDArray[np.uint8]
Generator = np.random.Generator
Font = ImageFont.FreeTypeFont

LANGUAGES = ("Chinese", "English")
# Pillow finds fonts of the system by file name.
CHINESE_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSerifCJK-Regular.ttc",
    "NotoSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "msyh.ttc",
    "PingFang.ttc",
)
TERMS: Mapping[str, Sequence[str]] = {
    "Chinese": ("加微信", "微信号", "薇信", "加V信", "扣扣", "企微", "飞机号", "私聊我", "电报", "联系电话"),
    "English": ("WhatsApp", "Telegram", "WeChat", "add me", "text me", "Signal", "call me", "contact", "Skype"),
}
ORDINARY: Mapping[str, Sequence[str]] = {
    "Chinese": ("全新未拆封", "低价转让", "数量有限", "支持验货", "九成新", "当天发货"),
    "English": ("brand new", "half price", "few left", "fast delivery", "like new", "best offer"),
}
LETTERS = "abcdefghkmnpqrstuvwxyz"
LEAST_SHARE, MOST_SHARE = 0.03, 0.07  # height of letters by the longer side of the picture
NOISE_LEVELS = 16
TILT_DEG = 15.0


@dataclass(frozen=True, slots=True)
class Advert:
    """What is written: lines, the term of contact among them, and the name or number to contact."""

    lines: tuple[str, ...]
    term: str
    handle: str


def advert(language: str, rng: Generator) -> Advert:
    """A short advert that asks to be contacted elsewhere."""
    term = str(rng.choice(TERMS[language]))
    handle = _handle(rng)
    ordinary = rng.choice(ORDINARY[language], size=int(rng.integers(0, 3)), replace=False)
    lines = [str(one) for one in ordinary]
    lines.insert(int(rng.integers(0, len(lines) + 1)), f"{term} {handle}" if rng.random() < 0.5 else f"{term}:{handle}")
    return Advert(tuple(lines), term, handle)


def written(rgb: Picture, lines: Sequence[str], rng: Generator, contrast: float = 1.0) -> Picture:
    """The picture with lines of writing, on a plate or right on it. contrast: 1 is black on white, or the reverse."""
    height, width = rgb.shape[:2]
    size_px = max(12, round(max(height, width) * float(np.exp(rng.uniform(np.log(LEAST_SHARE), np.log(MOST_SHARE))))))
    font, text = _font_that_fits(lines, size_px, width, rng), "\n".join(lines)
    image = Image.fromarray(rgb)
    drawing = ImageDraw.Draw(image)
    box = drawing.multiline_textbbox((0, 0), text, font=font)
    wide, high = int(box[2] - box[0]), int(box[3] - box[1])
    left = int(rng.integers(size_px // 2, max(size_px // 2 + 1, width - wide - size_px // 2)))
    top = int(rng.integers(size_px // 2, max(size_px // 2 + 1, height - high - size_px // 2)))
    edge = size_px // 3
    plate = left - edge, top - edge, left + wide + edge, top + high + edge
    ground, ink = _colours(rgb, plate, rng.random() < 0.5, contrast)
    if ground is not None:
        drawing.rectangle(plate, fill=ground)
    stroke = 0 if ground is not None else max(1, round(size_px * contrast / 16))
    drawing.multiline_text(
        (left - box[0], top - box[1]),
        text,
        font=font,
        fill=ink,
        stroke_width=stroke,
        stroke_fill=_blended((255 - ink[0],) * 3, ink, contrast),
    )
    return np.asarray(image)


def enlarged(rgb: Picture, side_px: int) -> Picture:
    """A picture with a longer side of `side_px`, as listings have it."""
    height, width = rgb.shape[:2]
    scale = side_px / max(height, width)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(rgb, (round(width * scale), round(height * scale)), interpolation=how).astype(np.uint8)


def noisy(rgb: Picture, rng: Generator, levels: int = NOISE_LEVELS) -> Picture:
    """Every value moved up or down by all of `levels`: the most that a budget of so many grey levels allows."""
    signs = rng.integers(0, 2, rgb.shape) * 2 - 1
    moved: Picture = np.clip(rgb.astype(np.int16) + levels * signs, 0, 255).astype(np.uint8)
    return moved


def tilted(rgb: Picture, angle_deg: float) -> Picture:
    """The whole picture turned about its middle, on a canvas that holds all of it."""
    height, width = rgb.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1.0)
    cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
    wide, high = round(width * cos + height * sin), round(width * sin + height * cos)
    turn[:, 2] += (wide - width) / 2, (high - height) / 2
    turned = cv2.warpAffine(rgb, turn, (wide, high), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return turned.astype(np.uint8)


def saved(rgb: Picture, quality: int) -> Picture:
    """After a JPEG file of this quality."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def halved(rgb: Picture) -> Picture:
    """At half the size."""
    return enlarged(rgb, max(rgb.shape[:2]) // 2)


WAYS: Mapping[str, Callable[[Picture, Generator], Picture]] = {
    "clean": lambda rgb, _: rgb,
    "noise 16/255": noisy,
    "tilt 15 degrees": lambda rgb, rng: tilted(rgb, TILT_DEG * float(rng.choice((-1, 1)))),
    "JPEG 30": lambda rgb, _: saved(rgb, 30),
    "half size": lambda rgb, _: halved(rgb),
}


def contains(text: str, term: str) -> bool:
    """Whether a term stands in a text, whatever the case, the width of letters and the blanks between them."""
    return _plain(term) in _plain(text)


def chinese_font() -> str:
    """File name of a font with Chinese characters. Raises UsageError where the system has none that is known."""
    found = _chinese_fonts()
    if not found:
        raise UsageError(
            f"pictures with Chinese writing: expected one of the fonts {', '.join(CHINESE_FONTS)} on this system; "
            "install one, e.g. the package fonts-noto-cjk"
        )
    return found[0]


@cache
def _chinese_fonts() -> tuple[str, ...]:
    return tuple(name for name in CHINESE_FONTS if _loads(name))


def _loads(name: str) -> bool:
    try:
        ImageFont.truetype(name, 12)
    except OSError:
        return False
    return True


def _font_that_fits(lines: Sequence[str], size_px: int, width: int, rng: Generator) -> Font:
    """A font in which the longest line takes at most nine tenths of the width."""
    chinese_font()
    name = str(rng.choice(_chinese_fonts()))
    font = ImageFont.truetype(name, size_px)
    longest = max(font.getlength(line) for line in lines)
    if longest > 0.9 * width:
        font = ImageFont.truetype(name, max(8, int(size_px * 0.9 * width / longest)))
    return font


def _colours(
    rgb: Picture, plate: tuple[int, int, int, int], with_plate: bool, contrast: float
) -> tuple[tuple[int, int, int] | None, tuple[int, int, int]]:
    """The colour of the plate, if there is one, and that of the writing, `contrast` of the way to black or white."""
    x0, y0, x1, y1 = (max(0, edge) for edge in plate)
    behind = tuple(int(level) for level in rgb[y0:y1, x0:x1].reshape(-1, 3).mean(axis=0))
    below = (behind[0], behind[1], behind[2])
    far = (0, 0, 0) if sum(below) > 3 * 127 else (255, 255, 255)
    ink = _blended(far, below, contrast)
    return (_blended((255 - far[0],) * 3, below, contrast) if with_plate else None), ink


def _blended(far: tuple[int, int, int], near: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(share * one + (1 - share) * other) for one, other in zip(far, near, strict=True))
    return red, green, blue


def _handle(rng: Generator) -> str:
    if rng.random() < 0.5:
        return "1" + "".join(str(digit) for digit in rng.integers(3, 10, 10))
    letters = "".join(rng.choice(list(LETTERS), size=int(rng.integers(3, 6))))
    return letters + "".join(str(digit) for digit in rng.integers(2, 10, int(rng.integers(3, 6))))


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
