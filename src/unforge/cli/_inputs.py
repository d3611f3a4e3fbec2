"""From what was typed to the files that are meant."""

import glob
import os
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from unforge.errors import MediaError

PICTURES = "apng avif bmp gif heic heif jpe jpeg jpg jp2 png tif tiff webp"
VIDEOS = "3gp asf avi flv m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogv ts webm wmv"
SUFFIXES = frozenset(f".{suffix}" for suffix in f"{PICTURES} {VIDEOS}".split())


def expand(typed: Iterable[str], suffixes: Container[str] = SUFFIXES) -> Iterator[Path | MediaError]:
    """Files in the order typed; a folder or a pattern gives its files sorted, or the error why it gives none.

    A file that is named itself is taken whatever it is called; within folders (recursively) only media files
    by extension are, and names that begin with a dot are passed over. suffixes: those of the files that are meant.
    """
    for text in typed:
        path = Path(text)
        if path.is_dir():
            yield from _folder(path, suffixes)
        elif not path.exists() and glob.has_magic(text):
            yield from _pattern(text, suffixes)
        else:
            yield path


def _pattern(text: str, suffixes: Container[str]) -> Iterator[Path | MediaError]:
    matches = sorted(glob.glob(text, recursive=True))
    if not matches:
        yield MediaError(f"no file matches {text}", code="not_found", path=text)
    for match in map(Path, matches):
        if match.is_dir() and "**" in text:
            continue  # the pattern names the files in it as well
        yield from _folder(match, suffixes) if match.is_dir() else [match]


def _folder(folder: Path, suffixes: Container[str]) -> Iterator[Path | MediaError]:
    refused: list[OSError] = []
    found = sorted(
        Path(parent, name)
        for parent, _, names in os.walk(folder, onerror=refused.append)
        for name in names
        if Path(name).suffix.lower() in suffixes and not name.startswith(".")
    )
    for error in refused:
        yield MediaError(f"folder cannot be read: {error.strerror}", code="unreadable", path=error.filename or folder)
    if not found and not refused:
        yield MediaError("folder holds no pictures or videos (told by their extensions)", code="no_media", path=folder)
    yield from found
