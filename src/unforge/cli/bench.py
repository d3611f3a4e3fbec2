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
    help="Folder with a manifest.csv, or where the frames of a --list lie. `speed` needs none.",
)
@click.option(
    "--list",
    "listed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.json",
    help="DeepfakeBench-style list of videos as frames, instead of the manifest (clips).",
)
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    default="val",
    show_default=True,
    help="Part of the data; `test` is for lists.",
)
@click.option("--with", "names", metavar="NAME,...", help="Use only these examiners (default: all).")
@click.option(
    "--peers",
    "peer_names",
    metavar="NAME,...",
    help="Measure these published detectors on the same files; their networks lie in results/peers.",
)
@click.option(
    "--policy", metavar="NAME|FILE", help="What the gateway that `redteam` tries goes by (default: the policy remove)."
)
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
    listed: Path | None,
    split: str,
    names: str | None,
    peer_names: str | None,
    policy: str | None,
    out: Path,
    tables: bool,
    check: bool,
) -> int:
    """Run PROTOCOL over the data and write one record; or render the tables from the records.

    Protocols: clips, stills, made, lanes, pulse, lipsync, scene, film, robustness, explanation, cues, ablation,
    leave-one-family-out, trace, protect, cloaks, adversarial, hashes, readings, texts, adverts, evasion, redteam,
    speed. A record is JSON: figures with 95 % intervals, hashes of data and networks, version, date, machine.
    """
    if check and not tables:
        raise click.UsageError("--check goes with --tables")
    if tables:
        if protocol is not None:
            raise click.UsageError("--tables takes no protocol: measure first, then render")
        from unforge.bench import table

        return table.tables(Path(), out, check=check)
    if protocol is None:
        raise click.UsageError("expected a protocol, e.g.: unforge bench clips --data data")
    if policy is not None and protocol != "redteam":
        raise click.UsageError("--policy goes with the protocol redteam")
    chosen = {} if policy is None else {"policy": policy}
    return _measure(protocol, data, listed, split, names, peer_names, out, **chosen)


def _measure(
    name: str,
    data: Path | None,
    listed: Path | None,
    split: str,
    names: str | None,
    peer_names: str | None,
    out: Path,
    **chosen: str,
) -> int:
    from unforge.bench import protocols, table
    from unforge.cli._choice import examiners
    from unforge.cli._meter import Meter
    from unforge.media.write import atomic_write

    asked, peers = examiners(names), _peers(peer_names)
    protocol = protocols.load(name)
    with Meter(1) as meter:
        record = protocol.run(asked, data, split, meter.show, peers=peers, listed=listed, **chosen)
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{record.name}.json"
    atomic_write(target, record.to_json().encode())
    click.echo(table.render(record))
    click.echo(f"written: {target}", err=True)
    return 0


def _peers(names: str | None) -> tuple[str, ...]:
    """The peers named. Raises UnknownName with the choices before any work is done."""
    if names is None:
        return ()
    from unforge.bench import peers
    from unforge.errors import UnknownName

    chosen = tuple(dict.fromkeys(name.strip() for name in names.split(",")))
    for name in chosen:
        if name not in peers.available():
            raise UnknownName("peer", name, peers.available())
    return chosen
