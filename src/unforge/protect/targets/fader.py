"""Editors of attributes whose picture passes through a narrow code, of the kind of Fader networks (nets/fader.py)."""

from pathlib import Path

from unforge.protect.targets import Target
from unforge.protect.targets._trained import trained


def targets(folder: Path | None) -> tuple[Target, ...]:
    """The one that cloaks may be optimised against, and the one that is held out."""
    return (*trained(folder, "fader-1", "editor", True), *trained(folder, "fader-2", "editor", False))
