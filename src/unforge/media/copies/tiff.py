"""TIFF of one page: without loss, and with every tag that does not describe the pixels, byte by byte."""

from io import BytesIO
from pathlib import Path

from PIL import TiffImagePlugin

from unforge.errors import OutputError
from unforge.media.copies import Change, Progress, Written, _still, _tags
from unforge.media.probe import MediaFacts
from unforge.media.write import atomic_write

SUFFIXES = (".tif", ".tiff")

_LOSSLESS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits")
_BITS_A_SAMPLE = 258
_OTHER_PICTURES = 330  # smaller ones of the same
# What the pixels are and where they lie is said anew.
_OF_PIXELS = {
    254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339, 340, 341,
    347, 512, 513, 514, 519, 520, 521, 529, 530, 531, 532, _OTHER_PICTURES,
}  # fmt: skip


def copy(source: Path, target: Path, change: Change, facts: MediaFacts, on_progress: Progress) -> Written:
    """A copy whose pixels are exactly the changed ones."""
    made = _still.changed(source, ("TIFF",), change, lambda image: _check_depth(image, source))
    told, notes = _tags.read(made.content), list(made.notes)
    compression = made.opened.info.get("compression", "raw")
    if compression not in _LOSSLESS:
        notes.append(f"compressed without loss instead of {compression}")
        compression = "tiff_adobe_deflate"
    if _OTHER_PICTURES in told:
        notes.append("smaller pictures in it were left out, because they were not changed")
    coded = BytesIO()
    made.image.save(coded, "TIFF", compression=compression)
    content = _with_tags(coded.getvalue(), told, _tags.order_of(made.content))
    made.check_same(content, source)
    _still.check_told(_beside(told), _beside(_tags.read(content)), source)
    atomic_write(target, content)
    on_progress(1.0)
    return Written(target, 1.0, tuple(notes))


def _check_depth(image: TiffImagePlugin.TiffImageFile, source: Path) -> None:
    depths = image.tag_v2.get(_BITS_A_SAMPLE, (1,))
    deepest = max(depths) if isinstance(depths, tuple) else depths
    if deepest > 8:
        raise OutputError(f"{source.name} has {deepest} bits a sample; make a copy of 8 bits and take that")


def _with_tags(coded: bytes, told: _tags.Directory, order: str) -> bytes:
    """The coded picture with the tags of the original, in the order of bytes that they are in."""
    own, own_order = _tags.read(coded), _tags.order_of(coded)
    spans = zip(
        _tags.numbers(own[_tags.STRIP_OFFSETS], own_order),
        _tags.numbers(own[_tags.STRIP_BYTES], own_order),
        strict=True,
    )
    strips = [coded[start : start + count] for start, count in spans]
    of_pixels = {tag: _tags.turned(value, own_order, order) for tag, value in own.items() if tag in _OF_PIXELS}
    return _tags.write(order, {**of_pixels, **_beside(told)}, strips)


def _beside(directory: _tags.Directory) -> _tags.Directory:
    """The tags that do not describe the pixels."""
    return {tag: value for tag, value in directory.items() if tag not in _OF_PIXELS}
