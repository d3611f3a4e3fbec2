"""What overlays are made of: tiles for pages, ink for cells, and panes for displays that nobody looks at."""

import base64
import io
import json
import logging
import re
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from unforge.errors import ShapeError, StoreError, UsageError
from unforge.trace import keys, mark, payload, tile
from unforge.trace.overlay import _cells, _slot, browser, desktop

NOW = datetime(2026, 3, 1, 8, 31, tzinfo=UTC)
SAID = payload.of_machine(4242, NOW, 7)
DISPLAYS = [  # in device pixels; the second is scaled by 1.5
    {"name": "left", "x": 0, "y": 0, "width": 400, "height": 300, "logicalDpi": 96, "logicalBaseDpi": 96, "dpr": 1},
    {"name": "right", "x": 400, "y": 0, "width": 450, "height": 300, "logicalDpi": 144, "logicalBaseDpi": 96, "dpr": 1},
]


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> keys.KeyRing:
    return keys.generate(tmp_path_factory.mktemp("ring") / "ring.json", NOW - timedelta(days=1))


# Pages


@dataclass
class Server:
    """The application without a network."""

    ring: keys.KeyRing
    said: payload.Payload | None = SAID
    reports: list[browser.Report] = field(default_factory=list)

    def ask(self, method: str, path: str, query: str = "", body: bytes = b"") -> tuple[int, bytes, dict[str, str]]:
        marked = browser.application(lambda: self.ring, lambda _: self.said, self.reports.append, clock=lambda: NOW)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
        }
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "text/plain"}
        setup_testing_defaults(environ)
        answer: list[Any] = []
        chunks = validator(marked)(environ, lambda *told: answer.extend(told))  # type: ignore[arg-type]
        content = b"".join(chunks)
        chunks.close()  # type: ignore[attr-defined]
        return int(answer[0].split()[0]), content, dict(answer[1])

    def report(self, **said: object) -> int:
        return self.ask("POST", "/report", body=json.dumps(said).encode())[0]


@pytest.fixture
def server(ring: keys.KeyRing) -> Server:
    return Server(ring)


@pytest.mark.parametrize(("query", "chip_px"), [("", 4), ("dpr=1", 4), ("dpr=1.25", 5), ("dpr=1.5", 6), ("dpr=2", 8)])
def test_a_tile_is_both_layers_in_device_pixels_until_the_slot_ends(server: Server, query: str, chip_px: int) -> None:
    status, body, headers = server.ask("GET", "/tile", query)
    told = json.loads(body)
    chips = mark.tile_of(SAID, server.ring, server.ring.current(NOW), chip_px)
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    assert (told["tile_px"], told["expires"]) == (48 * chip_px, "2026-03-01T08:40:00Z")
    assert told["expires_in_s"] == 540.0
    for name in ("multiply", "screen"):
        assert np.array_equal(picture(told[name]), getattr(mark.layers(chips), name))


def test_no_secret_leaves_the_server(server: Server) -> None:
    key = server.ring.current(NOW)
    secrets = [server.ring.site, key.secret, key.tag, key.whitening, server.ring.pilot_seed()]
    bodies = [server.ask("GET", path)[1] for path in ("/tile", "/overlay.js", "/nothing")]
    for secret in secrets:
        written = (secret.reveal().hex().encode(), base64.b64encode(secret.reveal()).rstrip(b"="), secret.reveal())
        assert not any(form in body for form in written for body in bodies)


def test_the_script_comes_with_the_package(server: Server) -> None:
    status, body, headers = server.ask("GET", "/anywhere/overlay.js")
    assert (status, headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert body == browser.script()


@pytest.mark.parametrize("dpr", ["0", "0.1", "9", "nan", "inf", "-1", "many"])
def test_a_ratio_that_no_display_has_is_refused(server: Server, dpr: str) -> None:
    status, body, _ = server.ask("GET", "/tile", f"dpr={dpr}")
    assert status == 400
    assert "expected a device pixel ratio" in json.loads(body)["error"]


def test_who_is_not_known_gets_no_tile_and_is_not_heard(server: Server) -> None:
    server.said = None
    assert server.ask("GET", "/tile")[0] == 403
    assert server.report(kind="heartbeat") == 403
    assert server.reports == []


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/tile"), ("GET", "/report"), ("GET", "/tile/x")])
def test_other_addresses_are_not_found(server: Server, method: str, path: str) -> None:
    assert server.ask(method, path)[0] == 404


def test_without_a_key_that_may_mark_there_is_no_tile(server: Server) -> None:
    server.ring = server.ring.revoked(server.ring.current(NOW).id, NOW)
    assert server.ask("GET", "/tile")[0] == 503


def test_a_report_says_who_sent_it(server: Server) -> None:
    assert (
        server.report(kind="removed", time="2026-03-01T08:31:00.000Z", page="http://site/page", detail="x" * 999) == 204
    )
    told = server.reports[0]
    assert (told.kind, told.page, told.received) == ("removed", "http://site/page", NOW)
    assert (told.payload, told.key_id) == (SAID, server.ring.current(NOW).id)
    assert len(told.detail) == 200


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b'{"kind": "gossip"}', b'{"kind": ["removed"]}', b"[" * 4000, b" " * 5000]
)
def test_a_report_that_makes_no_sense_is_refused(server: Server, body: bytes) -> None:
    assert server.ask("POST", "/report", body=body)[0] == 400
    assert server.reports == []


