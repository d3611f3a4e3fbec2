"""How far the work is, on stderr; nothing where stderr is not a terminal."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn
from rich.text import Text

_SOON_S = 3.0  # the pace of the first moments says nothing


class Pace:
    """How long the rest takes if it goes on as fast as it went since the start: files and films differ from part to
    part, so a short look back would jump.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self.start_from(0.0)

    def start_from(self, done: float) -> None:
        """What is done by now cost no time in this run."""
        self._since_s, self._from, self._done = self._now_s(), done, done

    def at(self, done: float) -> None:
        self._done = done

    def left_s(self, whole: float) -> float | None:
        """Seconds until the whole is done; None where nothing can be said yet."""
        passed_s, gained = self._now_s() - self._since_s, self._done - self._from
        return None if passed_s < _SOON_S or gained <= 0.0 else passed_s * (whole - self._done) / gained


class _TimeLeft(ProgressColumn):
    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace

    def render(self, task: Task) -> Text:
        left_s = self._pace.left_s(task.total or 0.0)
        return Text("" if left_s is None else f"{_duration(left_s)} left", style="progress.remaining")


def _duration(seconds: float) -> str:
    """2:05 or 1:02:05."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class Meter:
    """A bar over `total` pieces of work, with the time left.

    `say` prints a result to stdout with the bar out of its way, `note` a remark to stderr.
    """

    def __init__(self, total: int) -> None:
        self._pace = Pace()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            _TimeLeft(self._pace),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
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
        self._pace.at(done)
        self._bar.update(self._task, description=what, completed=done)

    def goes_on(self, what: str, done: float) -> None:
        """So much was done in an earlier run; say so, and do not count it as speed."""
        self._pace.start_from(done)
        with self._aside():
            click.echo(what, err=True)

    def say(self, text: str) -> None:
        """Print to stdout, whole lines at once."""
        with self._aside():
            click.echo(text)

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """The bar is out of the way."""
        self._bar.stop()
        yield
        self._bar.start()
