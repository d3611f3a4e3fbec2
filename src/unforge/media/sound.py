"""The sound of a file, as one mono track."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge.errors import MediaError, UsageError
from unforge.media.decoder import ask


@dataclass(frozen=True, slots=True)
class Sound:
    samples: NDArray[np.float32]  # (N,), mono, nominally in [-1, 1]
    rate_hz: int
    start_s: float  # of the first sample, on the clock of the video's frames


LONGEST_S = 1800.0


def read_sound(path: Path | str, rate_hz: int = 16_000, *, start_s: float = 0.0, end_s: float = LONGEST_S) -> Sound:
    """The sound of a span on the clock of the frames, mixed to mono and resampled; by default the first half hour.

    It begins with the packet in which the span begins: `Sound.start_s` tells when. What lies before is skipped where
    the container allows. Raises MediaError: no_sound where there is none, and otherwise as `probe` does; UsageError.
    """
    if rate_hz < 1 or not 0.0 <= start_s < end_s:
        raise UsageError(f"expected rate_hz >= 1 and 0 <= start_s < end_s, got {rate_hz}, {start_s} and {end_s}")
    pieces: list[NDArray[np.float32]] = []
    begins_s = start_s
    with closing(ask(path, "sound", rate_hz=rate_hz, start_s=start_s, end_s=end_s)) as replies:
        for message in replies:
            if message.kind == "samples":
                pieces.append(np.frombuffer(message.body, np.float32))
            elif message.kind == "end":
                begins_s = message.header["start_s"]
    if not pieces:
        raise MediaError("no sound could be decoded", code="unreadable", path=path)
    return Sound(np.concatenate(pieces), rate_hz, begins_s)
