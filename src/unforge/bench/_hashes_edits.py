"""What is done to a picture so that its hash is not found again."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
Edit = Callable[[Rgb, np.random.Generator], Rgb]

BORDER_PX = 40
TURN_DEG = 5.0


def crop(share: float, centred: bool = False) -> Edit:
    """A share less of both sides, at a random place or in the middle."""

    def edit(rgb: Rgb, rng: np.random.Generator) -> Rgb:
        place = np.full(2, 0.5) if centred else rng.random(2)
        sides = np.array(rgb.shape[:2])
        kept = np.round(sides * (1.0 - share)).astype(int)
        top, left = np.round((sides - kept) * place).astype(int)
        return rgb[top : top + kept[0], left : left + kept[1]]

    return edit


def border(colour: str) -> Edit:
    """A frame of 40 px: "black", "white", or "blurred", the picture itself enlarged behind, as phones do it."""

    def edit(rgb: Rgb, rng: np.random.Generator) -> Rgb:
        height, width = rgb.shape[:2]
        framed = (height + 2 * BORDER_PX, width + 2 * BORDER_PX)
        if colour == "blurred":
            behind = _rgb(cv2.GaussianBlur(cv2.resize(rgb, framed[::-1]), (0, 0), BORDER_PX / 2))
        else:
            behind = np.full((*framed, 3), 255 if colour == "white" else 0, np.uint8)
        behind[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX] = rgb
        return behind

    return edit


def turned(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """By five degrees one way or the other; black or white in the corners."""
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), TURN_DEG * rng.choice([-1, 1]), 1.0)
    grey = int(rng.choice([0, 255]))
    return _rgb(cv2.warpAffine(rgb, matrix, (width, height), borderValue=(grey, grey, grey)))


def flipped(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """Left and right change places."""
    return np.ascontiguousarray(rgb[:, ::-1])


def jpeg(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """Saved at quality 30."""
    _, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 30])
    return np.ascontiguousarray(_rgb(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1])


def half(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """Half as large."""
    return _rgb(cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))


def banner(anywhere: bool) -> Edit:
    """A plate with letters over a tenth of the height: at the top or bottom, or anywhere."""

    def edit(rgb: Rgb, rng: np.random.Generator) -> Rgb:
        height, width = rgb.shape[:2]
        tall = max(1, round(height / 10))
        top = int(rng.integers(0, height - tall)) if anywhere else int(rng.choice([0, height - tall]))
        plate, ink = rng.integers(0, 256, 3).tolist(), rng.integers(0, 256, 3).tolist()
        shown = rgb.copy()
        shown[top : top + tall] = plate
        size, thick = tall / 40, max(1, tall // 20)
        cv2.putText(shown, "CALL 555 0134", (width // 20, top + tall * 3 // 4), 0, size, ink, thick, cv2.LINE_AA)
        return shown

    return edit


def together(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """Cropped by a tenth, flipped, and saved at quality 30."""
    return jpeg(flipped(crop(0.1)(rgb, rng), rng), rng)


EDITS: Mapping[str, Edit] = {
    "crop 5 %": crop(0.05),
    "crop 10 %": crop(0.1),
    "crop 10 %, centre": crop(0.1, centred=True),
    "border, black": border("black"),
    "border, white": border("white"),
    "border, blurred": border("blurred"),
    "rotation 5 degrees": turned,
    "flip": flipped,
    "JPEG 30": jpeg,
    "half size": half,
    "banner 10 %": banner(anywhere=False),
    "banner 10 %, anywhere": banner(anywhere=True),
    "crop 10 %, flip and JPEG 30": together,
}


def _rgb(picture: object) -> Rgb:
    return np.asarray(picture, np.uint8)
