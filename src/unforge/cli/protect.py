"""`unforge protect`: copies that are harder to forge with, and a judge of what such a copy stops."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from unforge.cli._trace_stores import registry_option, ring_option
from unforge.errors import UsageError

if TYPE_CHECKING:
    from unforge.cli._protect_mark import Wanted
    from unforge.protect.targets import Target


@click.command(
    short_help="Make copies that are harder to forge with.",
    epilog="Example: unforge protect portrait.jpg -o protected --report out",
)
@click.argument("paths", nargs=-1, required=True)
@click.option("-o", "--out", metavar="OUT", help="A folder; for one file also a file name.")
@click.option(
    "--strength", type=float, default=1.0, metavar="S", help="From 0.25 to 2, times the profile's.  [default: 1]"
)
@click.option(
    "--profile",
    metavar="NAME",
    help="photo, video or broadcast (smoother, steadier, fainter).  [default: by the file]",
)
@click.option(
    "--optimise", is_flag=True, help="Still pictures: search for a better cloak (slow; needs the extra train)."
)
@click.option(
    "--against",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Also the targets in DIR, trained by `unforge train targets`.",
)
@click.option("--whole-frame", is_flag=True, help="Protect what shows no face as a whole.")
@click.option("--force", is_flag=True, help="Protect again what is protected already.")
@click.option("--mark", "marked", is_flag=True, help="Lay a readable mark as well (see `unforge trace`).")
@click.option("--machine", type=int, metavar="ID", help="With --mark: the machine, or whoever gets the copy.")
@click.option("--place", type=int, default=0, metavar="N", help="With --mark: its place.  [default: none]")
@click.option("--mark-strength", type=int, metavar="N", help="With --mark: from 4 to 12.  [default: 8]")
@ring_option
@registry_option
@click.option("--judge", is_flag=True, help="PATHS are an original and its protected copy: say what the copy stops.")
@click.option("--report", type=click.Path(path_type=Path), metavar="DIR", help="Write NAME.html and NAME.json to DIR.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the words.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line (schema unforge.protect/1).")
def command(
    paths: tuple[str, ...],
    out: str | None,
    strength: float,
    profile: str | None,
    optimise: bool,
    against: Path | None,
    whole_frame: bool,
    force: bool,
    marked: bool,
    machine: int | None,
    place: int,
    mark_strength: int | None,
    ring: Path | None,
    registry: Path | None,
    judge: bool,
    report: Path | None,
    lang: str,
    as_json: bool,
) -> int:
    """Write copies with a change that is hard to see and makes some programs fail which find, know or change faces.

    PATHS are files, folders and patterns in quotes: pictures (PNG, JPEG, WebP, TIFF) and videos (MP4, MOV, MKV).
    Originals are only read; everything else in a file goes along. A file that cannot be protected is reported and the
    others go on. A cloak raises the cost of a forgery and does not rule it out: with --judge, every program is tried
    on a copy and told, also where nothing is stopped.

    Exit codes: 0 all protected; 1 some could not be protected or written; 2 wrong usage; 130 interrupted, what was
    finished stays.
    """
    if judge:
        _check_judge(paths, out, report)
        from unforge.cli import _protect_judge

        return _protect_judge.run(Path(paths[0]), Path(paths[1]), _targets(against), lang, as_json)
    if out is None:
        raise click.UsageError("protect: expected -o OUT, a folder or a file name for the copy")
    if against is not None and not (optimise or report):
        raise click.UsageError("--against: expected --optimise, --report or --judge with it")
    from unforge.cli._folder import Folder
    from unforge.cli._protect_run import Run, Wish

    mark = _mark(marked, machine, place, mark_strength, ring, registry)
    wish = Wish(strength, profile, _optimised_against(against) if optimise else (), whole_frame, force)
    folder = None if report is None else Folder(report, lang)
    run = Run(
        wish, None if mark is None else mark.given_out(), _targets(against) if report else (), folder, lang, as_json
    )
    return run.all(paths, out)


def _check_judge(paths: tuple[str, ...], out: str | None, report: Path | None) -> None:
    if len(paths) != 2:
        raise click.UsageError(f"--judge: expected an original and its protected copy, got {len(paths)} paths")
    if out is not None or report is not None:
        raise click.UsageError("--judge: expected neither -o nor --report, because it prints and writes nothing")


def _mark(
    marked: bool, machine: int | None, place: int, strength: int | None, ring: Path | None, registry: Path | None
) -> "Wanted | None":
    from unforge.cli._protect_mark import Wanted

    if not marked and (machine is not None or place or strength is not None):
        raise click.UsageError("--machine, --place and --mark-strength: expected --mark with them")
    if not marked:
        return None
    if machine is None:
        raise click.UsageError("--mark: expected --machine ID, whom a reading leads to")
    return Wanted(machine, place, strength, ring, registry)


def _targets(against: Path | None) -> "tuple[Target, ...]":
    """The real targets that can run here, and those in a folder. Raises UsageError where it holds none."""
    from unforge.protect.targets import all_targets

    targets = all_targets(against)
    if against is not None and not any(target.is_trained_here for target in targets):
        made = "make them with: unforge train targets --data DATA --out DIR"
        raise UsageError(f"--against: expected networks of `unforge train targets` in {against}, found none; {made}")
    return targets


def _optimised_against(against: Path | None) -> "tuple[Target, ...]":
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise click.ClickException("optimising needs torch; install it with: pip install 'unforge[train]'")
    return tuple(target for target in _targets(against) if target.may_train and target.network is not None)
