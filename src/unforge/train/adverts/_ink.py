"""Writing and pasting: text as RGBA pictures, laid flat over a picture or stood into its scene."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

CHINESE = ("NotoSansCJK*", "NotoSerifCJK*", "wqy-*", "SourceHanSans*", "PingFang*", "msyh*", "simhei*")
FOLDERS = tuple(map(Path, ("/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts", "C:/Windows/Fonts")))
LATIN = ("DejaVuSans*", "DejaVuSerif*", "STIXGeneral*")
NOT_FOR_LETTERS = ("Display", "Math")

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]


@cache
def fonts(chinese: bool) -> tuple[Path, ...]:
    """The fonts to write with: those of matplotlib, and where Chinese is to be written, those of the system for it."""
    if not chinese:
        import matplotlib

        folder = Path(matplotlib.get_data_path()) / "fonts/ttf"
        found = sorted(path for pattern in LATIN for path in folder.glob(pattern))
        return tuple(path for path in found if not any(word in path.name for word in NOT_FOR_LETTERS))
    return tuple(sorted(path for folder in FOLDERS for pattern in CHINESE for path in folder.rglob(pattern)))


@cache
def _font(path: Path, size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size_px)


def written(
    lines: list[str],
    size_px: int,
    colour: Colour,
    rng: np.random.Generator,
    outline: Colour | None = None,
) -> Picture:
    """Lines of text as RGBA (h, w, 4), as large as they need; sizes below 6 px are taken as 6."""
    path = rng.choice(np.array(fonts(not all(line.isascii() for line in lines)), dtype=object))
    font = _font(path, max(6, size_px))
    stroke = max(1, size_px // 10) if outline is not None else 0
    text = "\n".join(lines)
    probe = ImageDraw.Draw(Image.new("L", (1, 1)))
    x0, y0, x1, y1 = probe.multiline_textbbox((0, 0), text, font, spacing=size_px // 4, stroke_width=stroke)
    paper = Image.new("RGBA", (int(x1 - x0) + 2, int(y1 - y0) + 2), (*(outline or colour), 0))
    ImageDraw.Draw(paper).multiline_text(
        (1 - x0, 1 - y0), text, (*colour, 255), font, spacing=size_px // 4, align=str(rng.choice(["left", "center"])),
        stroke_width=stroke, stroke_fill=None if outline is None else (*outline, 255),
    )  # fmt: skip
    return np.asarray(paper, np.uint8)


def plate(size_wh: tuple[int, int], colour: Colour, round_px: int = 0, border: Colour | None = None) -> Picture:
    """A filled rectangle as RGBA, with round corners and a border if wanted."""
    paper = Image.new("RGBA", size_wh, (*colour, 0))
    box = (0, 0, size_wh[0] - 1, size_wh[1] - 1)
    edge = None if border is None else (*border, 255)
    ImageDraw.Draw(paper).rounded_rectangle(box, round_px, (*colour, 255), edge, 0 if border is None else 2)
    return np.array(paper, np.uint8)


def over(below: Picture, above: Picture, left: int, top: int) -> Picture:
    """An RGBA picture over another one; what lies outside is cut off."""
    return laid(below, above, np.array([[1.0, 0.0, left], [0.0, 1.0, top], [0.0, 0.0, 1.0]]))


def fitted(ink: Picture, width: float, height: float) -> Picture:
    """An RGBA picture made as large as fits into a box, its shape kept."""
    share = min(width / ink.shape[1], height / ink.shape[0])
    size_wh = (max(1, round(share * ink.shape[1])), max(1, round(share * ink.shape[0])))
    way = cv2.INTER_AREA if share < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(ink, size_wh, interpolation=way), np.uint8)


def laid(below: Picture, above: Picture, matrix: NDArray[np.float64], opacity: float = 1.0) -> Picture:
    """`above` (h, w, 4) through a perspective (3, 3) over `below` (H, W, 3 or 4)."""
    left, top, right, bottom = _touched(below.shape, above.shape, matrix)
    out = below.copy()
    if right <= left or bottom <= top:
        return out
    place = out[top:bottom, left:right]
    alpha = above[..., 3:].astype(np.float32) / np.float32(255)
    premultiplied = np.concatenate([above[..., :3] * alpha, alpha], axis=2)
    moved = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]]) @ matrix
    seen = cv2.warpPerspective(premultiplied, moved, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
    share = np.float32(opacity) * seen[..., 3:]
    mixed = place[..., :3] * (1 - share) + np.float32(opacity) * seen[..., :3]
    place[..., :3] = np.clip(np.rint(mixed), 0, 255)
    if below.shape[2] == 4:
        place[..., 3:] = np.maximum(place[..., 3:], np.rint(255 * share).astype(np.uint8))
    return out


def _touched(below: tuple[int, ...], above: tuple[int, ...], matrix: NDArray[np.float64]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the part of `below` that `above` comes to lie on."""
    height, width = above[:2]
    corners = matrix @ np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]], np.float64)
    x, y = corners[:2] / corners[2]
    left, top = max(0, int(np.floor(x.min())) - 1), max(0, int(np.floor(y.min())) - 1)
    return left, top, min(below[1], int(np.ceil(x.max())) + 2), min(below[0], int(np.ceil(y.max())) + 2)


def cover(shape: tuple[int, ...], above: Picture, matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """(H, W) how much of each pixel `laid` would cover, holes in `above` filled."""
    whole = np.ones(above.shape[:2], np.float32)
    return np.asarray(cv2.warpPerspective(whole, matrix, (shape[1], shape[0]), flags=cv2.INTER_LINEAR), np.float32)


def placed(
    above: Picture, centre: tuple[float, float], angle_deg: float = 0.0, lean: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """The perspective that puts the middle of `above` at a place, turned; lean: (4, 2) px that its corners move by."""
    h, w = above.shape[:2]
    corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float64)
    turn = np.deg2rad(angle_deg)
    turned = (corners - [w / 2, h / 2]) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    target = turned + centre + (0.0 if lean is None else lean)
    return np.asarray(cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32)), np.float64)


def leaning(above: Picture, share: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Corners moved at random by up to a share of the sides, for `placed`."""
    return rng.uniform(-share, share, (4, 2)) * [above.shape[1], above.shape[0]]


def ramp(low: float, high: float, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(count,) from one random number between the bounds to another: light from one side."""
    start, end = rng.uniform(low, high, 2).tolist()
    return np.linspace(start, end, count)


def vivid(rng: np.random.Generator) -> Colour:
    """A saturated colour, or black or white."""
    if rng.random() < 0.3:
        return (255, 255, 255) if rng.random() < 0.5 else (10, 10, 10)
    hsv = np.array([[[rng.integers(0, 180), rng.integers(150, 256), rng.integers(120, 256)]]], np.uint8)
    return tuple(map(int, cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]))  # type: ignore[return-value]


def against(colour: Colour, rng: np.random.Generator) -> Colour:
    """A colour that can be read on another one."""
    light = float(np.dot(colour, (0.3, 0.6, 0.1)))
    for _ in range(20):
        other = vivid(rng)
        if abs(float(np.dot(other, (0.3, 0.6, 0.1))) - light) > 90:
            return other
    return (255, 255, 255) if light < 128 else (10, 10, 10)
