"""The child's life: give up what it may not have, do one task, say how it ended."""

import json
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from unforge.errors import MediaError
from unforge.media import limits, messages
from unforge.media.messages import Message

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ALIVE_EVERY_S = 1.0
_NO_BODY = memoryview(b"")


class Replies:
    """The way back to the parent."""

    def __init__(self) -> None:
        # Decoders that print to standard output must not be able to garble the messages.
        self._stream = os.fdopen(os.dup(1), "wb")
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        self._last_s = time.monotonic()

    def send(self, kind: str, header: Mapping[str, Any] | None = None, body: memoryview = _NO_BODY) -> None:
        messages.send(self._stream, Message(kind, dict(header or {}), body))
        self._last_s = time.monotonic()

    def frame(self, time_s: float, rgb: "NDArray[np.uint8]", scale: float) -> None:
        self.send("frame", {"time_s": time_s, "shape": rgb.shape, "scale": scale}, rgb.data.cast("B"))

    def alive(self) -> None:
        """To be called in every loop that may go on without a reply."""
        if time.monotonic() - self._last_s > _ALIVE_EVERY_S:
            self.send("alive")


def main(request_text: str) -> None:
    """Does the task of a request, a JSON object with task, size_bytes and options."""
    request = json.loads(request_text)
    restrain(request["size_bytes"])
    replies = Replies()
    try:
        _do(request["task"], replies, request["options"])
    except BrokenPipeError:
        sys.exit(0)  # nobody listens any more
    except MediaError as error:
        replies.send("error", {"code": error.code, "message": error.message})
    except MemoryError:
        megabytes = limits.ADDRESS_SPACE_BYTES // 2**20
        message = f"decoding needs more than the {megabytes} MiB of memory that it may have"
        replies.send("error", {"code": "out_of_memory", "message": message})
    except Exception as error:  # decoders raise nearly anything on a damaged file: all of it means this
        message = f"the file is damaged or not supported ({type(error).__name__}: {str(error)[:200]})"
        replies.send("error", {"code": "unreadable", "message": message})


def _do(task: str, replies: Replies, options: dict[str, Any]) -> None:
    # Clips and stills import their decoder at the top: only what this file needs is loaded.
    from unforge.media.child import sniff

    picture = sniff.picture_format(sniff.head())
    if picture is not None:
        from unforge.media.child import stills

        stills.TASKS[task](replies, picture, **options)
    else:
        from unforge.media.child import clips

        clips.TASKS[task](replies, **options)


def restrain(size_bytes: int) -> None:
    """Lowers what this process may use. Where a limit does not exist, the parent's clock remains."""
    try:
        import resource
    except ImportError:  # not a POSIX system
        return
    cpu_s = int(2 * limits.allowance_s(size_bytes))  # two decoding threads
    wanted = {
        resource.RLIMIT_AS: limits.ADDRESS_SPACE_BYTES,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_NOFILE: limits.OPEN_FILES,
        resource.RLIMIT_FSIZE: limits.WRITTEN_FILE_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in wanted.items():
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):  # macOS knows the names of limits that it does not keep
            continue
