"""Marks for whole desktops: a window over each display that nobody sees, clicks or focuses.

The ink follows what lies below it cell by cell (mark.py), so the display is captured, at most once a second; nothing of
that is kept. Where it cannot be captured, the ink is the one for white, and the log says so.

X11 with a compositor, and Windows. Not covered: Wayland, where no program may lie above the others; and on Windows
programs in exclusive full screen and the desktop of the consent dialog (UAC).
"""

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from unforge.errors import UsageError
from unforge.trace import mark
from unforge.trace.keys import KeyRing
from unforge.trace.overlay._slot import Beat, Saying

if TYPE_CHECKING:
    from PySide6.QtGui import QGuiApplication

__all__ = ["Beat", "Saying", "run"]


def run(
    ring: Callable[[], KeyRing],
    saying: Saying,
    on_beat: Callable[[Beat], None],
    *,
    strength: int = mark.STRENGTH,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Mark all displays until SIGINT or SIGTERM, or until the desktop ends.

    ring: asked for every slot, so that rotation and revocation take effect; `partial(keys.load, path)` will do.
    saying: what to say at a moment, like `lambda now: payload.of_machine(7, now, place=3)`.
    on_beat: is told at the start, with each slot, and once a minute; `Registry.heartbeat` wants it. What it raises of
        unforge's errors goes into the log, and the mark stays.
    Raises UsageError without PySide6, a display, or a compositor, and for a strength out of range; StoreError where no
    key may mark. Call it from the main thread: it takes over the two signals until it returns.
    """
    mark.check_strength(strength)
    app = _application()
    from unforge.trace.overlay import _screens, _system

    system = _system.of(app.platformName())
    if not system.blends():
        raise UsageError("expected a compositor on this X display, got none; start one, for example picom")
    with _ended_by_signals(app):
        screens = _screens.Screens(app, system, ring, saying, on_beat, strength, clock)
        app.exec()
        screens.close()


def _application() -> "QGuiApplication":
    _check_display()
    # The ink is made of device pixels and has no text; unscaled, they are the pixels of Qt.
    os.environ["QT_ENABLE_HIGHDPI_SCALING"] = "0"
    try:
        from PySide6.QtGui import QGuiApplication
    except ImportError as error:
        raise UsageError(f"expected PySide6, got {error}; pip install 'unforge[overlay]'") from error
    app = QGuiApplication.instance()
    if not isinstance(app, QGuiApplication):
        app = QGuiApplication(["unforge"])
    app.setQuitOnLastWindowClosed(False)  # the last display may be unplugged, and come back
    return app


def _check_display() -> None:
    """Before Qt does, which ends the whole process."""
    if not sys.platform.startswith("linux") or "QT_QPA_PLATFORM" in os.environ:
        return
    if os.environ.get("XDG_SESSION_TYPE") == "wayland":
        raise UsageError("expected an X11 session, got Wayland, where no program may lie above the others")
    if not os.environ.get("DISPLAY"):
        raise UsageError("expected an X display, got none; set DISPLAY")
    os.environ["QT_QPA_PLATFORM"] = "xcb"


@contextmanager
def _ended_by_signals(app: "QGuiApplication") -> Iterator[None]:
    """SIGINT and SIGTERM end the loop at once: Qt waits in C, so that Python is woken by a byte in a socket."""
    from PySide6.QtCore import QSocketNotifier

    told, tell = socket.socketpair()
    told.setblocking(False)
    tell.setblocking(False)
    notifier = QSocketNotifier(told.fileno(), QSocketNotifier.Type.Read)
    notifier.activated.connect(lambda: told.recv(16))
    woken_before = signal.set_wakeup_fd(tell.fileno(), warn_on_full_buffer=False)
    before = {number: signal.signal(number, lambda *_: app.quit()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(woken_before)
        notifier.setEnabled(False)
        told.close()
        tell.close()
