"""All displays of a desktop under the mark, as they come and go, and as slots do. Needs PySide6."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QGuiApplication, QScreen

from unforge.errors import UnforgeError
from unforge.trace import mark, tile
from unforge.trace.keys import KeyRing
from unforge.trace.overlay import _slot
from unforge.trace.overlay._pane import Pane
from unforge.trace.overlay._slot import Beat, Saying
from unforge.trace.overlay._system import System
from unforge.trace.payload import Payload

TICK_MS = 1000
BEAT = timedelta(seconds=60)
RETRY = timedelta(seconds=10)

_LOG = logging.getLogger(__name__)


class Screens(QObject):
    """A pane for each display, from construction on. `tick` is called once a second.

    Raises what `saying` and `ring` raise; later on it keeps the old tile, says so in the log, and tries again.
    """

    def __init__(
        self,
        app: QGuiApplication,
        system: System,
        ring: Callable[[], KeyRing],
        saying: Saying,
        on_beat: Callable[[Beat], None],
        strength: int,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__()
        self._system, self._ring, self._saying, self._on_beat = system, ring, saying, on_beat
        self._strength, self._clock = strength, clock
        self.panes: dict[QScreen, Pane] = {}
        self._blended = True
        self._renew(clock())
        for screen in app.screens():
            self._add(screen)
        app.screenAdded.connect(self._add)
        app.screenRemoved.connect(self._remove)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.tick)
        self._timer.start(TICK_MS)
        self._beat(clock())

    def tick(self) -> None:
        """Follow time, the compositor, other windows, and what lies below."""
        now = self._clock()
        if now >= self._due:
            self._follow_slot(now)
        self._follow_compositor()
        if not self._blended:
            return
        if self._system.covers([int(pane.winId()) for pane in self.panes.values()]):
            for pane in self.panes.values():
                pane.raise_()
        for pane in self.panes.values():
            pane.follow()
        if now >= self._beaten + BEAT:
            self._beat(now)

    def close(self) -> None:
        """Take the mark off all displays."""
        self._timer.stop()
        for screen in list(self.panes):
            self._remove(screen)

    def _renew(self, now: datetime) -> None:
        """What is said from now on, and by which key."""
        said, ring = self._saying(now), self._ring()
        key = ring.current(now)
        self._said: Payload = said
        self._key_id = key.id
        self._tile_of: Callable[[int], mark.Tile] = lambda chip_px: mark.tile_of(said, ring, key, chip_px)
        self._due = self._ends = _slot.ends_at(said, now)

    def _follow_slot(self, now: datetime) -> None:
        try:
            self._renew(now)
        except UnforgeError as error:
            self._due = now + RETRY
            _LOG.error("the next tile cannot be made, the old one is still shown: %s", error)
            return
        for pane in self.panes.values():
            self._ink(pane)
        self._beat(now)

    def _follow_compositor(self) -> None:
        blends = self._system.blends()
        if blends == self._blended:
            return
        self._blended = blends
        if blends:
            _LOG.warning("windows are blended again; the mark is back")
        else:
            _LOG.error("windows are not blended any more; the mark is off until a compositor runs")
        for pane in self.panes.values():
            pane.setVisible(blends)

    def _add(self, screen: QScreen) -> None:
        pane = Pane(screen, self._strength)
        pane.refitted.connect(lambda: self._ink(pane))
        self.panes[screen] = pane
        self._ink(pane)
        self._system.harden(int(pane.winId()))
        pane.setVisible(self._blended)

    def _remove(self, screen: QScreen) -> None:
        pane = self.panes.pop(screen, None)
        if pane is not None:
            pane.close()
            pane.deleteLater()

    def _ink(self, pane: Pane) -> None:
        pane.take(self._tile_of(tile.chip_px(pane.ppi)))

    def _beat(self, now: datetime) -> None:
        """Only for what is shown: a mark that is out of date or hidden has not been seen."""
        self._beaten = now
        if now >= self._ends or not self._blended or not self.panes:
            return
        try:
            self._on_beat(Beat(self._said, self._key_id, now))
        except UnforgeError as error:
            _LOG.error("a heartbeat was not taken: %s", error)
