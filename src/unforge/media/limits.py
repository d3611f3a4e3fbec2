"""What a file may cost. Child and parent read the same figures."""

import math

MAX_PICTURE_PX = 120_000_000  # a still picture, before it is reduced
MAX_JPEG_PX = 1_000_000_000  # a baseline JPEG can be reduced while it is decoded, eight-fold per side
MAX_FRAME_PX = 40_000_000  # a frame of a video: 8K is 33 million
MAX_ANIMATION_PX = 3_000_000_000  # GIF and its kin, all frames together: 1,500 of them at 1080p
MAX_ANIMATION_FRAMES = 20_000
MAX_REPLY_BYTES = 512 * 1024 * 1024  # one message from the child

# 4K H.264 on two threads needs about 500 MiB of addresses, a picture of 120 million px about 650 MiB.
ADDRESS_SPACE_BYTES = 800 * 1024 * 1024
OPEN_FILES = 64
WRITTEN_FILE_BYTES = 4 * 1024 * 1024

STALL_S = 20.0  # the child says at least every second that it is alive
START_S = 25.0  # granted to any file ...
BYTES_PER_S = 2_000  # ... and a second more for every 2 kB of it: no film carries less in a second
SECONDS_PER_S = 10.0  # ... but no more than ten seconds for a second of film


def allowance_s(size_bytes: int, duration_s: float | None = None) -> float:
    """Seconds of waiting that a file is worth. The duration is its own claim, so its size has a say too."""
    by_size_s = size_bytes / BYTES_PER_S
    by_claim_s = math.inf if duration_s is None else SECONDS_PER_S * max(duration_s, 0.0)
    return START_S + min(by_size_s, by_claim_s)
