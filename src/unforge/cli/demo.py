"""`unforge demo`: the main job on a sample, with nothing else needed."""

from pathlib import Path

import click


@click.command(
    short_help="Make a clip and a forged copy of it, examine both.",
    epilog="Example: unforge demo --out out",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("out"),
    show_default=True,
    metavar="DIR",
    help="Where clips and reports go.",
)
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the words.")
def command(out: Path, lang: str) -> int:
    """Make a clip from a public-domain portrait and a forged copy of it, examine both.

    Clips and reports go to --out.
    """
    from unforge import examination
    from unforge.cli import _text, sample
    from unforge.cli._folder import Folder
    from unforge.cli._meter import Meter
    from unforge.cli.main import DONE, FAILED

    folder, failed = Folder(out, lang), False
    clips = {out / "original.mp4": sample.make_clip, out / "forged.mp4": sample.make_forged_clip}
    with Meter(2 * len(clips)) as meter:
        for n, (path, make) in enumerate(clips.items()):
            meter.show(f"making {path.name}", n)
            make(path)
        for n, path in enumerate(clips, start=len(clips)):
            meter.show(f"examining {path.name}", n)
            report = examination.examine(path)
            page = folder.write(report)[0]
            meter.say("\n".join([*_text.lines(report, lang), f"  -> {page}"]))
            failed |= report.error is not None
    return FAILED if failed else DONE
