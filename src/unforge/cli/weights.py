"""`unforge weights`: what is known about the networks in the package."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from unforge.weights import Card


@click.command(
    short_help="List the networks with licence, hash and measured numbers.",
    epilog="Example: unforge weights --json",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, the whole card.")
def command(as_json: bool) -> int:
    """List every network in the package: purpose, licence, whether its file is unchanged, numbers.

    Exit codes: 0 all files are unchanged; 1 one is missing or altered.
    """
    from unforge import weights
    from unforge.cli.main import DONE, FAILED
    from unforge.errors import WeightsError

    failed = False
    for name in weights.available():
        card = weights.card(name)
        try:
            n_bytes: int | None = len(weights.verified(name))
        except WeightsError as error:
            failed, n_bytes = True, None
            click.echo(f"unforge: {error}", err=True)
        if as_json:
            click.echo(json.dumps(_whole(card, n_bytes), ensure_ascii=False))
        else:
            click.echo("\n".join(_lines(card, n_bytes)))
    return FAILED if failed else DONE


def _whole(card: "Card", n_bytes: int | None) -> dict[str, Any]:
    return {
        "name": card.name,
        "file": card.file,
        "bytes": n_bytes,
        "sha256": card.sha256,
        "sha256_ok": n_bytes is not None,
        "licence": card.licence,
        "origin": card.origin,
        "purpose": card.purpose,
        "feed": card.feed,
        **card.details,
    }


def _lines(card: "Card", n_bytes: int | None) -> Iterator[str]:
    from unforge.cli import _text

    state = "missing or altered" if n_bytes is None else f"{n_bytes / 1e6:.2f} MB, SHA-256 ok"
    yield f"{card.name}  ({state})"
    rows = {
        "purpose": card.purpose,
        "licence": card.licence,
        "origin": card.origin,
        "sha256": card.sha256,
        **{what: said for what, said in _numbers(card.details)},
    }
    for what, said in rows.items():
        yield from _text.wrapped(f"  {what:<10}", said)


def _numbers(details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Tables of the card whose values are numbers, flat lists of numbers left out: they are for programs."""
    for name, table in details.items():
        if isinstance(table, Mapping):
            told = ", ".join(f"{key} {value}" for key, value in table.items() if not isinstance(value, list))
            yield name, told
        elif not isinstance(table, list):
            yield name, str(table)