def test_the_development_server_listens_on_this_machine_alone(server: Server) -> None:
    marked = browser.application(lambda: server.ring, lambda _: SAID, server.reports.append, clock=lambda: NOW)
    with browser.serve(marked, port=0) as listening:
        assert listening.server_address[0] == "127.0.0.1"
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{listening.server_port}"
        page = urlopen(f"{address}/", timeout=5).read()
        scripts = re.findall(r'(?:src|data-tiles)="([^"]+)"', page.decode())
        assert [urlopen(address + path, timeout=5).status for path in scripts] == [200, 200]
        with pytest.raises(HTTPError, match="404") as refused:
            urlopen(f"{address}/elsewhere/tile", timeout=5)
        refused.value.close()
        listening.shutdown()


def test_a_strength_out_of_range_is_refused_before_anything_is_shown(ring: keys.KeyRing) -> None:
    with pytest.raises(UsageError, match="strength"):
        browser.application(lambda: ring, lambda _: SAID, print, strength=99)


@given(st.integers(0, 600 * 24 * 30))
def test_a_mark_ends_with_its_slot_or_hour(minutes: int) -> None:
    now = NOW + timedelta(minutes=minutes, seconds=1)
    for said, span in ((payload.of_machine(1, now), payload.SLOT), (payload.of_token(1, now), payload.HOUR)):
        ends = _slot.ends_at(said, now)
        assert now < ends <= now + span
        assert type(said) is not payload.MachinePayload or payload.of_machine(1, ends) != said
        assert type(said) is not payload.TokenPayload or payload.of_token(1, ends) != said


# Ink


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.sampled_from([4, 8, 12]))
def test_the_ink_shows_as_the_mark_says(red: int, green: int, blue: int, strength: int) -> None:
    cells = _cells.Cells((100, 70), CHIPS, strength)
    ground = np.full((70, 100, 3), (red, green, blue), np.uint8)
    cells.colours[:] = mark.below(ground)
    shown = blended(ground, cells.ink((0, 0, 100, 70)))
    assert np.abs(shown - mark.desktop(ground, CHIPS, strength)).max() <= 1.0
    assert np.abs(shown - ground)[..., :2].max() <= 0.5


@given(st.integers(0, 90), st.integers(0, 60), st.integers(1, 40), st.integers(1, 30))
def test_a_part_of_the_ink_is_that_part(left: int, top: int, width: int, height: int) -> None:
    cells = _cells.Cells((130, 90), CHIPS)
    whole = cells.ink((0, 0, 130, 90))
    right, bottom = left + width, top + height
    assert np.array_equal(cells.ink((left, top, right, bottom)), whole[top:bottom, left:right])


@given(st.lists(st.booleans(), min_size=15, max_size=15))
def test_only_cells_that_changed_are_painted_anew(changed: list[bool]) -> None:
    cells = _cells.Cells((300, 140), CHIPS)
    where = np.array(changed).reshape(3, 5)
    boxes = cells.see(np.where(where[..., None], 30, 250).astype(np.uint8).repeat(3, axis=-1))
    painted = np.zeros((140, 300), int)
    for left, top, right, bottom in boxes:
        painted[top:bottom, left:right] += 1
    assert np.array_equal(painted, where.repeat(64, axis=0).repeat(64, axis=1)[:140, :300])


def test_small_changes_paint_nothing_and_do_not_add_up() -> None:
    cells = _cells.Cells((64, 64), CHIPS)
    drifting = [bool(cells.see(np.full((1, 1, 3), level, np.uint8))) for level in range(251, 231, -4)]
    assert drifting == [False, False, False, False, True]
    assert cells.colours[0, 0, 0] == 235


def test_blue_is_not_followed_because_the_ink_changes_it() -> None:
    cells = _cells.Cells((64, 64), CHIPS)
    assert cells.see(np.array([[[255, 255, 0]]], np.uint8)) == []


