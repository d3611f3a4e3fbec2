"""What parent and child say to each other: a length, a JSON header, raw bytes. Nothing in it can run code."""

import json
import struct
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from unforge.media.limits import MAX_REPLY_BYTES

_LENGTH = struct.Struct(">I")
_MAX_HEADER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Message:
    kind: str  # "alive", "start", "frame", "samples", "facts", "error" or "end"
    header: dict[str, Any] = field(default_factory=dict)
    body: bytearray | memoryview = field(default_factory=bytearray)


def send(stream: BinaryIO, message: Message) -> None:
    header = json.dumps({**message.header, "kind": message.kind, "bytes": len(message.body)}).encode("ascii")
    stream.write(_LENGTH.pack(len(header)) + header)
    stream.write(message.body)
    stream.flush()


def receive(stream: BinaryIO) -> Message | None:
    """The next message, or None where the stream ended, was cut or does not speak this language."""
    prefix = _read(stream, _LENGTH.size)
    if prefix is None:
        return None
    (length,) = _LENGTH.unpack(prefix)
    text = _read(stream, length) if length <= _MAX_HEADER_BYTES else None
    if text is None:
        return None
    header = json.loads(text)
    size = header.pop("bytes")
    body = _read(stream, size) if 0 <= size <= MAX_REPLY_BYTES else None
    return None if body is None else Message(header.pop("kind"), header, body)


def _read(stream: BinaryIO, size: int) -> bytearray | None:
    buffer = bytearray(size)
    view, done = memoryview(buffer), 0
    while done < size:
        count = stream.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            return None
        done += count
    return buffer
