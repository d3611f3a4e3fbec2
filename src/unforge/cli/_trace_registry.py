"""`unforge trace registry`: which machines there are, where they stand, who uses them."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unforge.cli._trace_stores import Moment, open_registry, registry_option

if TYPE_CHECKING:
    from unforge.trace.registry import Machine


@click.group(
    short_help="Say which machines there are, where, and whose.",
    epilog='Example: unforge trace registry add desk-17 --place "Room 4"',
)
def command() -> None:
    """Say which machines there are, where they stand, who uses them.

    A mark holds numbers only; this file tells what they stand for. It holds personal data: keep it as such.
    """


@command.command(
    short_help="Add a machine.", epilog='Example: unforge trace registry add desk-17 --user "Li Wei" --place "Room 4"'
)
@click.argument("name")
@registry_option
@click.option("--user", default="", metavar="TEXT", help="Who uses it.")
@click.option("--place", metavar="PLACE", help="Where it stands: a name, which is added if it is new, or a number.")
@click.option("--app", default="", metavar="TEXT", help="What shows the mark on it.")
@click.option("--since", type=Moment(), metavar="TIME", help="From when on it is in use, with its zone.  [now]")
@click.option("--until", type=Moment(), metavar="TIME", help="Until when it is in use.")
@click.option("--id", "machine_id", type=int, metavar="N", help="Its number in the mark.  [the next free one]")
def add(
    name: str,
    registry: Path | None,
    user: str,
    place: str | None,
    app: str,
    since: datetime | None,
    until: datetime | None,
    machine_id: int | None,
) -> int:
    """Add a machine called NAME and print its number, which its mark says. Makes the registry if there is none."""
    with open_registry(registry, create=True) as held:
        stands: int | str = 0
        if place is not None:
            stands = int(place) if place.isdecimal() else place
            if isinstance(stands, str) and stands not in {known.name for known in held.places()}:
                held.add_place(stands)
        machine = held.add_machine(
            name, user=user, place=stands, app=app, since=since, until=until, machine_id=machine_id
        )
        click.echo(_line(machine, _place_names(held)))
    return 0


@command.command("list", short_help="Show all machines.", epilog="Example: unforge trace registry list --json")
@registry_option
@click.option("--places", is_flag=True, help="Show the places instead.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_machines(registry: Path | None, places: bool, as_json: bool) -> int:
    """Show all machines, by their number; those that ended or were revoked too."""
    with open_registry(registry) as held:
        names = _place_names(held)
        if places:
            for number, name in names.items():
                click.echo(
                    json.dumps({"id": number, "name": name}, ensure_ascii=False) if as_json else f"{number}  {name}"
                )
            return 0
        for machine in held.machines():
            told = json.dumps(_facts(machine, names), ensure_ascii=False) if as_json else _line(machine, names)
            click.echo(told)
    return 0


@command.command(
    "import",
    short_help="Add the machines of a CSV or JSON-lines file.",
    epilog="Example: unforge trace registry import machines.csv",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@registry_option
def import_file(file: Path, registry: Path | None) -> int:
    """Add the machines of a CSV file with a heading, or of a JSON-lines file: all of them, or none.

    Columns: id, name, user, place, app, since, until. Only the name is needed.
    """
    with open_registry(registry, create=True) as held:
        added = held.import_machines(file)
        names = _place_names(held)
        for machine in added:
            click.echo(_line(machine, names))
    return 0


@command.command(short_help="Never believe a machine's mark again.", epilog="Example: unforge trace registry revoke 17")
@click.argument("machine_id", type=int, metavar="ID")
@registry_option
def revoke(machine_id: int, registry: Path | None) -> int:
    """From now on, marks of this machine are told as revoked: somebody else may make them."""
    with open_registry(registry) as held:
        click.echo(_line(held.revoke(machine_id), _place_names(held)))
    return 0


def _place_names(held: Any) -> dict[int, str]:
    return {place.id: place.name for place in held.places()}


def _line(machine: "Machine", places: dict[int, str]) -> str:
    facts = _facts(machine, places)
    told = [facts[name] for name in ("name", "user", "place", "app") if facts[name]]
    spans = [f"{word} {facts[name]}" for word, name in (("until", "until"), ("revoked", "revoked_at")) if facts[name]]
    return "  ".join([f"{machine.id:>6}", *told, f"since {facts['since']}", *spans])


def _facts(machine: "Machine", places: dict[int, str]) -> dict[str, Any]:
    from unforge.trace import utc

    return {
        "id": machine.id,
        "name": machine.name,
        "user": machine.user or None,
        "place": places.get(machine.place),
        "app": machine.app or None,
        "since": utc.text(machine.since),
        "until": None if machine.until is None else utc.text(machine.until),
        "revoked_at": None if machine.revoked_at is None else utc.text(machine.revoked_at),
    }