def test_means_of_another_display_are_refused() -> None:
    with pytest.raises(ShapeError, match="means"):
        _cells.Cells((64, 64), CHIPS).see(np.zeros((2, 2, 3), np.uint8))


# Displays


@dataclass
class Desk:
    """A desktop of two displays in memory."""

    app: Any
    ring: keys.KeyRing
    now: datetime = NOW
    blending: bool = True
    beats: list[desktop.Beat] = field(default_factory=list)
    broken: bool = False
    below: mark.Picture | None = field(default_factory=lambda: np.full((300, 450, 3), 255, np.uint8))

    def capture(self, pane: Any, part: Any) -> mark.Picture | None:
        """What lies below, on whichever display."""
        if self.below is None:
            return None
        seen = self.below[: pane.size_px[1], : pane.size_px[0]]
        return seen[part.y() : part.y() + 1] if part.isValid() else seen

    def blends(self) -> bool:
        return self.blending

    def covers(self, windows: object) -> bool:
        return False

    def harden(self, window: int) -> None:
        """There is nothing to be hardened."""

    def key_ring(self) -> keys.KeyRing:
        if self.broken:
            raise StoreError("the ring is on fire")
        return self.ring

    def chips(self, chip_px: int) -> mark.Tile:
        said = payload.of_machine(1, self.now)
        return mark.tile_of(said, self.ring, self.ring.current(self.now), chip_px)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Qt without a display; a process can have it once."""
    pytest.importorskip("PySide6", reason="PySide6 is not installed")
    config = tmp_path_factory.mktemp("qt") / "displays.json"
    config.write_text(json.dumps({"screens": DISPLAYS}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QT_QPA_PLATFORM", f"offscreen:configfile={config}")
        from PySide6.QtGui import QGuiApplication

        yield QGuiApplication.instance() or QGuiApplication([])


@pytest.fixture
def desk(app: Any, ring: keys.KeyRing) -> Desk:
    return Desk(app, ring)


@pytest.fixture
def screens(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from unforge.trace.overlay._pane import Pane
    from unforge.trace.overlay._screens import Screens

    monkeypatch.setattr(Pane, "_capture", lambda pane, part: desk.capture(pane, part))
    shown = Screens(
        desk.app,
        desk,  # type: ignore[arg-type]
        desk.key_ring,
        lambda now: payload.of_machine(1, now),
        desk.beats.append,
        mark.STRENGTH,
        lambda: desk.now,
    )
    settle(desk.app)
    yield shown
    shown.close()


def test_each_display_has_a_pane_that_takes_no_input(screens: Any) -> None:
    from PySide6.QtCore import Qt

    assert [pane.size_px for pane in screens.panes.values()] == [(400, 300), (450, 300)]
    for screen, pane in screens.panes.items():
        assert pane.geometry() == screen.geometry()
        assert pane.isVisible()
        for flag in ("WindowTransparentForInput", "WindowStaysOnTopHint", "WindowDoesNotAcceptFocus"):
            assert pane.flags() & getattr(Qt.WindowType, flag)


@pytest.mark.parametrize("index", [0, 1], ids=["plain", "scaled by 1.5"])
def test_chips_are_device_pixels(desk: Desk, screens: Any, index: int) -> None:
    pane = list(screens.panes.values())[index]
    assert pane.ppi == pytest.approx(100)  # of the panel, however its user scales it
    expected = _cells.Cells(pane.size_px, desk.chips(tile.chip_px(100))).ink((0, 0, *pane.size_px))
    seen = painted(pane)  # without a display, Qt shows of a scaled window the part of its size in logical pixels
    assert np.array_equal(seen, expected[: seen.shape[0], : seen.shape[1]])


def test_only_what_changed_is_painted(desk: Desk, screens: Any) -> None:
    pane = next(iter(screens.panes.values()))
    before = painted(pane)
    pane._cells.take(-desk.chips(4))
    pane.repaint_boxes([(64, 128, 192, 192)])
    settle(desk.app)
    changed = (painted(pane) != before).any(axis=-1)
    assert changed[128:192, 64:192].all()
    changed[128:192, 64:192] = False
    assert not changed.any()


def test_displays_come_and_go(desk: Desk, screens: Any) -> None:
    first, second = desk.app.screens()
    desk.app.screenRemoved.emit(second)
    assert list(screens.panes) == [first]
    desk.app.screenAdded.emit(second)
    assert list(screens.panes) == [first, second]
    assert screens.panes[second].isVisible()


def test_the_next_slot_brings_the_next_tile(desk: Desk, screens: Any) -> None:
    pane = next(iter(screens.panes.values()))
    before = painted(pane)
    desk.now = NOW.replace(minute=40)
    screens.tick()
    settle(desk.app)
    assert not np.array_equal(painted(pane), before)
    assert [beat.payload for beat in desk.beats] == [payload.of_machine(1, NOW), payload.of_machine(1, desk.now)]


def test_the_old_tile_stays_where_no_new_one_can_be_signed(
    desk: Desk, screens: Any, caplog: pytest.LogCaptureFixture
) -> None:
    pane = next(iter(screens.panes.values()))
    before = painted(pane)
    desk.broken, desk.now = True, NOW.replace(minute=40)
    screens.tick()
    desk.now += timedelta(minutes=2)
    screens.tick()
    assert np.array_equal(painted(pane), before)
    assert len(desk.beats) == 1
    assert "the ring is on fire" in caplog.text
    desk.broken, desk.now = False, desk.now + timedelta(minutes=1)
    screens.tick()
    assert len(desk.beats) == 2


def test_a_heartbeat_comes_every_minute(desk: Desk, screens: Any) -> None:
    for _ in range(150):
        desk.now += timedelta(seconds=1)
        screens.tick()
    assert [beat.when - NOW for beat in desk.beats] == [timedelta(minutes=minute) for minute in range(3)]


def test_without_a_compositor_the_mark_is_off_and_does_not_beat(desk: Desk, screens: Any) -> None:
    desk.blending = False
    for _ in range(70):
        desk.now += timedelta(seconds=1)
        screens.tick()
    assert not any(pane.isVisible() for pane in screens.panes.values())
    assert len(desk.beats) == 1
    desk.blending = True
    screens.tick()
    assert all(pane.isVisible() for pane in screens.panes.values())
    assert len(desk.beats) == 2


def test_what_cannot_be_captured_is_said_once(desk: Desk, screens: Any, caplog: pytest.LogCaptureFixture) -> None:
    desk.below = None
    with caplog.at_level(logging.WARNING):
        for _ in range(40):
            screens.tick()
    assert caplog.text.count("cannot be captured") == len(screens.panes)


def test_the_ink_follows_what_lies_below(desk: Desk, screens: Any) -> None:
    assert desk.below is not None
    screens.tick()
    desk.below[:, 200:] = (30, 60, 90)
    screens.tick()
    settle(desk.app)
    expected = _cells.Cells((400, 300), desk.chips(4))
    expected.see(mark.below(desk.below[:, :400]))
    assert np.array_equal(painted(next(iter(screens.panes.values()))), expected.ink((0, 0, 400, 300)))


def test_without_pyside_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch, ring: keys.KeyRing) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setenv("QT_ENABLE_HIGHDPI_SCALING", "1")
    monkeypatch.setitem(sys.modules, "PySide6.QtGui", None)
    with pytest.raises(UsageError, match=r"pip install 'unforge\[overlay\]'"):
        desktop.run(lambda: ring, lambda now: SAID, print)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has such sessions")
@pytest.mark.parametrize(("session", "display", "word"), [("wayland", ":0", "Wayland"), ("x11", "", "set DISPLAY")])
def test_a_session_that_cannot_be_marked_is_refused(
    monkeypatch: pytest.MonkeyPatch, ring: keys.KeyRing, session: str, display: str, word: str
) -> None:
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.setenv("XDG_SESSION_TYPE", session)
    monkeypatch.setenv("DISPLAY", display)
    with pytest.raises(UsageError, match=word):
        desktop.run(lambda: ring, lambda now: SAID, print)


CHIPS = tile.draw(np.tile(np.array([0, 1], np.uint8), 120), tile.Pilot(b"pilot"), tile.Scramble(b"scramble"), 3)


def picture(data_url: str) -> mark.Picture:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data_url.partition(",")[2]))).convert("RGB"))


def blended(ground: mark.Picture, ink: np.ndarray) -> np.ndarray:
    """What a compositor shows: premultiplied source over ground, before it is rounded."""
    alpha = ink[..., 3:] / 255.0
    return ground * (1.0 - alpha) + ink[..., 2::-1]


def settle(app: Any) -> None:
    """Let Qt paint; it does so a few milliseconds after it was asked."""
    end = time.monotonic() + 0.05
    while time.monotonic() < end:
        app.processEvents()


def painted(pane: Any) -> np.ndarray:
    """What is in a pane's own pixels (H, W, 4): blue, green, red, alpha."""
    from PySide6.QtGui import QImage

    image = pane.screen().grabWindow(pane.winId()).toImage().convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4).copy()
