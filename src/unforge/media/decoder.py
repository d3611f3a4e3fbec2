"""Starts the child that decodes, waits for it with a limit, and ends it. The only door to a decoder."""

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

from unforge.errors import MediaError
from unforge.media import messages
from unforge.media.limits import STALL_S, allowance_s
from unforge.media.messages import Message

_SOURCE_ROOT = str(Path(__file__).resolve().parents[2])
# -I: neither the working folder nor PYTHON* variables decide what the child imports. The package's own folder comes
# last, so that it cannot shadow the standard library.
_PROGRAM = """
import sys
sys.path.append(sys.argv[1])
from unforge.media.child.run import main
main(sys.argv[2])
"""
_PIPE_BYTES = 1 << 20
_FAREWELL_S = 1.0


def ask(path: Path | str, task: str, **options: object) -> Generator[Message]:
    """Messages of a child that does `task` ("probe", "look", "frames", "image" or "sound") on a file.

    The child is ended when the generator is closed, at the last message, and on any error. It gets the open file,
    never its name: no name can be taken for a protocol, a list of files or an option.
    Raises MediaError with the code that `errors.py` lists.
    """
    with open_regular(path) as file:
        size_bytes = os.fstat(file.fileno()).st_size
        if size_bytes == 0:
            raise MediaError("the file is empty", code="unreadable", path=path)
        request = json.dumps({"task": task, "size_bytes": size_bytes, "options": options})
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", _PROGRAM, _SOURCE_ROOT, request],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        )
    try:
        yield from _converse(process, path, size_bytes)
        _let_leave(process)
    finally:
        process.kill()
        if process.stdout is not None:
            process.stdout.close()
        process.wait()


def open_regular(path: Path | str) -> BinaryIO:
    """Opens a regular file for reading. Raises MediaError: not_found, no_media (a folder) or unreadable."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise MediaError("this is a folder, not a file", code="no_media", path=path)
        if not stat.S_ISREG(mode):
            # A pipe or a device may never end, and to open it may already block.
            raise MediaError("this is not a regular file", code="unreadable", path=path)
        return open(path, "rb")
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a zero byte
        raise MediaError("there is no such file", code="not_found", path=path) from error
    except MediaError:
        raise
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise MediaError(f"the file cannot be opened: {reason}", code="unreadable", path=path) from error


def _environment() -> dict[str, str]:
    # Every thread and every arena of malloc reserves addresses, which the child's limit counts.
    frugal = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    return {**os.environ, **frugal}


def _converse(process: subprocess.Popen[bytes], path: Path | str, size_bytes: int) -> Generator[Message]:
    stream = process.stdout
    if stream is None:
        raise RuntimeError("expected a pipe to the decoder, got none")
    _widen(stream.fileno())
    watch = _Watch(process, allowance_s(size_bytes))
    while True:
        message = watch.wait_for(stream)
        if message is None:
            raise _obituary(process, path, stopped=watch.stopped)
        match message.kind:
            case "alive":
                continue
            case "start":
                watch.left_s = allowance_s(size_bytes, message.header["duration_s"])
            case "error":
                _let_leave(process)
                raise MediaError(message.header["message"], code=message.header["code"], path=path)
            case "end":
                yield message
                return
            case _:
                yield message


class _Watch:
    """Counts the time spent waiting for the child, not the time its reader takes, and kills it when that is up."""

    def __init__(self, process: subprocess.Popen[bytes], left_s: float) -> None:
        self.process, self.left_s, self.stopped = process, left_s, False

    def wait_for(self, stream: BinaryIO | object) -> Message | None:
        started_s = time.monotonic()
        timer = threading.Timer(max(min(STALL_S, self.left_s), 0.0), self._stop)
        timer.daemon = True
        timer.start()
        try:
            return messages.receive(stream)  # type: ignore[arg-type]
        finally:
            timer.cancel()
            self.left_s -= time.monotonic() - started_s

    def _stop(self) -> None:
        self.stopped = True
        self.process.kill()


def _let_leave(process: subprocess.Popen[bytes]) -> None:
    """A child that has said all it had to say may go in its own time, but not for ever."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_FAREWELL_S)


def _obituary(process: subprocess.Popen[bytes], path: Path | str, *, stopped: bool) -> MediaError:
    """Why a child died without a word."""
    status = process.wait()
    if stopped or status == -getattr(signal, "SIGXCPU", 0):
        return MediaError("decoding took too long and was stopped", code="timeout", path=path)
    if status == -getattr(signal, "SIGKILL", 0):
        message = "decoding was ended by the system, which is usually short of memory"
        return MediaError(message, code="out_of_memory", path=path)
    reason = signal.Signals(-status).name if status < 0 else f"status {status}"
    return MediaError(f"the decoder broke down on this file ({reason})", code="unreadable", path=path)


def _widen(descriptor: int) -> None:
    # A frame is megabytes; the usual pipe of 64 kB costs a change of process for each of them.
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):  # the user's share of pipe memory is used up: slower, not wrong
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
