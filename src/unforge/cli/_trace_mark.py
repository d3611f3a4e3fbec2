"""`unforge trace mark`: pictures, documents and videos, marked before they are handed out."""

import json
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unforge.cli._trace_stores import load_ring, open_registry, registry_if_any, registry_option, ring_option
from unforge.errors import MediaError, OutputError, UnforgeError

if TYPE_CHECKING:
    from unforge.cli._meter import Meter
    from unforge.trace.hand_out import Ink, Written
    from unforge.trace.keys import Key
    from unforge.trace.payload import Payload
    from unforge.trace.registry import Registry


@click.command(
    short_help="Mark pictures, PDF documents and videos.",
    epilog="Example: unforge trace mark minutes.pdf --machine 17 --place 4",
)
@click.argument("paths", nargs=-1, required=True)
@click.option("--machine", type=int, required=True, metavar="ID", help="The machine, or whoever gets the copy.")
@click.option("--place", type=int, default=0, metavar="N", help="Its place.  [default: none]")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("marked"),
    show_default=True,
    metavar="DIR",
    help="Where the copies go.",
)
@click.option("--strength", type=int, metavar="N", help="From 4 to 12, in 1/255 of blue.  [default: 8]")
@click.option("--chip-px", type=click.IntRange(2, 64), metavar="N", help="Pixels of a chip.  [default: by the size]")
@click.option("--token", is_flag=True, help="Privacy: a token of the registry instead of machine and place.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@ring_option
@registry_option
def command(
    paths: tuple[str, ...],
    machine: int,
    place: int,
    out: Path,
    strength: int | None,
    chip_px: int | None,
    token: bool,
    as_json: bool,
    ring: Path | None,
    registry: Path | None,
) -> int:
    """Write marked copies of files; the originals are only read.

    PATHS are files, folders and patterns in quotes: pictures (PNG, JPEG, WebP, TIFF), PDF documents (needs the extra
    `pdf`) and videos (MP4, MOV, MKV). Each copy is read back and held against its original. A file that cannot be
    marked is reported and the others go on. The registry, where there is one, keeps that the mark was given out.

    Exit codes: 0 all marked; 1 some could not be marked; 2 wrong usage.
    """
    from unforge.trace import mark
    from unforge.trace.hand_out import Ink

    strength = mark.STRENGTH if strength is None else strength
    mark.check_strength(strength)
    keys = load_ring(ring)
    held = open_registry(registry) if token else registry_if_any(registry)
    with nullcontext() if held is None else closing(held):
        said = _said(machine, place, token, held, keys.current())
        run = _Run(Ink(said, keys, keys.current(), strength, chip_px), out, as_json)
        return run.all(paths)


def _said(machine: int, place: int, token: bool, registry: "Registry | None", key: "Key") -> "Payload":
    """What the mark says; the registry is told that it was given out."""
    from unforge.trace.payload import HOUR, of_machine, of_token

    now = datetime.now(UTC)
    if token and registry is not None:
        return of_token(registry.issue_token(machine, key.id, now, now + HOUR).token, now)
    if registry is not None:
        registry.heartbeat(machine, key.id, now, place=place)
    return of_machine(machine, now, place)


@dataclass
class _Run:
    """Marks one file after the other and says each result as soon as it is there."""

    ink: "Ink"
    out: Path
    as_json: bool
    n_failed: int = 0
    _taken: set[str] = field(default_factory=set)

    def all(self, paths: tuple[str, ...]) -> int:
        from unforge.cli._inputs import expand
        from unforge.cli._meter import Meter
        from unforge.cli.main import DONE, FAILED
        from unforge.trace import hand_out

        self._make_out()
        inputs = list(expand(paths, frozenset(hand_out.suffixes())))
        with Meter(len(inputs)) as meter:
            for done, given in enumerate(inputs):
                self._one(given, meter.say, partial(self._show, meter, _name(given), done))
        return FAILED if self.n_failed else DONE

    def _show(self, meter: "Meter", name: str, before: int, share: float) -> None:
        meter.show(name, before + share)

    def _one(self, given: Path | MediaError, say: Callable[[str], None], progress: Callable[[float], None]) -> None:
        from unforge.trace import hand_out

        progress(0.0)
        try:
            if isinstance(given, MediaError):
                raise given
            written = hand_out.mark(given, self._target(given), self.ink, progress)
        except UnforgeError as error:
            self.n_failed += 1
            self._failed(given, error, say)
        else:
            self._done(given, written, say)

    def _done(self, given: Path, written: "Written", say: Callable[[str], None]) -> None:
        if self.as_json:
            say(_json(given, written, self.ink))
            return
        say(f"{given} -> {written.path}  ({written.kept:.0%} of the ink, chips of {written.chip_px} px)")
        for note in written.notes:
            say(f"  {note}")

    def _failed(self, given: Path | MediaError, error: UnforgeError, say: Callable[[str], None]) -> None:
        path = given.path if isinstance(given, MediaError) else str(given)
        if self.as_json:
            say(json.dumps({"path": path, "error": {"code": error.code, "message": str(error)}}, ensure_ascii=False))
        else:
            say(f"{path}: not marked ({error.code}): {error}")

    def _target(self, source: Path) -> Path:
        """The name of the original in the other folder; `-2`, `-3`, ... where another file of this run has it."""
        name, number = source.name, 1
        while name.casefold() in self._taken:  # some file systems do not tell A from a
            number += 1
            name = f"{source.stem}-{number}{source.suffix}"
        self._taken.add(name.casefold())
        return self.out / name

    def _make_out(self) -> None:
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"cannot make the folder {self.out}: {reason}; choose another with --out") from error


def _json(given: Path, written: "Written", ink: "Ink") -> str:
    from unforge.trace import utc
    from unforge.trace.payload import MachinePayload

    said = ink.said
    machine = said if isinstance(said, MachinePayload) else None
    facts: dict[str, Any] = {
        "path": str(given),
        "written": str(written.path),
        "machine": machine and machine.machine,
        "place": (machine and machine.place) or None,
        "time": machine and utc.text(machine.starts_at),
        "key": ink.key.id,
        "strength": ink.strength,
        "chip_px": written.chip_px,
        "kept": round(written.kept, 4),
        "notes": list(written.notes),
    }
    return json.dumps(facts, ensure_ascii=False)


def _name(given: Path | MediaError) -> str:
    from unforge.cli import _text

    return "" if isinstance(given, MediaError) else _text.middle(given.name, 24)
