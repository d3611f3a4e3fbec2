"""A still picture on its way through a change: opened with all it carries, changed as it is displayed."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from unforge.errors import MediaError, OutputError
from unforge.media.copies import Change, Picture, _turn
from unforge.media.decoder import open_regular
from unforge.media.limits import MAX_PICTURE_PX

_COLOUR = {"RGB", "RGBA", "P", "PA", "L", "LA", "1", "La", "RGBX"}
_WITHOUT_COLOUR = {
    "P": "a palette",
    "PA": "a palette",
    "L": "grey",
    "LA": "grey",
    "La": "grey",
    "1": "black and white",
}


@dataclass(frozen=True, slots=True)
class Still:
    """A picture before and after.

    content: the original file. opened: as Pillow opened it, with its `info`. before, after: RGB (H, W, 3), upright as
    displayed. alpha: (H, W), upright, None where there is none. notes: what is not as in the original.
    """

    content: bytes
    opened: Image.Image
    turn: _turn.Turn
    before: Picture
    after: Picture
    alpha: Picture | None
    notes: tuple[str, ...]

    @property
    def image(self) -> Image.Image:
        """The changed picture as stored, RGB or RGBA."""
        pixels = self.after if self.alpha is None else np.dstack([self.after, self.alpha])
        return Image.fromarray(self.turn.stored(pixels))

    def found(self, content: bytes) -> tuple[Picture, Picture | None]:
        """Pixels (H, W, 3) and alpha (H, W) of a coded copy, upright."""
        with _opened(content) as image:
            image.load()
            return _upright(image, self.turn)

    def check_same(self, content: bytes, source: Path) -> None:
        """Raises OutputError where a copy without loss does not hold exactly the changed pixels and the same alpha."""
        rgb, alpha = self.found(content)
        if not (_same(alpha, self.alpha) and np.array_equal(rgb, self.after)):
            raise OutputError(
                f"{source.name}: the copy read back differs from the changed picture; nothing was written"
            )


def changed(
    source: Path, formats: tuple[str, ...], change: Change, check: Callable[[Any], None] = lambda image: None
) -> Still:
    """Open a picture and change it.

    formats: Pillow's names. check: what else the format asks of it. Raises MediaError where it cannot be read, and
    OutputError where it holds something that a copy would lose.
    """
    with open_regular(source) as file:
        content = file.read()
    try:
        image = _opened(content, formats)
        _check_size(image, source)
        _check(image, source)
        check(image)
        turn = _turn.of_orientation(image.getexif().get(ExifTags.Base.Orientation, 1))
        image.load()
    except Image.DecompressionBombError as error:
        raise _too_large(source) from error
    except OSError as error:
        if isinstance(error, MediaError | OutputError):
            raise
        message = f"expected a {formats[0]} picture, as its name says; {error}"
        raise MediaError(message, code="unreadable", path=source) from error
    before, alpha = _upright(image, turn)
    was = _WITHOUT_COLOUR.get(image.mode)
    notes = (f"{was} became true colours, because the {change.name} is coloured",) if was else ()
    return Still(content, image, turn, before, change.applied(before), alpha, notes)


def _opened(content: bytes, formats: tuple[str, ...] | None = None) -> Image.Image:
    """As Pillow opens it. It warns of large pictures below its own limit, which is not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(BytesIO(content), formats=None if formats is None else list(formats))


def _check_size(image: Image.Image, source: Path) -> None:
    if image.width * image.height > MAX_PICTURE_PX:
        raise _too_large(source)


def _too_large(source: Path) -> MediaError:
    most = f"expected at most {MAX_PICTURE_PX / 1e6:.0f} million pixels; make a smaller copy and take that"
    return MediaError(most, code="too_large", path=source)


def check_told(original: object, copied: object, source: Path) -> None:
    """Raises OutputError where what a copy tells beside its pixels is not what the original tells."""
    if original != copied:
        raise OutputError(
            f"{source.name}: expected the copy to tell the same beside its pixels, but something of it was lost; "
            "nothing was written; save the picture anew and take that"
        )


def _upright(image: Image.Image, turn: _turn.Turn) -> tuple[Picture, Picture | None]:
    """RGB (H, W, 3) and alpha (H, W) of a loaded picture."""
    if image.format == "TIFF":  # Pillow turns these while it loads them
        turn = _turn.Turn()
    if image.has_transparency_data:
        rgba = turn.displayed(np.asarray(image.convert("RGBA"), np.uint8))
        return np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3])
    return turn.displayed(np.asarray(image.convert("RGB"), np.uint8)), None


def _same(one: Picture | None, other: Picture | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)


def _check(image: Image.Image, source: Path) -> None:
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        raise OutputError(f"{source.name} holds {image.n_frames} pictures; take them one by one")  # type: ignore[attr-defined]
    if image.mode not in _COLOUR:
        deep = image.mode in ("I", "F") or image.mode.startswith("I;16")
        what = "more than 8 bits a sample" if deep else f"the colours {image.mode}"
        raise OutputError(f"{source.name} has {what}; make an RGB copy of 8 bits and take that")
    profile = image.info.get("icc_profile") or b""
    if profile[16:20] == b"GRAY":
        raise OutputError(f"{source.name} has a colour profile for grey; convert it to sRGB and take that")
