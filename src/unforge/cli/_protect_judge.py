"""`unforge protect --judge ORIGINAL PROTECTED`: every program, after every channel, against every attacker."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from unforge.protect.targets import Target


def run(original: Path, protected: Path, targets: "Sequence[Target]", language: str, as_json: bool) -> int:
    """Print the comparison. Raises MediaError, NotApplicable and UsageError for what cannot be compared."""
    from unforge import __version__
    from unforge.cli import _protect_look, _protect_text
    from unforge.cli._meter import Meter
    from unforge.cli.main import DONE
    from unforge.report import Comparison, Run

    began_s, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    with Meter(1) as meter:
        meter.show("looking for faces", 0.0)
        seen = _protect_look.looks(original, protected, _protect_look.FRAMES_OF_FILM)
        judged = _protect_look.judged(seen, targets, meter.show, briefly=False)
    elapsed_s = round(time.monotonic() - began_s, 3)
    found = Comparison(str(original), str(protected), judged, Run(__version__, (), started, elapsed_s))
    if as_json:
        click.echo(found.to_json())
    else:
        _protect_text.print_comparison(found, language)
    return DONE
