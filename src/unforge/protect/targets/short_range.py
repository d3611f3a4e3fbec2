"""BlazeFace short-range: finds faces as a phone held at arm's length sees them, threshold 0.5."""

from pathlib import Path

from unforge.faces.find import SHORT
from unforge.protect.targets import Target
from unforge.protect.targets._blazeface import target


def targets(folder: Path | None) -> tuple[Target, ...]:
    """The network in the wheel; it needs no folder."""
    return (target("short-range", SHORT),)
