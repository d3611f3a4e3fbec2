"""`unforge moderate bank`: hashes of what is known."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from unforge.errors import MediaError, NotApplicable

if TYPE_CHECKING:
    from unforge.moderate.bank import Answer

_F = TypeVar("_F", bound=Callable[..., Any])


def _bank_option(function: _F) -> _F:
    option = click.option(
        "--bank", "bank_path", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE"
    )
    return option(function)


@click.group(
    short_help="Keep hashes of what is known, and look for it.",
    epilog="Example: unforge moderate bank match photo.jpg --bank known.db",
)
def command() -> None:
    """Keep hashes of pictures and films that were decided on, with source and reason, and look for them elsewhere.

    They are found again cut, framed, turned, mirrored and coded anew. No picture can be made from a hash.
    """


@command.command(
    short_help="Add files.", epilog="Example: unforge moderate bank add removed/ --bank known.db --reason spam --by ann"
)
@click.argument("paths", nargs=-1, required=True)
@_bank_option
@click.option("--reason", required=True, metavar="TEXT", help="What they are.")
@click.option("--source", default="", metavar="TEXT", help="Where that is known from.  [default: the file's name]")
@click.option("--by", "reviewer", required=True, metavar="NAME", help="Who says so.")
def add(paths: tuple[str, ...], bank_path: Path, reason: str, source: str, reviewer: str) -> int:
    """Add the files, folders and patterns PATHS; what cannot be added is told, and the rest goes on."""
    from unforge.cli._inputs import expand
    from unforge.moderate.bank import Bank

    code = 0
    with Bank(bank_path, create=True) as bank:
        for found in expand(paths):
            try:
                if isinstance(found, MediaError):
                    raise found
                added = bank.add_file(found, reason, source or found.name, reviewer)
            except (MediaError, NotApplicable) as error:
                click.echo(f"{getattr(found, 'path', found)}: {error}", err=True)
                code = 1
                continue
            known = "" if added.is_new else " (was there)"
            click.echo(f"{added.entry.id}\t{added.entry.media}\t{added.entry.looks} hashed\t{found}{known}")
    return code


@command.command(
    short_help="Look for what is known.", epilog="Example: unforge moderate bank match inbox/ --bank known.db"
)
@click.argument("paths", nargs=-1, required=True)
@_bank_option
def match(paths: tuple[str, ...], bank_path: Path) -> int:
    """Print one JSON object for each of PATHS: what of the bank it shows, where, and how near."""
    from unforge.cli._inputs import expand
    from unforge.moderate.bank import Bank

    code = 0
    with Bank(bank_path) as bank:
        for found in expand(paths):
            try:
                if isinstance(found, MediaError):
                    raise found
                told: dict[str, Any] = {"path": str(found), **_answer(bank.match_file(found))}
            except MediaError as error:
                told = {"path": error.path, "error": {"code": error.code, "message": error.message}}
                code = 1
            click.echo(json.dumps(told, ensure_ascii=False))
    return code


@command.command("list", short_help="List what is known.", epilog="Example: unforge moderate bank list --bank known.db")
@_bank_option
@click.option("--history", is_flag=True, help="Also what was taken out.")
def list_(bank_path: Path, history: bool) -> int:
    """Print the entries, one JSON object a line."""
    from unforge.moderate.bank import Bank

    with Bank(bank_path) as bank:
        for entry in bank.entries(history=history):
            click.echo(json.dumps(entry.to_dict(), ensure_ascii=False))
    return 0


@command.command(
    short_help="Take an entry out.",
    epilog="Example: unforge moderate bank remove 3 --bank known.db --reason overruled --by ann",
)
@click.argument("which", metavar="NUMBER|SHA256")
@_bank_option
@click.option("--reason", required=True, metavar="TEXT", help="Why.")
@click.option("--by", "reviewer", required=True, metavar="NAME", help="Who says so.")
def remove(which: str, bank_path: Path, reason: str, reviewer: str) -> int:
    """Take an entry out; it stays in the history."""
    from unforge.moderate.bank import Bank

    number = int(which) if which.isdecimal() and len(which) < 64 else which
    with Bank(bank_path) as bank:
        entry = bank.remove(number, reason, reviewer)
    click.echo(f"{entry.id} taken out")
    return 0


@command.command(
    "export",
    short_help="Write hashes to exchange.",
    epilog="Example: unforge moderate bank export --bank a.db > a.jsonl",
)
@_bank_option
def export_(bank_path: Path) -> int:
    """Print what is in force as JSON lines: hash, quality, reason, source. Names of people stay."""
    from unforge.moderate.bank import Bank

    with Bank(bank_path) as bank:
        for line in bank.export():
            click.echo(line)
    return 0


@command.command(
    "import",
    short_help="Read exchanged hashes.",
    epilog="Example: unforge moderate bank import a.jsonl --bank b.db --by ann",
)
@click.argument("file", type=click.File(encoding="utf-8"))
@_bank_option
@click.option("--source", default="", metavar="TEXT", help="For lines that name none.")
@click.option("--by", "reviewer", required=True, metavar="NAME", help="Who takes them over.")
def import_(file: Any, bank_path: Path, source: str, reviewer: str) -> int:
    """Add the lines of FILE, as `export` writes them or with hash, quality and reason: all of them or none."""
    from unforge.moderate.bank import Bank

    with Bank(bank_path, create=True) as bank:
        new, there, flat = bank.import_lines(file, reviewer, source or getattr(file, "name", "exchange"))
    click.echo(f"{new} new, {there} were there, {flat} left out as flat")
    return 0


def _answer(answer: "Answer") -> dict[str, Any]:
    matches = [
        {
            "reason": one.entry.reason,
            "source": one.entry.source,
            "entry": one.entry.id,
            "distance_bits": one.nearest.distance_bits,
            "limit_bits": one.nearest.limit_bits,
            "variant": one.nearest.variant,
            "share": round(one.share, 4),
            "known_share": round(one.known_share, 4),
            "seconds": [hit.time_s for hit in one.hits],
            "box_px": one.nearest.box_px,
        }
        for one in answer.matches
    ]
    return {"matches": matches, "looked_at": answer.judged, "flat": answer.flat}
