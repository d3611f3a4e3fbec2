"""Editors of attributes with a wide path from picture to picture, of the kind of StarGAN (nets/editor.py)."""

from pathlib import Path

from unforge.protect.targets import Target
from unforge.protect.targets._trained import trained


def targets(folder: Path | None) -> tuple[Target, ...]:
    """The one that cloaks may be optimised against, and the one that is held out."""
    return (*trained(folder, "editor-1", "editor", True), *trained(folder, "editor-2", "editor", False))
