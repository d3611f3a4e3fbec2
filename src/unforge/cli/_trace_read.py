"""`unforge trace read`: which machine, place and time a photograph of a screen leads to."""

import getpass
import hashlib
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from unforge.cli._trace_stores import Moment, load_ring, registry_if_any, registry_option, ring_option
from unforge.errors import MediaError, OutputError, UnforgeError

if TYPE_CHECKING:
    from unforge.cli._folder import Folder
    from unforge.cli._meter import Meter
    from unforge.report import Investigation, KeyTried, MarkOwner, ScreenMark
    from unforge.trace.keys import KeyRing
    from unforge.trace.read import Reading
    from unforge.trace.registry import Owner, Registry

_REPORT_PX = 1600  # the longer side of the photograph in a report, before it is made smaller still


@click.command(
    short_help="Say who a photograph of a screen leads to.",
    epilog="Example: unforge trace read photo.jpg --report out",
)
@click.argument("paths", nargs=-1, required=True, metavar="PHOTO...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line (schema unforge.trace/1).")
@click.option("--report", type=click.Path(path_type=Path), metavar="DIR", help="Write NAME.html and NAME.json to DIR.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the words.")
@click.option("--since", type=Moment(), metavar="TIME", help="The photographs were taken then or later (ISO 8601).")
@click.option("--until", type=Moment(), metavar="TIME", help="The photographs were taken then or earlier.")
@ring_option
@registry_option
def command(
    paths: tuple[str, ...],
    as_json: bool,
    report: Path | None,
    lang: str,
    since: datetime | None,
    until: datetime | None,
    ring: Path | None,
    registry: Path | None,
) -> int:
    """Look for marks in photographs of screens, and say who they lead to.

    PHOTO is a file, a folder or a pattern in quotes. A photograph that cannot be read is reported and the others go
    on. The registry, where there is one, names the owner and keeps a log of who asked. With --since and --until it
    reads worse photographs, because fewer messages are left to tell apart.

    Exit codes: 0 all examined, whatever was found; 1 some could not be examined or written; 2 wrong usage; 130
    interrupted.
    """
    from unforge.cli._folder import Folder

    keys = load_ring(ring)
    folder = None if report is None else Folder(report, lang)
    held = registry_if_any(registry)
    with nullcontext() if held is None else closing(held):
        return _Run(keys, held, _around(held, since, until), as_json, lang, folder).all(paths)


def _around(
    registry: "Registry | None", since: datetime | None, until: datetime | None
) -> tuple[datetime, datetime] | None:
    """When the photographs were taken; an end that is not said is that of what the registry knows."""
    if since is None and until is None:
        return None
    known = None if registry is None else registry.span()
    if known is None:
        raise click.UsageError(
            "--since and --until need a registry that knows when overlays ran; give one by --registry"
        )
    start, end = since or known[0], until or known[1]
    if not start < end:
        raise click.UsageError(f"--since: expected a time before {end.isoformat()}, got {start.isoformat()}")
    return start, end


