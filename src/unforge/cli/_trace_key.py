"""`unforge trace key`: make, rotate, revoke and list the keys that sign marks. Secrets are never printed."""

import json
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from unforge.cli._trace_stores import Moment, load_ring, make_folder, ring_option, ring_path

if TYPE_CHECKING:
    from unforge.trace.keys import Key, KeyRing


@click.group(short_help="Make, rotate, revoke and list keys.", epilog="Example: unforge trace key new")
def command() -> None:
    """Make, rotate, revoke and list the keys that sign marks.

    Who has the key ring can make marks and read them. Keep a copy of it in a safe place: without it, no photograph can
    be read any more.
    """


@command.command(short_help="Make a key ring with one key.", epilog="Example: unforge trace key new --note 2026")
@ring_option
@click.option("--note", default="", metavar="TEXT", help="A remark that is kept with the key.")
def new(ring: Path | None, note: str) -> int:
    """Make a key ring with one key, in a file that only its owner can read. A ring that exists is left alone."""
    from unforge.trace import keys

    path = ring_path(ring)
    make_folder(path)
    made = keys.generate(path, note=note)
    click.echo(f"{made.keys[-1].id}  {path}")
    return 0


@command.command(
    short_help="Add a key; it marks from now on.",
    epilog="Example: unforge trace key rotate --from 2026-07-01T00:00:00Z",
)
@ring_option
@click.option("--from", "begins", type=Moment(), metavar="TIME", help="When it begins to mark, with its zone.  [now]")
@click.option("--note", default="", metavar="TEXT", help="A remark that is kept with the key.")
def rotate(ring: Path | None, begins: datetime | None, note: str) -> int:
    """Add a key that marks from now on. The others stay for reading."""
    from unforge.trace import keys

    load_ring(ring)  # tells what to do where there is none
    changed = keys.change(ring_path(ring), partial(keys.KeyRing.rotated, not_before=begins, note=note))
    click.echo(_line(changed.keys[-1], changed))
    return 0


@command.command(short_help="Never mark with a key again.", epilog="Example: unforge trace key revoke 1a2b3c4d")
@click.argument("key_id", metavar="ID")
@ring_option
def revoke(key_id: str, ring: Path | None) -> int:
    """Never mark with a key again, because somebody else may hold it. What it opens is still told, as revoked."""
    from unforge.trace import keys

    load_ring(ring)
    changed = keys.change(ring_path(ring), lambda held: held.revoked(key_id))
    click.echo(_line(changed.key(key_id), changed))
    if all(key.revoked_at is not None for key in changed.keys):
        click.echo("no key is left that may mark; add one with `unforge trace key rotate`", err=True)
    return 0


@command.command("list", short_help="Show all keys, without their secrets.", epilog="Example: unforge trace key list")
@ring_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_keys(ring: Path | None, as_json: bool) -> int:
    """Show all keys by their ids, the oldest first, and which of them marks now."""
    held = load_ring(ring)
    for key in held.keys:
        click.echo(json.dumps(_facts(key, held), ensure_ascii=False) if as_json else _line(key, held))
    return 0


def _line(key: "Key", ring: "KeyRing") -> str:
    facts = _facts(key, ring)
    told = f"{key.id}  {facts['state']:<8}  from {facts['not_before']}"
    revoked = f"  revoked {facts['revoked_at']}" if key.revoked_at is not None else ""
    return f"{told}{revoked}{'  ' + key.note if key.note else ''}"


def _facts(key: "Key", ring: "KeyRing") -> dict[str, str | None]:
    from unforge.trace import utc

    return {
        "id": key.id,
        "state": _state(key, ring),
        "created": utc.text(key.created),
        "not_before": utc.text(key.not_before),
        "revoked_at": None if key.revoked_at is None else utc.text(key.revoked_at),
        "note": key.note,
    }


def _state(key: "Key", ring: "KeyRing") -> str:
    """`marks`, `reads`, `waits` until it begins, or `revoked`."""
    from datetime import UTC

    from unforge.errors import StoreError

    if key.revoked_at is not None:
        return "revoked"
    if key.not_before > datetime.now(UTC):
        return "waits"
    try:
        return "marks" if ring.current() is key else "reads"
    except StoreError:
        return "reads"
