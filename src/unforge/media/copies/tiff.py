"""TIFF of one page: without loss, with its tags."""

from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, TiffImagePlugin

from unforge.errors import OutputError
from unforge.media.copies import Change, Progress, Written, _still
from unforge.media.probe import MediaFacts
from unforge.media.write import atomic_write

SUFFIXES = (".tif", ".tiff")

_LOSSLESS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits")
_BITS_A_SAMPLE = 258
# What the pixels are and where they lie is said anew.
_OF_PIXELS = {
    254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339, 340, 341,
    347, 512, 513, 514, 519, 520, 521, 529, 530, 531, 532,
}  # fmt: skip


def copy(source: Path, target: Path, change: Change, facts: MediaFacts, on_progress: Progress) -> Written:
    """A copy whose pixels are exactly the changed ones."""
    made = _still.changed(source, ("TIFF",), change, lambda image: _check_depth(image, source))
    compression = made.opened.info.get("compression", "raw")
    notes = made.notes
    if compression not in _LOSSLESS:
        notes = (*notes, f"compressed without loss instead of {compression}")
        compression = "tiff_adobe_deflate"
    coded = BytesIO()
    settings = {"exif": _tags(made.opened), **_beside(made.opened)}
    made.image.save(coded, "TIFF", compression=compression, **settings)
    content = coded.getvalue()
    made.check_same(content, source)
    atomic_write(target, content)
    on_progress(1.0)
    return Written(target, 1.0, notes)


def _check_depth(image: TiffImagePlugin.TiffImageFile, source: Path) -> None:
    depths = image.tag_v2.get(_BITS_A_SAMPLE, (1,))
    deepest = max(depths) if isinstance(depths, tuple) else depths
    if deepest > 8:
        raise OutputError(f"{source.name} has {deepest} bits a sample; make a copy of 8 bits and take that")


def _tags(image: Image.Image) -> Image.Exif:
    tags = image.getexif()
    for tag in set(tags) & _OF_PIXELS:
        del tags[tag]
    return tags


def _beside(image: Image.Image) -> dict[str, Any]:
    return {name: image.info[name] for name in ("icc_profile", "dpi") if image.info.get(name)}
