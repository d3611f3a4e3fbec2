"""How far the work is, on stderr; nothing where stderr is not a terminal."""

import sys
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

_WINDOW_S = 600.0  # time left is judged over this long: files differ, so a short look back would jump


class Meter:
    """A bar over `total` pieces of work, with the time left.

    `say` prints a result to stdout with the bar out of its way.
    """

    def __init__(self, total: int) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            speed_estimate_period=_WINDOW_S,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, what: str, done: float) -> None:
        """done: pieces finished, with the fraction of the running one."""
        self._bar.update(self._task, description=what, completed=done)

    def say(self, text: str) -> None:
        """Print to stdout, whole lines at once."""
        self._bar.stop()
        click.echo(text)
        self._bar.start()
