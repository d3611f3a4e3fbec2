"""What a picture file says of how it was written: camera and software marks, JPEG tables, traces of a later save."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import ExifTags, Image, JpegImagePlugin

_SETTINGS = (  # of a camera, written when the shutter opens
    ExifTags.Base.ExposureTime,
    ExifTags.Base.FNumber,
    ExifTags.Base.ISOSpeedRatings,
    ExifTags.Base.FocalLength,
)
_THUMBNAIL_START, _THUMBNAIL_BYTES = 0x0201, 0x0202
_MOST_THUMBNAIL_BYTES = 1 << 16
_SAME_SHAPE = 0.02  # of the ratio of the sides: thumbnails are rounded to few pixels
_CHUNKS = (b"caBX",)  # of a PNG, with content credentials
_TEXTS = 12

# Luminance table of ITU-T T.81, annex K.1, in zigzag order, as every table stands in a file.
_ANNEX_K = np.array([
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40,
    26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51,
    56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87,
    95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
])  # fmt: skip
_NATURAL = np.array([
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
])  # fmt: skip


def facts(image: Image.Image) -> dict[str, str | float]:
    """Marks of an opened picture under names with units. Whatever is damaged in them is left out."""
    return {**_exif_facts(image), **_jpeg_facts(image), **_text_facts(image)}


def _exif_facts(image: Image.Image) -> dict[str, str | float]:
    try:
        exif = image.getexif()
        shot, thumbnail = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.IFD1)
        found: dict[str, str | float] = {
            "exif_fields": float(len(exif) + len(shot)),
            "camera_settings": float(sum(tag in shot for tag in _SETTINGS)),
            "location": float(bool(exif.get_ifd(ExifTags.IFD.GPSInfo))),
            "thumbnail": float(_THUMBNAIL_START in thumbnail),
        }
        dates = [exif.get(ExifTags.Base.DateTime), shot.get(ExifTags.Base.DateTimeOriginal)]
        found["dates"] = float(sum(isinstance(date, str) and bool(date.strip("\0 0:")) for date in dates))
        if all(isinstance(date, str) for date in dates):
            found["changed_after_shot"] = float(dates[0] != dates[1])
        size = shot.get(ExifTags.Base.ExifImageWidth), shot.get(ExifTags.Base.ExifImageHeight)
        sides = [side for side in size if isinstance(side, int) and side > 0]
        if len(sides) == 2:
            found["size_as_shot"] = float(sorted(sides) == sorted(image.size))
        shape = _thumbnail_shape(exif, thumbnail)
        if shape is not None:
            found["thumbnail_same_shape"] = float(_same_shape(shape, image.size))
    except Exception:  # a damaged EXIF block raises nearly anything, and the picture is good without it
        return {"exif_damaged": 1.0}
    return found


def _thumbnail_shape(exif: Image.Exif, directory: Mapping[int, Any]) -> tuple[int, int] | None:
    """Width and height of the small JPEG inside an EXIF block; its offset counts from the block's own header."""
    start, count = directory.get(_THUMBNAIL_START), directory.get(_THUMBNAIL_BYTES)
    block = getattr(exif, "_data", None) or b""
    if not (isinstance(start, int) and isinstance(count, int) and 0 < count <= _MOST_THUMBNAIL_BYTES):
        return None
    if block.startswith(b"Exif\0\0"):
        block = block[6:]
    small = block[start : start + count]
    if not small.startswith(b"\xff\xd8"):
        return None
    return Image.open(io.BytesIO(small), formats=["JPEG"]).size


def _same_shape(one: tuple[int, int], other: tuple[int, int]) -> bool:
    ratios = [max(size) / max(min(size), 1) for size in (one, other)]
    return abs(ratios[0] - ratios[1]) <= _SAME_SHAPE * ratios[1] + 1.0 / max(min(one), 1)


def _jpeg_facts(image: Image.Image) -> dict[str, str | float]:
    tables = getattr(image, "quantization", None)
    if image.format not in ("JPEG", "MPO") or not tables:
        return {}
    quality, distance = jpeg_quality(list(tables[min(tables)]))
    sampling = JpegImagePlugin.get_sampling(image)
    applied: Sequence[tuple[str, bytes]] = getattr(image, "applist", [])
    return {
        "jpeg_quality": float(quality),
        "jpeg_standard_tables": float(distance == 0),
        "jpeg_progressive": float("progressive" in image.info),
        **({"jpeg_sampling": ("4:4:4", "4:2:2", "4:2:0")[sampling]} if sampling in (0, 1, 2) else {}),
        "jfif": float("jfif" in image.info),
        "adobe_marker": float("adobe" in image.info),
        "photoshop_block": float("photoshop" in image.info),
        "xmp": float("xmp" in image.info),
        "pictures_in_file": float(getattr(image, "n_frames", 1)),
        "content_credentials": float(any(name == "APP11" and b"jumb" in body[:64] for name, body in applied)),
    }


def jpeg_quality(table: Sequence[int]) -> tuple[int, int]:
    """The quality in 1 to 100 whose standard luminance table (64,) is nearest, and how far off it is in all.

    table: in natural order. Cameras and Photoshop have tables of their own, for which this is an estimate. Source: the
    scaling of annex K by the Independent JPEG Group (libjpeg, jpeg_quality_scaling).
    """
    if len(table) != 64:
        return 0, 64
    standard = np.empty(64)
    standard[_NATURAL] = _ANNEX_K
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    scaled = np.clip((standard[None] * scale[:, None] + 50) // 100, 1, 255)
    apart = np.abs(scaled - np.asarray(table)[None]).sum(axis=1)
    best = int(np.argmin(apart))
    return int(quality[best]), int(apart[best])


def _text_facts(image: Image.Image) -> dict[str, str | float]:
    """Names of the texts beside a PNG's picture, as generators of pictures leave them; and its software, if it says."""
    if image.format != "PNG":
        return {}
    texts = {name: value for name, value in image.info.items() if isinstance(name, str) and isinstance(value, str)}
    found: dict[str, str | float] = {}
    if texts:
        found["texts"] = ", ".join("".join(c for c in name[:24] if c.isprintable()) for name in sorted(texts)[:_TEXTS])
    private = getattr(image, "private_chunks", [])
    found["content_credentials"] = float(any(chunk[0] in _CHUNKS for chunk in private))
    return found
