"""Pictures and picture animations, by Pillow."""

import io
import itertools
import math
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from unforge.errors import MediaError
from unforge.media.child import marks
from unforge.media.child.sampling import Grid
from unforge.media.limits import (
    MAX_ANIMATION_FRAMES,
    MAX_ANIMATION_PX,
    MAX_FRAME_PX,
    MAX_JPEG_PX,
    MAX_PICTURE_PX,
)

if TYPE_CHECKING:
    from unforge.media.child.run import Replies

_FULL_SIDE = "unforge_full_side_px"  # the long side before any reduction
_ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")
# A frame of 10 ms or less means "unset", and every browser shows it for 100 ms.
_SHORTEST_S, _UNSET_S = 0.010, 0.100
_BAND_PX = 8_000_000  # a large picture is converted in bands of about this size

# EXIF orientation -> what turns the stored picture upright
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MADE_BY = {"make": ExifTags.Base.Make, "model": ExifTags.Base.Model, "software": ExifTags.Base.Software}


def probe(replies: "Replies", name: str) -> None:
    _tell_facts(replies, name)
    replies.send("end")


def look(replies: "Replies", name: str, max_side_px: int) -> None:
    """What `probe` tells, and of a picture that stands still also what it shows: one child for both."""
    if _tell_facts(replies, name)["kind"] == "image":
        read(replies, name, max_side_px)
    else:
        replies.send("end")


