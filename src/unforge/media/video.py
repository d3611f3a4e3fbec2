"""The frames of a file, one after the other."""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Self

import numpy as np

from unforge.errors import UsageError
from unforge.media.decoder import ask
from unforge.media.frame import Frame
from unforge.media.messages import Message


def frames(
    path: Path | str,
    *,
    rate_hz: float | None = None,
    gap_s: float | None = None,
    max_side_px: int = 1920,
    every: int = 1,
    start_s: float = 0.0,
    end_s: float | None = None,
) -> "Frames":
    """Frames in the order they are shown, decoded one by one: memory does not grow with the film.

    With `rate_hz`, the first frame at or after each multiple of 1 / rate_hz; nothing is interpolated, so times stay the
    container's. `every` takes each n-th frame instead. `gap_s` is the cheap look at a long film: key frames only, and
    the frames between them where a key frame is more than gap_s before the next one. `start_s` and `end_s` cut out a
    span; what lies before it is skipped where the container allows, and `Frames.next_s` tells where the film goes on
    after it. A still picture is one frame at 0 s. A damaged video delivers what can be decoded and counts the rest in
    `Frames.decode_errors`.

    The decoder starts at the first frame and ends at the last one or at `close()`.
    Raises MediaError as `probe` does, while iterating; UsageError for settings out of range, at once.
    """
    if rate_hz is not None and not rate_hz > 0:
        raise UsageError(f"rate_hz: expected a number above 0, got {rate_hz}")
    if gap_s is not None and not gap_s >= 0.0:
        raise UsageError(f"gap_s: expected a number of 0 or more, got {gap_s}")
    if max_side_px < 1:
        raise UsageError(f"max_side_px: expected 1 or more, got {max_side_px}")
    if every < 1:
        raise UsageError(f"every: expected 1 or more, got {every}")
    if not (start_s >= 0.0 and (end_s is None or end_s >= start_s)):
        raise UsageError(f"span: expected 0 <= start_s <= end_s, got {start_s} and {end_s}")
    options = {
        "rate_hz": rate_hz,
        "gap_s": gap_s,
        "max_side_px": max_side_px,
        "every": every,
        "start_s": start_s,
        "end_s": end_s,
    }
    return Frames(ask(path, "frames", **options))


class Frames(Iterator[Frame]):
    """An iterator over frames that can be closed early: use it as a context manager, or read it to its end."""

    def __init__(self, messages: Generator[Message]) -> None:
        self._messages = messages
        self.decode_errors = 0  # packets that could not be decoded; known at the end
        self.next_s: float | None = None  # the first frame after the span, None where there is none; known at the end

    def __next__(self) -> Frame:
        for message in self._messages:
            if message.kind == "frame":
                return to_frame(message)
            self.decode_errors = message.header.get("decode_errors", 0)
            self.next_s = message.header.get("next_s")
        raise StopIteration

    def close(self) -> None:
        self._messages.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def to_frame(message: Message) -> Frame:
    """The frame that a message carries."""
    header = message.header
    rgb = np.frombuffer(message.body, np.uint8).reshape(header["shape"])
    return Frame(header["time_s"], rgb, header["scale"])
