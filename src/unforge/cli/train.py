"""`unforge train`: make a network again, or a better one."""

from pathlib import Path

import click


@click.command(
    short_help="Train a network from data.",
    epilog="Example: unforge train finegrained --data data --minutes 120",
)
@click.argument("recipe")
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder with a manifest.csv.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Checkpoints and results.  [default: runs/RECIPE]",
)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), metavar="M", help="Stop after M minutes.")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in --out.")
@click.option("--seed", type=int, default=1, show_default=True, metavar="N", help="Seed of all random draws.")
def command(recipe: str, data: Path, out: Path | None, minutes: float | None, resume: bool, seed: int) -> int:
    """Train by RECIPE and export the network with its card.

    Needs the extra `train` (torch): pip install 'unforge[train]'. It can be stopped and resumed at any time.
    """
    from importlib.util import find_spec

    from unforge.cli._meter import Meter
    from unforge.train import recipes

    if recipe not in recipes.available():
        recipes.load(recipe)  # tells the choices, with or without torch
    if find_spec("torch") is None:
        raise click.ClickException("training needs torch; install it with: pip install 'unforge[train]'")
    with Meter(1) as meter:
        written = recipes.load(recipe).main(
            data=data,
            out=out or Path("runs") / recipe,
            minutes=minutes,
            resume=resume,
            seed=seed,
            on_progress=meter.show,
        )
        meter.say(str(written))
    return 0
