"""A picture on its way through the marking: opened with all it carries, inked as it is displayed."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from unforge.errors import MediaError, OutputError
from unforge.media.probe import probe
from unforge.trace import mark
from unforge.trace.hand_out import Ink
from unforge.trace.tile import CHIPS

_COLOUR = {"RGB", "RGBA", "P", "PA", "L", "LA", "1", "La", "RGBX"}
_LOSSLESS_CHANGE = {
    "P": "a palette",
    "PA": "a palette",
    "L": "grey",
    "LA": "grey",
    "La": "grey",
    "1": "black and white",
}

# EXIF orientation -> what turns the displayed tile into the stored one; the turns by 90 degrees undo each other.
_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True, slots=True)
class Marked:
    """A picture before and after.

    content: the original file. opened: as Pillow opened it, with its `info`. before, after: RGB (H, W, 3) as stored,
    not turned. alpha: as stored, None where there is none. notes: what is not as in the original.
    """

    content: bytes
    opened: Image.Image
    before: mark.Picture
    after: mark.Picture
    alpha: Image.Image | None
    chip_px: int
    notes: tuple[str, ...]

    @property
    def image(self) -> Image.Image:
        """The marked picture, RGB or RGBA."""
        image = Image.fromarray(self.after)
        if self.alpha is not None:
            image.putalpha(self.alpha)
        return image


def marked(
    source: Path, formats: tuple[str, ...], ink: Ink, check: Callable[[Any], None] = lambda image: None
) -> Marked:
    """Open a picture and put the ink on.

    formats: Pillow's names. check: what else the format asks of it. Raises MediaError where it cannot be read, and
    OutputError where it holds something that a copy would lose, or is smaller than a tile.
    """
    probe(source)  # whatever breaks a decoder breaks it there, in a process of its own
    content = source.read_bytes()
    try:
        image: Image.Image = Image.open(BytesIO(content), formats=list(formats))
        _check(image, source)
        check(image)
        image.load()
    except OSError as error:
        if isinstance(error, MediaError | OutputError):
            raise
        message = f"expected a {formats[0]} picture, as its name says; {error}"
        raise MediaError(message, code="unreadable", path=source) from error
    before, alpha = _split(image)
    chip_px = ink.chip_px_of(image.size)
    _check_size(image, chip_px, source)
    chips = _turned(ink.chips(chip_px), image)
    after = mark.picture(before, chips, ink.strength)
    change = _LOSSLESS_CHANGE.get(image.mode)
    notes = (f"{change} became true colours, because the ink is coloured",) if change else ()
    return Marked(content, image, before, after, alpha, chip_px, notes)


def rgb_of(content: bytes) -> mark.Picture:
    """The pixels (H, W, 3) of a coded picture as stored: not turned, alpha left out."""
    with Image.open(BytesIO(content)) as image:
        return _split(image)[0]


def check_same(content: bytes, made: Marked, source: Path) -> None:
    """Raises OutputError where a copy without loss does not hold exactly the marked pixels and the same alpha."""
    with Image.open(BytesIO(content)) as image:
        rgb, alpha = _split(image)
    same_alpha = (alpha is None) == (made.alpha is None) and (
        alpha is None or made.alpha is None or alpha.tobytes() == made.alpha.tobytes()
    )
    if not (same_alpha and np.array_equal(rgb, made.after)):
        raise OutputError(f"{source.name}: the copy read back differs from the marked picture; nothing was written")


def _split(image: Image.Image) -> tuple[mark.Picture, Image.Image | None]:
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return np.asarray(rgba.convert("RGB"), np.uint8), rgba.getchannel("A")
    return np.asarray(image.convert("RGB"), np.uint8), None


def _check(image: Image.Image, source: Path) -> None:
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        raise OutputError(f"{source.name} holds {image.n_frames} pictures; mark them one by one")  # type: ignore[attr-defined]
    if image.mode not in _COLOUR:
        deep = image.mode in ("I", "F") or image.mode.startswith("I;16")
        what = "more than 8 bits a sample" if deep else f"the colours {image.mode}"
        raise OutputError(f"{source.name} has {what}; make an RGB copy of 8 bits and mark that")
    profile = image.info.get("icc_profile") or b""
    if profile[16:20] == b"GRAY":
        raise OutputError(f"{source.name} has a colour profile for grey; convert it to sRGB and mark that")


def _check_size(image: Image.Image, chip_px: int, source: Path) -> None:
    side_px = CHIPS * chip_px
    if min(image.size) < side_px:
        size = f"{image.width} x {image.height}"
        raise OutputError(
            f"{source.name} is too small for a whole mark: expected {side_px} x {side_px} px or more, got {size}"
        )


def _turned(chips: mark.Tile, image: Image.Image) -> mark.Tile:
    """The tile so that it stands upright when the picture is displayed."""
    turn = _STORED.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    if turn is None:
        return chips
    turned = Image.fromarray(chips.view(np.uint8)).transpose(turn)
    return np.asarray(turned, np.uint8).view(np.int8)
