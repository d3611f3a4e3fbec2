"""How long what a mark says is true."""

from datetime import datetime

from unforge.trace.payload import HOUR, SLOT, MachinePayload, Payload


def ends_at(said: Payload, now: datetime) -> datetime:
    """When the slot of a machine ends, or the hour of a token that is shown at `now`; UTC."""
    if isinstance(said, MachinePayload):
        return said.starts_at + SLOT
    return said.starts_at(now) + HOUR
