"""`unforge trace overlay`: the mark over pages and over desktops."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from unforge.cli._trace_stores import (
    load_ring,
    open_registry,
    registry_if_any,
    registry_option,
    ring_option,
    ring_path,
)

if TYPE_CHECKING:
    from unforge.trace.overlay import browser, desktop
    from unforge.trace.payload import Payload
    from unforge.trace.registry import Token

_Command = TypeVar("_Command", bound=Callable[..., Any])

_TOKEN_LASTS = timedelta(hours=24)


def _shared(command: _Command) -> _Command:
    """The options of both overlays."""
    options = (
        click.option("--machine", type=int, required=True, metavar="ID", help="The machine that shows the mark."),
        click.option("--place", type=int, default=0, metavar="N", help="Its place.  [default: none]"),
        click.option("--strength", type=int, metavar="N", help="From 4 to 12, in 1/255 of blue.  [default: 8]"),
        click.option("--token", is_flag=True, help="Privacy: tokens of the registry instead of machine and place."),
        ring_option,
        registry_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(
    short_help="Show the mark over pages or desktops.",
    epilog="Example: unforge trace overlay browser --machine 17",
)
def command() -> None:
    """Show the mark over pages or desktops, until it is stopped.

    The registry, where there is one, keeps when it ran. A photograph is held against that before anybody is named.
    """


@command.command(
    "browser",
    short_help="Serve the mark for pages, and a page to try it on.",
    epilog="Example: unforge trace overlay browser --machine 17 --place 4",
)
@_shared
@click.option("--host", default="127.0.0.1", show_default=True, metavar="NAME", help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, metavar="N", help="Its port.")
def over_pages(
    machine: int,
    place: int,
    strength: int | None,
    token: bool,
    ring: Path | None,
    registry: Path | None,
    host: str,
    port: int,
) -> int:
    """Serve the mark of one machine for pages, and a page to try it on. For development and single machines.

    A site with many users mounts unforge.trace.overlay.browser.application in its own server instead. Tampering that
    pages report comes as one JSON object a line.
    """
    from unforge.trace import keys, mark
    from unforge.trace.overlay import browser

    load_ring(ring)  # tells what to do where there is none
    shown = _Shown(machine, place, token, ring, registry)
    marked = browser.application(
        partial(keys.load, ring_path(ring)),
        lambda environ: shown.said(datetime.now(UTC)),
        shown.on_report,
        strength=mark.STRENGTH if strength is None else strength,
    )
    server = browser.serve(marked, host=host, port=port)
    click.echo(f"http://{host}:{server.server_port}/  (stop with Ctrl-C)", err=True)
    with server:
        server.serve_forever()
    return 0


@command.command(
    "desktop",
    short_help="Show the mark on all displays of this machine.",
    epilog="Example: unforge trace overlay desktop --machine 17 --place 4",
)
@_shared
def over_desktop(
    machine: int, place: int, strength: int | None, token: bool, ring: Path | None, registry: Path | None
) -> int:
    """Show the mark on all displays of this machine: X11 with a compositor, and Windows. Needs the extra `overlay`."""
    from unforge.trace import keys, mark
    from unforge.trace.overlay import desktop

    load_ring(ring)  # tells what to do where there is none
    shown = _Shown(machine, place, token, ring, registry)
    desktop.run(
        partial(keys.load, ring_path(ring)),
        shown.said,
        shown.on_beat,
        strength=mark.STRENGTH if strength is None else strength,
    )
    return 0


class _Shown:
    """What one machine shows, and what the registry hears of it. Several threads may ask at once.

    Raises StoreError or UsageError at once where the registry would refuse.
    """

    def __init__(self, machine: int, place: int, token: bool, ring: Path | None, registry: Path | None) -> None:
        self._machine, self._place, self._ring, self._registry = machine, place, ring, registry
        self._by_token, self._lock = token, threading.Lock()
        self._token: Token | None = None
        with_registry = open_registry(registry) if token else registry_if_any(registry)
        self._registered = with_registry is not None
        if with_registry is not None:
            with with_registry:
                with_registry.machine(machine)
        self.said(datetime.now(UTC))

    def said(self, now: datetime) -> "Payload":
        from unforge.trace.payload import of_machine, of_token

        if not self._by_token:
            return of_machine(self._machine, now, self._place)
        with self._lock:
            if self._token is None or now >= self._token.end:
                self._token = self._issued(now)
            return of_token(self._token.token, now)

    def on_beat(self, beat: "desktop.Beat") -> None:
        self._ran(beat.key_id, beat.when)

    def on_report(self, report: "browser.Report") -> None:
        if report.kind == "heartbeat":
            self._ran(report.key_id, report.received)
            return
        from unforge.trace import utc

        told = {"kind": report.kind, "time": utc.text(report.received), "page": report.page, "detail": report.detail}
        click.echo(json.dumps({**told, "machine": self._machine}, ensure_ascii=False))

    def _ran(self, key_id: str, when: datetime) -> None:
        if self._registered and not self._by_token:
            with open_registry(self._registry) as registry:
                registry.heartbeat(self._machine, key_id, when, place=self._place)

    def _issued(self, now: datetime) -> "Token":
        key = load_ring(self._ring).current(now)
        with open_registry(self._registry) as registry:
            return registry.issue_token(self._machine, key.id, now, now + _TOKEN_LASTS)