def _tell_facts(replies: "Replies", name: str) -> dict[str, Any]:
    image = _open(name)
    orientation = _orientation(image)
    width, height = image.size
    facts: dict[str, Any] = {
        "kind": "image",
        "size_wh": (height, width) if orientation >= 5 else (width, height),
        "duration_s": None,
        "rate_hz": None,
        "has_sound": False,
        "codec": (image.format or name).lower(),
        "container": {
            "format": (image.format or name).lower(),
            "pixel_format": image.mode,
            "orientation": float(orientation),
            **_made_by(image),
        },
        "written": marks.facts(image),
    }
    if _is_animation(image, name):
        durations_s = [duration_s for _, duration_s in _animation(image, replies)]
        total_s = sum(durations_s)
        facts |= {"kind": "video", "duration_s": total_s, "rate_hz": len(durations_s) / total_s}
    else:
        _decode(image, max(image.size) // 8)  # facts are given only for a picture that can be seen
    replies.send("facts", {"facts": facts})
    return facts


def read(replies: "Replies", name: str, max_side_px: int) -> None:
    image = _open(name)
    _decode(image, max_side_px)
    replies.frame(0.0, *_finished(image, max_side_px))
    replies.send("end")


def frames(
    replies: "Replies",
    name: str,
    rate_hz: float | None,
    gap_s: float | None,
    max_side_px: int,
    every: int,
    start_s: float,
    end_s: float | None,
) -> None:
    image = _open(name)
    if not _is_animation(image, name):
        return read(replies, name, max_side_px)
    wanted, time_s, next_s = Grid(rate_hz), 0.0, None
    for n, (current, duration_s) in enumerate(_animation(image, replies)):
        if end_s is not None and time_s >= end_s:
            next_s = time_s
            break
        if time_s >= start_s and wanted.takes(time_s) and n % every == 0:
            replies.frame(time_s, *_finished(current, max_side_px))
        time_s += duration_s
    replies.send("end", {"decode_errors": 0, "next_s": next_s})
    return None


def sound(replies: "Replies", name: str, rate_hz: int, start_s: float, end_s: float) -> None:
    raise MediaError("a picture has no sound", code="no_sound", path="")


TASKS: dict[str, Callable[..., None]] = {
    "probe": probe,
    "look": look,
    "image": read,
    "frames": frames,
    "sound": sound,
}


def _open(name: str) -> Image.Image:
    """The opened, not yet decoded picture."""
    if name == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = None  # the limits here are stricter, and give a code
    os.lseek(0, 0, os.SEEK_SET)
    # The formats are named: Pillow would otherwise try all it knows, some of which run other programs.
    image = Image.open(io.FileIO(0, closefd=False), formats=["JPEG", "MPO"] if name == "JPEG" else [name])
    image.info[_FULL_SIDE] = max(image.size)
    return image


def _decode(image: Image.Image, max_side_px: int) -> None:
    """Loads the pixels. A large baseline JPEG is told to reduce itself by whole steps meanwhile."""
    if image.format in ("JPEG", "MPO") and "progressive" not in image.info:
        # (A progressive file keeps every coefficient of the full picture, however small it comes out.)
        _check_size(image, MAX_JPEG_PX)
        if max(image.size) > max_side_px:
            scale = max_side_px / max(image.size)
            image.draft(image.mode, (math.ceil(image.width * scale), math.ceil(image.height * scale)))
    _check_size(image, MAX_PICTURE_PX)
    image.load()


def _check_size(image: Image.Image, limit_px: int) -> None:
    if image.width * image.height > limit_px:
        size, limit = f"{image.width} x {image.height} px", f"{limit_px // 1_000_000} million"
        raise MediaError(f"the picture is too large: {size}, {limit} allowed", code="too_large", path="")


def _is_animation(image: Image.Image, name: str) -> bool:
    return name in _ANIMATED and bool(getattr(image, "is_animated", False))


def _animation(image: Image.Image, replies: "Replies") -> Iterator[tuple[Image.Image, float]]:
    """The picture with each of its frames composed in turn, and how long that frame is shown."""
    _check_size(image, MAX_FRAME_PX)
    for index in itertools.count():
        # A frame that changes nothing costs its sender 20 bytes, and whoever composes it the whole picture.
        if index * image.width * image.height > MAX_ANIMATION_PX or index > MAX_ANIMATION_FRAMES:
            raise MediaError(f"the animation goes on after {index} frames", code="too_large", path="")
        try:
            image.seek(index)
            image.load()
        except EOFError:
            return
        except (OSError, SyntaxError):
            if index == 0:
                raise
            return  # cut short: what came before is good
        replies.alive()
        duration_s = float(image.info.get("duration", 0) or 0) / 1000.0
        yield image, duration_s if duration_s > _SHORTEST_S else _UNSET_S


def _finished(image: Image.Image, max_side_px: int) -> tuple[NDArray[np.uint8], float]:
    """The picture as displayed and displayed px per px of it."""
    rgb = _reduced_rgb(image, max_side_px)
    turn = _UPRIGHT.get(_orientation(image))
    upright = rgb.transpose(turn) if turn is not None else rgb
    full_side_px = image.info.get(_FULL_SIDE, max(image.size))
    return np.asarray(upright, np.uint8), max(full_side_px / max(upright.size), 1.0)


def _reduced_rgb(image: Image.Image, max_side_px: int) -> Image.Image:
    """8-bit RGB, at most `max_side_px` long. A large picture is reduced by bands: it is never held twice."""
    width, height = image.size
    factor = max(width, height) // max_side_px
    if factor < 2:
        rgb = _to_rgb(image)
    else:
        rgb = Image.new("RGB", (math.ceil(width / factor), math.ceil(height / factor)))
        band_px = max(_BAND_PX // width // factor, 1) * factor
        for top in range(0, height, band_px):
            band = image.crop((0, top, width, min(top + band_px, height)))
            rgb.paste(_to_rgb(band).reduce(factor), (0, top // factor))
    if max(rgb.size) > max_side_px:
        scale = max_side_px / max(rgb.size)
        size_wh = max(round(rgb.width * scale), 1), max(round(rgb.height * scale), 1)
        rgb = rgb.resize(size_wh, Image.Resampling.LANCZOS)
    return rgb


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_to_eight_bits(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        picture = image.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return image.convert("RGB")


def _to_eight_bits(grey: NDArray[Any]) -> NDArray[np.uint8]:
    """Integers hold 16 bits; floating point is taken as 0 to 1."""
    if np.issubdtype(grey.dtype, np.floating):
        return np.asarray(np.nan_to_num(grey).clip(0.0, 1.0) * 255.0 + 0.5, np.uint8)
    eight: NDArray[np.uint8] = ((grey.clip(0, 65535).astype(np.uint32) + 128) // 257).astype(np.uint8)
    return eight


def _orientation(image: Image.Image) -> int:
    value = _exif(image).get(ExifTags.Base.Orientation, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _made_by(image: Image.Image) -> dict[str, str]:
    exif = _exif(image)
    found = {name: exif.get(tag) for name, tag in _MADE_BY.items()}
    return {name: value.strip("\0 ")[:200] for name, value in found.items() if isinstance(value, str)}


def _exif(image: Image.Image) -> dict[int, Any]:
    try:
        return dict(image.getexif())
    except Exception:  # a damaged EXIF block raises nearly anything, and the picture is good without it
        return {}