@dataclass
class _Run:
    """Reads one photograph after the other and says each result as soon as it is there."""

    ring: "KeyRing"
    registry: "Registry | None"
    around: tuple[datetime, datetime] | None
    as_json: bool
    language: str
    folder: "Folder | None"
    n_failed: int = 0

    def all(self, paths: tuple[str, ...]) -> int:
        from unforge.cli._inputs import expand
        from unforge.cli._meter import Meter
        from unforge.cli.main import DONE, FAILED

        inputs = list(expand(paths))
        with Meter(len(inputs)) as meter:
            for done, given in enumerate(inputs):
                self._one(given, meter, done)
        return FAILED if self.n_failed else DONE

    def _one(self, given: Path | MediaError, meter: "Meter", before: int) -> None:
        from unforge.cli import _trace_text

        found = self._investigated(given, meter, before)
        self.n_failed += found.error is not None
        meter.say(found.to_json() if self.as_json else "\n".join(_trace_text.lines(found, self.language)))
        if self.registry is not None and found.sha256 is not None and found.best is not None:
            self.registry.log(found.sha256, found.to_json(), who=getpass.getuser())
        if self.folder is not None:
            self._write(found, self.folder, meter.say)

    def _write(self, found: "Investigation", folder: "Folder", say: Callable[[str], None]) -> None:
        try:
            page = folder.write_investigation(found)[0]
        except OutputError as error:
            self.n_failed += 1
            click.echo(f"unforge: {error}", err=True)
            return
        if not self.as_json:
            say(f"  -> {page}")

    def _investigated(self, given: Path | MediaError, meter: "Meter", before: int) -> "Investigation":
        from unforge import __version__
        from unforge.report import Investigation, Run

        path = given.path if isinstance(given, MediaError) else str(given)
        began_s, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
        found = Investigation(path, Run(__version__, (), started, 0.0), keys=_tried(self.ring))
        try:
            if isinstance(given, MediaError):
                raise given
            found = replace(found, sha256=_sha256(given), screens=self._screens(given, meter, before))
            found = self._with_photo(found, given)
        except MediaError as error:
            found = _failed(found, error)
        elapsed_s = round(time.monotonic() - began_s, 3)
        return replace(found, run=replace(found.run, elapsed_s=elapsed_s))

    def _screens(self, path: Path, meter: "Meter", before: int) -> tuple["ScreenMark", ...]:
        """What was read, the surest first."""
        from unforge.cli import _text
        from unforge.report import GRADES
        from unforge.trace import read

        name = _text.middle(path.name, 24)

        def progress(stage: str, done: float) -> None:
            meter.show(f"{name}: {stage}", before + done)

        readings = read.read(path, self.ring, self.registry, progress, around=self.around)

        def doubt(reading: "Reading") -> tuple[int, float]:
            certain = 1.0 if reading.error_probability is None else reading.error_probability
            return GRADES.index(reading.grade), certain

        return tuple(_screen(reading) for reading in sorted(readings, key=doubt))

    def _with_photo(self, found: "Investigation", path: Path) -> "Investigation":
        """With the picture that a report shows."""
        if self.folder is None:
            return found
        from unforge.media.image import read_image

        frame = read_image(path, _REPORT_PX)
        height, width = frame.rgb.shape[:2]
        return replace(found, rgb=frame.rgb, size_wh=(round(width * frame.scale), round(height * frame.scale)))


def _failed(found: "Investigation", error: UnforgeError) -> "Investigation":
    from unforge.report import ErrorFacts

    return replace(found, screens=(), error=ErrorFacts(error.code, str(error)))


def _tried(ring: "KeyRing") -> tuple["KeyTried", ...]:
    from unforge.report import KeyTried
    from unforge.trace import utc

    return tuple(
        KeyTried(key.id, None if key.revoked_at is None else utc.text(key.revoked_at)) for key in ring.readable()
    )


def _screen(reading: "Reading") -> "ScreenMark":
    from unforge.report import ScreenMark
    from unforge.trace.payload import MachinePayload, TokenPayload

    said, outline = reading.payload, reading.outline_xy
    start, end = _span(reading)
    return ScreenMark(
        reading.grade,
        reading.reason,
        reading.reason_zh,
        reading.error_probability,
        machine=said.machine if isinstance(said, MachinePayload) else None,
        place=(said.place or None) if isinstance(said, MachinePayload) else None,
        token=said.token if isinstance(said, TokenPayload) else None,
        start=start,
        end=end,
        key=reading.key,
        owner=None if reading.owner is None else _owner(reading.owner),
        outline_xy=None if outline is None else tuple((float(x), float(y)) for x, y in outline),
        facts=dict(reading.facts),
    )


def _span(reading: "Reading") -> tuple[str | None, str | None]:
    """Start and end of the slot that a mark names; of a token's hour only where the registry knows it."""
    from unforge.trace import utc
    from unforge.trace.payload import HOUR, SLOT, MachinePayload

    if isinstance(reading.payload, MachinePayload):
        start, lasts = reading.payload.starts_at, SLOT
    elif reading.owner is not None and reading.owner.starts_at is not None:
        start, lasts = reading.owner.starts_at, HOUR
    else:
        return None, None
    return utc.text(start), utc.text(start + lasts)


def _owner(owner: "Owner") -> "MarkOwner":
    from unforge.report import MarkOwner

    machine = owner.machine
    if machine is None:
        return MarkOwner(owner.status, owner.note)
    return MarkOwner(owner.status, owner.note, machine.name, machine.user, owner.place, machine.app)


def _sha256(path: Path) -> str:
    from unforge.media.decoder import open_regular

    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
