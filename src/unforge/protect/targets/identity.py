"""An encoder of who somebody is, as swaps of one picture start from (nets/identity.py)."""

from pathlib import Path

from unforge.protect.targets import Target
from unforge.protect.targets._trained import trained


def targets(folder: Path | None) -> tuple[Target, ...]:
    """The one encoder; there is no second that is held out."""
    return trained(folder, "identity-1", "identity", True)
