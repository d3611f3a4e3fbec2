"""Autoencoders that draw any face as one of two people, of the kind of the first face swaps (nets/swap.py)."""

from pathlib import Path

from unforge.protect.targets import Target
from unforge.protect.targets._trained import trained


def targets(folder: Path | None) -> tuple[Target, ...]:
    """The one that cloaks may be optimised against, and the one that is held out; they know different people."""
    return (*trained(folder, "swap-1", "swap", True), *trained(folder, "swap-2", "swap", False))
