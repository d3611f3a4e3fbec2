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


def read_sound(path: Path | str, rate_hz: int = 16_000, *, max_s: float = 1800.0) -> Sound:
    """The first `max_s` seconds of a file's sound, mixed to mono and resampled: bounded memory for any film.

    Raises MediaError: no_sound where there is none, and otherwise as `probe` does.
    """
    if rate_hz < 1 or not max_s > 0:
        raise UsageError(f"expected rate_hz >= 1 and max_s > 0, got {rate_hz} and {max_s}")
    pieces: list[NDArray[np.float32]] = []
    start_s = 0.0
    with closing(ask(path, "sound", rate_hz=rate_hz, max_s=max_s)) as replies:
        for message in replies:
            if message.kind == "samples":
                pieces.append(np.frombuffer(message.body, np.float32))
            elif message.kind == "end":
                start_s = message.header["start_s"]
    if not pieces:
        raise MediaError("no sound could be decoded", code="unreadable", path=path)
    return Sound(np.concatenate(pieces), rate_hz, start_s)
