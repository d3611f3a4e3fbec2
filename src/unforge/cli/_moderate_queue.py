"""`unforge moderate queue`: people look at what was decided."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from unforge.moderate.queue import Case, Queue

_F = TypeVar("_F", bound=Callable[..., Any])
_ACTIONS = ("allow", "label", "reduce", "remove", "report")
_STATES = ("decided", "open", "claimed", "seconding", "closed")


def _queue_option(function: _F) -> _F:
    option = click.option(
        "--queue", "path", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE"
    )
    return option(function)


def _person_option(function: _F) -> _F:
    return click.option("--as", "who", required=True, metavar="NAME", help="Who you are.")(function)


def _reason_option(function: _F) -> _F:
    return click.option("--reason", required=True, metavar="TEXT", help="What the decision rests on.")(function)


def _open(path: Path) -> "Queue":
    from unforge.moderate.queue import Queue

    return Queue(path)


@click.group(
    short_help="Review: claim, decide, overrule, appeal.",
    epilog="Example: unforge moderate queue claim --queue review.db --as ann",
)
def command() -> None:
    """Let people decide on what the gateway has put to review, and see that nobody changed the record.

    Removing and reporting take two people. Every step is an entry in a log whose entries hold the SHA-256 of the one
    before.
    """


@command.command("list", short_help="List cases.", epilog="Example: unforge moderate queue list --queue review.db")
@_queue_option
@click.option("--state", "states", type=click.Choice(_STATES), multiple=True, help="Only these.  [default: waiting]")
def list_(path: Path, states: tuple[Any, ...]) -> int:
    """List the cases that wait, or those in other states: number, state, action, item."""
    with _open(path) as queue:
        for case in queue.cases(states or ("open", "claimed", "seconding")):
            click.echo(_line(case))
    return 0


@command.command(short_help="Print one case.", epilog="Example: unforge moderate queue show 3 --queue review.db")
@click.argument("number", type=int)
@_queue_option
def show(number: int, path: Path) -> int:
    """Print a case as JSON: what the gateway said, and what people did since."""
    with _open(path) as queue:
        entries = [entry.to_dict() for entry in queue.log(number)[1:]]
        click.echo(json.dumps(queue.case(number).to_dict() | {"log": entries}, ensure_ascii=False, indent=2))
    return 0


@command.command(
    short_help="Take a case for an hour.", epilog="Example: unforge moderate queue claim --queue q.db --as ann"
)
@click.argument("number", type=int, required=False)
@_queue_option
@_person_option
def claim(number: int | None, path: Path, who: str) -> int:
    """Take the case NUMBER, or the oldest one that you may decide."""
    with _open(path) as queue:
        click.echo(_line(queue.claim(who, number)))
    return 0


@command.command(
    short_help="Give a case back.", epilog="Example: unforge moderate queue release 3 --queue q.db --as ann"
)
@click.argument("number", type=int)
@_queue_option
@_person_option
def release(number: int, path: Path, who: str) -> int:
    """Give a claimed case back undecided."""
    with _open(path) as queue:
        click.echo(_line(queue.release(who, number)))
    return 0


@command.command(
    short_help="Decide a claimed case.",
    epilog='Example: unforge moderate queue decide 3 remove --queue q.db --as ann --reason "advert"',
)
@click.argument("number", type=int)
@click.argument("action", type=click.Choice(_ACTIONS))
@_queue_option
@_person_option
@_reason_option
def decide(number: int, action: Any, path: Path, who: str, reason: str) -> int:
    """Decide the case that you have claimed. Removing and reporting wait for a second person, who claims it in turn."""
    with _open(path) as queue:
        click.echo(_line(queue.decide(who, number, action, reason)))
    return 0


@command.command(
    short_help="Decide otherwise about a settled case.",
    epilog='Example: unforge moderate queue overrule 3 allow --queue q.db --as bo --reason "a joke"',
)
@click.argument("number", type=int)
@click.argument("action", type=click.Choice(_ACTIONS))
@_queue_option
@_person_option
@_reason_option
def overrule(number: int, action: Any, path: Path, who: str, reason: str) -> int:
    """Decide otherwise about a case that others, or the gateway, have settled."""
    with _open(path) as queue:
        click.echo(_line(queue.overrule(who, number, action, reason)))
    return 0


@command.command(
    short_help="The person concerned disagrees.",
    epilog='Example: unforge moderate queue appeal 3 --queue q.db --words "It is my own number."',
)
@click.argument("number", type=int)
@_queue_option
@click.option("--words", required=True, metavar="TEXT", help="What the person concerned says.")
def appeal(number: int, path: Path, words: str) -> int:
    """Open a settled case again, for somebody who has not decided on it."""
    with _open(path) as queue:
        click.echo(_line(queue.appeal(number, words)))
    return 0


@command.command(
    short_help="What the person concerned is told.",
    epilog="Example: unforge moderate queue statement 3 --queue review.db --policy remove",
)
@click.argument("number", type=int)
@_queue_option
@click.option("--policy", metavar="NAME|FILE", help="The policy that decided, for its words.")
@click.option("--lang", type=click.Choice(["en", "zh", "both"]), default="both", show_default=True)
def statement(number: int, path: Path, policy: str | None, lang: str) -> int:
    """Print the statement of reasons of a case."""
    from unforge.moderate.policy import load
    from unforge.moderate.statement import statement as stated

    with _open(path) as queue:
        said = stated(queue.case(number), None if policy is None else load(policy))
    for language in ("en", "zh") if lang == "both" else (lang,):
        click.echo("\n".join(said[language]))
    return 0


@command.command(short_help="Print the log.", epilog="Example: unforge moderate queue log --queue review.db")
@click.argument("number", type=int, required=False)
@_queue_option
def log(number: int | None, path: Path) -> int:
    """Print the log as JSON, one entry a line, or the part of one case."""
    with _open(path) as queue:
        for entry in queue.log(number):
            click.echo(json.dumps(entry.to_dict(), ensure_ascii=False))
    return 0


@command.command(short_help="Was anything changed?", epilog="Example: unforge moderate queue verify --queue review.db")
@_queue_option
@click.option("--head", metavar="SHA256", help="An entry that was noted elsewhere and must be in the log.")
def verify(path: Path, head: str | None) -> int:
    """Check the log and that every case is what the log says; exit code 1 where something is wrong.

    Prints the SHA-256 of the last entry: note it elsewhere, and a log that was cut off shows as well.
    """
    with _open(path) as queue:
        wrong = queue.verify()
        if head is not None and head not in {entry.sha256 for entry in queue.log()}:
            wrong.append(f"the entry {head} is not in the log: it was cut off, or made anew")
        for one in wrong:
            click.echo(one)
        if not wrong:
            click.echo(f"{len(queue)} cases and their log are whole; last entry {queue.head()}")
    return 1 if wrong else 0


@command.command(
    short_help="Put what people decided into the bank.",
    epilog="Example: unforge moderate queue feed --queue review.db --bank known.db",
)
@_queue_option
@click.option("--bank", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE")
def feed(path: Path, bank: Path) -> int:
    """Add the files of removed and reported cases to a bank of hashes, and take out those that were overruled."""
    from unforge.moderate.feed import feed as fed

    with _open(path) as queue:
        told = fed(queue.cases(("closed",)), bank)
    for line in told.said:
        click.echo(line, err=True)
    click.echo(f"{told.added} added, {told.removed} taken out, {len(told.said)} left as they are")
    return 0


@command.command(
    short_help="Thresholds from what people decided.",
    epilog="Example: unforge moderate queue recalibrate --queue review.db --rate 0.05 >> draft.toml",
)
@_queue_option
@click.option("--rate", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.05, show_default=True)
def recalibrate(path: Path, rate: float) -> int:
    """Print thresholds for a policy: at most this share of what people let pass would be found again.

    Put them into a copy of the policy and run it with --shadow until it is trusted.
    """
    from unforge.moderate.recalibrate import as_toml, recalibrated

    with _open(path) as queue:
        click.echo(as_toml(recalibrated(queue.cases(("closed",)), rate)))
    return 0


def _line(case: "Case") -> str:
    waits = f", {case.proposed} proposed by {case.by}" if case.proposed else ""
    held = f", claimed by {case.holder} until {case.until}" if case.holder else ""
    return f"{case.number}\t{case.state}\t{case.action}\t{case.item}{waits}{held}"
