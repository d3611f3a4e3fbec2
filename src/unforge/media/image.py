"""One still picture."""

from contextlib import closing
from pathlib import Path

from unforge.errors import MediaError, UsageError
from unforge.media.decoder import ask
from unforge.media.frame import Frame
from unforge.media.video import to_frame


def read_image(path: Path | str, max_side_px: int = 4096) -> Frame:
    """A picture as displayed: upright by EXIF, 8 bits, alpha over white, at most `max_side_px` long.

    Of an animation, the first frame. Raises MediaError as `probe` does, and not_media for a video container.
    """
    if max_side_px < 1:
        raise UsageError(f"max_side_px: expected 1 or more, got {max_side_px}")
    with closing(ask(path, "image", max_side_px=max_side_px)) as replies:
        for message in replies:
            if message.kind == "frame":
                return to_frame(message)
    raise MediaError("no picture could be decoded", code="unreadable", path=path)
