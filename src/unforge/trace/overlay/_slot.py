"""What is shown in a slot, and until when it is true."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from unforge.trace.payload import HOUR, SLOT, MachinePayload, Payload

Saying = Callable[[datetime], Payload]


@dataclass(frozen=True, slots=True)
class Beat:
    """The mark is on the displays: what it says, which key signed it, and when that was, UTC."""

    payload: Payload
    key_id: str
    when: datetime


def ends_at(said: Payload, now: datetime) -> datetime:
    """When the slot of a machine ends, or the hour of a token that is shown at `now`; UTC."""
    if isinstance(said, MachinePayload):
        return said.starts_at + SLOT
    return said.starts_at(now) + HOUR
