"""`unforge moderate items`: one JSON object for each item."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from unforge.errors import MediaError, UsageError

if TYPE_CHECKING:
    from unforge.evidence import Evidence
    from unforge.moderate.gateway import Gateway
    from unforge.moderate.stream import HandIn, Sent, Told

ACTIONS = ("allow", "label", "reduce", "review", "remove", "report")


@click.command(
    short_help="Decide on files, texts and streams.",
    epilog='Example: unforge moderate photo.jpg --text "add me, vx 12345" --policy label',
)
@click.argument("paths", nargs=-1)
@click.option("--text", "texts", multiple=True, metavar="TEXT", help="A text to decide on; may be given again.")
@click.option(
    "--jsonl",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Items one a line ({path, text, id, context}); - is stdin.",
)
@click.option("--policy", "policy_name", default="label", show_default=True, metavar="NAME|FILE", help="What decides.")
@click.option("--shadow", metavar="NAME|FILE", help="Also say what this policy would have done.")
@click.option("--context", default="", metavar="WORD", help="Where the items were posted, a word of the policy.")
@click.option(
    "--bank",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Hashes of what is known (see `unforge moderate bank`).",
)
@click.option(
    "--queue",
    "queue_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Note every decision there, once, for people to review.",
)
@click.option("--with", "names", metavar="NAME,...", help="Only these checks (default: all).")
@click.option("--examine", is_flag=True, help="Also ask whether faces were forged (slow; see `unforge examine`).")
@click.option(
    "--spam",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="A model of spam trained by `unforge train spam`.",
)
@click.option(
    "--votes",
    type=click.IntRange(0, 10_000),
    default=0,
    metavar="N",
    help="Noisy looks at each picture that vote; 100 or more give a certified radius.",
)
@click.option(
    "--fail-on",
    type=click.Choice(ACTIONS[1:]),
    metavar="ACTION",
    help="Exit 10 where an action is this severe or more.",
)
def command(
    paths: tuple[str, ...],
    texts: tuple[str, ...],
    jsonl: Path | None,
    policy_name: str,
    shadow: str | None,
    context: str,
    bank: Path | None,
    queue_path: Path | None,
    names: str | None,
    examine: bool,
    spam: Path | None,
    votes: int,
    fail_on: str | None,
) -> int:
    """Decide on PATHS (files, folders, patterns in quotes), texts, or a stream of items.

    Prints one JSON object for each item (schema unforge.decision/1): what to do, why, where to look, what was not
    looked at, by which policy, how long it took. With --queue a stopped run goes on where it stopped: nothing is
    decided twice, and what was decided is told again, with "again": true.

    Exit codes: 0 all decided; 1 some files could not be read; 2 wrong usage; 10 see --fail-on; 130 interrupted.
    """
    if not (paths or texts or jsonl):
        raise click.UsageError("expected PATHS, --text or --jsonl")
    from unforge.cli._meter import Meter
    from unforge.moderate.queue import Queue
    from unforge.moderate.stream import decide

    gateway = _gateway(policy_name, shadow, names, bank, votes, spam)
    hand_in = _hand_in() if examine else None
    with ExitStack() as opened:
        lines = None if jsonl is None else opened.enter_context(_open(jsonl))
        queue = None if queue_path is None else opened.enter_context(Queue(queue_path, create=True))
        by = f"{gateway.policy.version}/{context}"
        told = decide(gateway, _sent(paths, texts, lines, jsonl, context, by), queue, hand_in)
        meter = opened.enter_context(Meter(1))
        return _tell(told, fail_on, meter.show)


def _gateway(
    policy_name: str, shadow: str | None, names: str | None, bank: Path | None, votes: int, spam: Path | None
) -> "Gateway":
    from unforge.moderate import checks, policy
    from unforge.moderate.gateway import Gateway

    setup = checks.Setup(bank, votes, {} if spam is None else {"spam": str(spam)})
    chosen = None if names is None else [name.strip() for name in names.split(",")]
    other = None if shadow is None else policy.load(shadow)
    return Gateway(policy.load(policy_name), setup, shadow=other, names=chosen)


def _hand_in() -> "HandIn":
    """What `examination` says of a file, as one answer."""
    from unforge.examination import examine
    from unforge.moderate.handed import of_report

    def hand_in(path: Path) -> "Sequence[Evidence]":
        return of_report(examine(path))

    return hand_in


def _open(jsonl: Path) -> "nullcontext[TextIO] | TextIO":
    if str(jsonl) == "-":
        return nullcontext(sys.stdin)
    try:
        return jsonl.open(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise UsageError(f"--jsonl: {jsonl} cannot be read: {error.strerror}") from error


def _sent(
    paths: Sequence[str], texts: Sequence[str], lines: TextIO | None, jsonl: Path | None, context: str, by: str
) -> "Iterator[Sent]":
    """The items in the order typed. by: what decides: a file that was changed, or another policy, is decided anew."""
    from unforge.cli._inputs import expand
    from unforge.moderate.item import Item
    from unforge.moderate.stream import Sent
    from unforge.moderate.stream import lines as of_lines

    for found in expand(paths):
        name, mistake = (found.path, found.message) if isinstance(found, MediaError) else (str(found), "")
        key = f"file/{by}/{_sha256(Path(name))}/{Path(name).absolute()}"
        yield Sent(key, Item(name, Path(name), context=context), mistake)
    for n, text in enumerate(texts, 1):
        yield Sent(f"text/{by}/{text}", Item(f"text {n}", text=text, context=context))
    if lines is not None:
        yield from of_lines(lines, "stdin" if str(jsonl) == "-" else str(jsonl), context)


def _sha256(path: Path) -> str:
    """Of what stands in a file; nothing for one that cannot be opened, which its examination tells."""
    from unforge.media.decoder import open_regular

    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    except (MediaError, OSError):
        return ""


def _tell(told: "Iterator[Told]", fail_on: str | None, show: Callable[[str, float], None]) -> int:
    from unforge.cli.main import DONE, FAILED, REACHED

    severe = len(ACTIONS) if fail_on is None else ACTIONS.index(fail_on)
    code = DONE
    for n, one in enumerate(told, 1):
        click.echo(json.dumps(_line(one), ensure_ascii=False, allow_nan=False))
        show(f"{n} decided", 0.0)
        if ACTIONS.index(one.decision["action"]) >= severe:
            code = REACHED
        elif one.decision["error"] is not None and code == DONE:
            code = FAILED
    return code


def _line(told: "Told") -> dict[str, object]:
    return told.decision | {"case": told.case} | ({"again": True} if told.again else {})
