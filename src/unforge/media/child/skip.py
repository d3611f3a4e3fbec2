"""Which packets a cheap look at a film has to decode."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from unforge.media.child.sampling import Grid

_MOST_BYTES = 32 << 20  # held back of one group


class Coded(Protocol):
    """What is asked of a packet; `size` is 0 for the one that ends the stream."""

    @property
    def is_keyframe(self) -> bool: ...

    @property
    def size(self) -> int: ...


P = TypeVar("P", bound=Coded)


def telling(
    packets: Iterable[P], time_s: Callable[[P], float | None], gap_s: float, rate_hz: float | None
) -> Iterator[P]:
    """The key frames that a rate asks for; and all that follows a key frame for longer than gap_s until the next one.

    A group, a key frame with what follows it, can be left out without harm to any other one. What comes before the
    first key frame, or has no time, is decoded: films without key frames must be looked at, too.
    """
    wanted, held, held_bytes, key_s = Grid(rate_hz), list[P](), 0, None
    for packet in packets:
        at_s = time_s(packet)
        if packet.is_keyframe:
            held, held_bytes, key_s = [], 0, at_s
            if at_s is None or wanted.takes(at_s):
                yield packet
                continue
        if key_s is None or at_s is None or not packet.size:
            yield packet
            continue
        held.append(packet)
        held_bytes += packet.size
        if at_s - key_s > gap_s or held_bytes > _MOST_BYTES:
            yield from held
            held, key_s = [], None
