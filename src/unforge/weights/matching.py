"""What finding something known, or a code, is worth: calibrations without a network."""

import tomllib
from functools import cache
from pathlib import Path

from unforge.errors import UnknownName
from unforge.weights.calibration import Calibration

FILE = Path(__file__).parent / "matching.toml"


@cache
def calibration(name: str) -> Calibration:
    """The calibration called `name` in matching.toml; raises UnknownName with the choices."""
    data = tomllib.loads(FILE.read_text("utf-8"))["calibrations"]
    if name not in data:
        raise UnknownName("calibration", name, data)
    return Calibration.from_card(data[name])
