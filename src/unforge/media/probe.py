"""What a file is, before anything in it is believed."""

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from unforge.errors import MediaError
from unforge.media.decoder import ask, open_regular
from unforge.media.frame import Frame
from unforge.media.messages import Message
from unforge.media.video import to_frame


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """A file with a picture in it. What is measured is measured on the content, not read from the header."""

    kind: Literal["video", "image"]
    bytes: int
    sha256: str  # of the whole file, lower-case hex
    size_wh: tuple[int, int]  # px as displayed: after rotation, with square pixels
    duration_s: float | None  # None for an image
    rate_hz: float | None  # average over the file; None for an image and for a single frame
    has_sound: bool
    codec: str
    container: dict[str, str | float]  # its own words, and "decode_errors" met while probing
    # How it was written, by its boxes, packets, tables and marks (media/child: boxes, coded, marks); units in names.
    written: dict[str, str | float] = field(default_factory=dict)


def probe(path: Path | str) -> MediaFacts:
    """Facts of a video or picture, with the SHA-256 of the file.

    Raises MediaError: not_found, no_media (a folder), unreadable, not_media, no_picture (sound only), too_large,
    timeout, out_of_memory.
    """
    with closing(ask(path, "probe")) as replies:
        return _facts(path, list(replies))


def look(path: Path | str, max_side_px: int = 4096) -> tuple[MediaFacts, Frame | None]:
    """What `probe` tells, and of a picture also what `read_image` gives, for the price of one of them; None of a film.

    Raises MediaError as `probe` does.
    """
    with closing(ask(path, "look", max_side_px=max_side_px)) as replies:
        messages = list(replies)
    shown = next((message for message in messages if message.kind == "frame"), None)
    return _facts(path, messages), None if shown is None else to_frame(shown)


def _facts(path: Path | str, messages: Sequence[Message]) -> MediaFacts:
    told = next((message for message in messages if message.kind == "facts"), None)
    if told is None:
        raise MediaError("the decoder ended without an answer", code="unreadable", path=path)
    sha256, size_bytes = _fingerprint(path)
    facts = dict(told.header["facts"])
    width, height = facts.pop("size_wh")
    return MediaFacts(bytes=size_bytes, sha256=sha256, size_wh=(width, height), **facts)


def _fingerprint(path: Path | str) -> tuple[str, int]:
    with open_regular(path) as file:
        try:
            return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()  # type: ignore[arg-type]
        except OSError as error:
            message = f"the file cannot be read to its end: {error.strerror}"
            raise MediaError(message, code="unreadable", path=path) from error
