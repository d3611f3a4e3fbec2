"""`unforge examine`: verdicts for files, folders and patterns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from unforge.errors import MediaError, OutputError
from unforge.verdict import BANDS, Band

if TYPE_CHECKING:
    from unforge.cli._folder import Folder
    from unforge.cli._meter import Meter
    from unforge.report import Report


class _ListsExaminers(click.Command):
    """A command whose help tells the names that may stand after `--with`."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        from unforge import detect
        from unforge.explain.vocabulary import lane

        with formatter.section("Examiners (* also in --profile fast)"):
            formatter.write_dl(
                [
                    (f"{name}{' *' if name in detect.FAST else ''}", lane(name).purpose.en or "An examiner added here.")
                    for name in detect.available()
                ]
            )


@click.command(
    cls=_ListsExaminers,
    short_help="Say whether files have been manipulated, and why.",
    epilog="Example: unforge examine clip.mp4 photos/ --report out",
)
@click.argument("paths", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line (schema unforge.report/1).")
@click.option("--report", type=click.Path(path_type=Path), metavar="DIR", help="Write NAME.html and NAME.json to DIR.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the words.")
@click.option(
    "--profile",
    type=click.Choice(["fast", "full"]),
    default="full",
    show_default=True,
    help="fast: half as many looks and only the examiners marked below; what shows in movement and sound is missed.",
)
@click.option("--with", "names", metavar="NAME,...", help="Use only these examiners.")
@click.option("--without", metavar="NAME,...", help="Leave these examiners out.")
@click.option(
    "--prior",
    type=float,
    default=0.5,
    show_default=True,
    metavar="P",
    help="Probability of manipulation before looking, 0 < P < 1.",
)
@click.option(
    "--fail-on",
    type=click.Choice(BANDS),
    help="Exit with 10 if a file reaches this band. A stronger band counts as well: inconclusive includes manipulated.",
)
def command(
    paths: tuple[str, ...],
    as_json: bool,
    report: Path | None,
    lang: str,
    profile: Literal["fast", "full"],
    names: str | None,
    without: str | None,
    prior: float,
    fail_on: Band | None,
) -> int:
    """Examine pictures and videos.

    PATHS are files, folders (searched recursively for media files) and patterns in quotes. A file that cannot
    be examined is reported and the others go on.

    Exit codes: 0 all examined; 1 some could not be examined or written; 2 wrong usage; 10 the band of
    --fail-on was reached (it wins over 1); 130 interrupted, what was finished stays.
    """
    if not 0.0 < prior < 1.0:
        raise click.BadParameter(f"expected a probability between 0 and 1, got {prior}", param_hint="--prior")
    from unforge.cli._choice import examiners
    from unforge.cli._folder import Folder
    from unforge.cli._inputs import expand

    chosen = examiners(names, without, profile=profile)
    folder = None if report is None else Folder(report, lang)
    run = _Run(chosen, profile, prior, as_json, lang, folder)
    interrupted = run.all(list(expand(paths)))
    return run.exit_code(fail_on, interrupted)


@dataclass
class _Run:
    """Examines one file after the other and says each result as soon as it is there."""

    examiners: tuple[str, ...] | None
    profile: Literal["fast", "full"]
    prior: float
    as_json: bool
    language: str
    folder: "Folder | None"
    bands: list[Band] = field(default_factory=list)
    n_failed: int = 0

    def all(self, inputs: list[Path | MediaError]) -> bool:
        """Whether the user stopped it."""
        from unforge.cli._meter import Meter

        done = 0
        try:
            with Meter(len(inputs)) as meter:
                for done, given in enumerate(inputs):
                    self._one(given, meter.say, _progress(meter, given, done))
        except KeyboardInterrupt:
            where = "" if self.folder is None else f"; their reports are in {self.folder.path}"
            click.echo(f"interrupted: {done} of {len(inputs)} files are done{where}", err=True)
            return True
        return False

    def exit_code(self, fail_on: Band | None, interrupted: bool) -> int:
        from unforge.cli.main import DONE, FAILED, INTERRUPTED, REACHED

        if interrupted:
            return INTERRUPTED
        if fail_on is not None and any(reaches(band, fail_on) for band in self.bands):
            return REACHED
        return FAILED if self.n_failed else DONE

    def _one(
        self, given: Path | MediaError, say: Callable[[str], None], progress: Callable[[str, float], None]
    ) -> None:
        from unforge import examination
        from unforge.cli import _text

        if isinstance(given, MediaError):
            found = _not_examined(given)
        else:
            found = examination.examine(
                given, examiners=self.examiners, prior=self.prior, profile=self.profile, on_progress=progress
            )
        if found.verdict is not None:
            self.bands.append(found.verdict.band)
        self.n_failed += found.error is not None
        say(found.to_json() if self.as_json else "\n".join(_text.lines(found, self.language)))
        if self.folder is not None:
            self._write(found, self.folder, say)

    def _write(self, found: "Report", folder: "Folder", say: Callable[[str], None]) -> None:
        from unforge.cli import _text

        try:
            page = folder.write(found)[0]
        except OutputError as error:
            self.n_failed += 1
            click.echo(f"unforge: {error}", err=True)
            return
        if not self.as_json:
            say(f"  -> {_text.middle(str(page), _text.WIDTH - 5)}")


def reaches(band: Band, wanted: Band) -> bool:
    """Whether a verdict is in the wanted band or a stronger one; `not_assessable` stands apart."""
    if "not_assessable" in (band, wanted):
        return band == wanted
    return BANDS.index(band) <= BANDS.index(wanted)


def _progress(meter: "Meter", given: Path | MediaError, before: int) -> Callable[[str, float], None]:
    from unforge.cli import _text
    from unforge.film import GOING_ON

    name = "" if isinstance(given, MediaError) else _text.middle(given.name, 24)

    def progress(stage: str, done: float) -> None:
        if stage == GOING_ON:
            meter.goes_on(f"{name}: {GOING_ON} ({done:.0%})", before + done)
        else:
            meter.show(f"{name}: {stage}", before + done)

    progress("faces", 0.0)
    return progress


def _not_examined(error: MediaError) -> "Report":
    from unforge import __version__
    from unforge.report import ErrorFacts, ExhibitFacts, Report, Run

    run = Run(__version__, (), datetime.now(UTC).isoformat(timespec="seconds"), 0.0)
    return Report(ExhibitFacts(error.path), run, error=ErrorFacts(error.code, error.message))
