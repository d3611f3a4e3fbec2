"""`unforge bench`: measure, keep the record, render the tables."""

from pathlib import Path

import click


@click.command(
    short_help="Measure examiners on data and record the figures.",
    epilog="Example: unforge bench clips --data data --out results",
)
@click.argument("protocol", required=False)
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder with a manifest.csv.",
)
@click.option(
    "--split", type=click.Choice(["train", "val"]), default="val", show_default=True, help="Part of the data."
)
@click.option("--with", "names", metavar="NAME,...", help="Use only these examiners (default: all).")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    metavar="DIR",
    help="Where records are kept.",
)
@click.option("--tables", is_flag=True, help="Render the tables of the documents in this folder from the records.")
@click.option("--check", is_flag=True, help="With --tables: change nothing, exit 1 where a table is behind.")
def command(
    protocol: str | None,
    data: Path | None,
    split: str,
    names: str | None,
    out: Path,
    tables: bool,
    check: bool,
) -> int:
    """Run PROTOCOL over the data and write one record; or render the tables from the records.

    A record is JSON: figures with 95 % intervals, hashes of data and networks, version, date, machine.
    """
    if check and not tables:
        raise click.UsageError("--check goes with --tables")
    if tables:
        if protocol is not None:
            raise click.UsageError("--tables takes no protocol: measure first, then render")
        from unforge.bench import table

        return table.tables(Path(), out, check=check)
    if protocol is None or data is None:
        raise click.UsageError("expected a protocol and --data, e.g.: unforge bench clips --data data")
    return _measure(protocol, data, split, names, out)


def _measure(name: str, data: Path, split: str, names: str | None, out: Path) -> int:
    from unforge.bench import protocols, table
    from unforge.cli._choice import examiners
    from unforge.cli._meter import Meter
    from unforge.media.write import atomic_write

    chosen = examiners(names)
    protocol = protocols.load(name)
    with Meter(1) as meter:
        record = protocol.run(chosen, data, split, meter.show)
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{record.name}.json"
    atomic_write(target, record.to_json().encode())
    click.echo(table.render(record))
    click.echo(f"written: {target}", err=True)
    return 0
