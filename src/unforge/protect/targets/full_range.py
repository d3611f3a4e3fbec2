"""BlazeFace full-range: finds faces from nearby up to some metres away, threshold 0.5."""

from pathlib import Path

from unforge.faces.find import FULL
from unforge.protect.targets import Target
from unforge.protect.targets._blazeface import target


def targets(folder: Path | None) -> tuple[Target, ...]:
    """The network in the wheel; it needs no folder."""
    return (target("full-range", FULL),)
