"""The overlay on a real X display: what is on it is the desktop under its ink, and the desktop goes on as before.

Everything runs in processes of its own, because Qt ends the process whose display it cannot use.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from unforge.trace import keys, mark, payload, read

NEEDED = ("Xvfb", "picom", "xdotool")
MISSING = [name for name in NEEDED if shutil.which(name) is None]
pytest.importorskip("PySide6", reason="PySide6 is not installed")
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"no {', '.join(MISSING)} on this machine")

MACHINE = 4242
NOW = datetime(2026, 3, 1, 8, 31, tzinfo=UTC)  # stands still, so that no slot ends meanwhile
SIZE_WH = (1280, 800)

DESKTOP = """
import sys
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QRasterWindow

class Desktop(QRasterWindow):
    "Light on the left, dark on the right; a click swaps them."
    colours = ["#f4f0e8", "#202428"]

    def paintEvent(self, event):
        painter = QPainter(self)
        half = self.width() // 2
        painter.fillRect(0, 0, half, self.height(), QColor(self.colours[0]))
        painter.fillRect(half, 0, half, self.height(), QColor(self.colours[1]))

    def mousePressEvent(self, event):
        self.colours.reverse()
        self.update()

app = QGuiApplication(sys.argv)
window = Desktop()
window.setFlags(Qt.WindowType.FramelessWindowHint)
window.setGeometry(app.primaryScreen().geometry())
window.show()
app.exec()
"""

OVERLAY = """
import sys
from datetime import datetime
from functools import partial
from unforge.trace import keys, payload
from unforge.trace.overlay import desktop

def beat(told):
    print(told.payload.slot, told.key_id, flush=True)

saying = partial(payload.of_machine, {machine})
now = datetime.fromisoformat("{now}")
desktop.run(partial(keys.load, sys.argv[1]), saying, beat, clock=lambda: now)
print("ended", flush=True)
"""

SHOT = """
import sys
from PySide6.QtGui import QGuiApplication
app = QGuiApplication([])
app.primaryScreen().grabWindow(0).save(sys.argv[1])
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start programs, and end them in reverse."""
    running: list[subprocess.Popen[str]] = []

    def begin(*command: str, **settings: object) -> "subprocess.Popen[str]":
        running.append(subprocess.Popen(command, text=True, stderr=subprocess.DEVNULL, **settings))  # type: ignore[call-overload]
        return running[-1]

    yield begin
    for process in reversed(running):
        process.terminate()
        process.wait(timeout=10)
        for stream in (process.stdout, process.stdin):
            if stream is not None:
                stream.close()


@pytest.fixture
def display(start: Start, monkeypatch: pytest.MonkeyPatch) -> str:
    """An X display of its own, whose number the server chooses."""
    told, tell = os.pipe()
    size = f"{SIZE_WH[0]}x{SIZE_WH[1]}x24"
    start(
        "Xvfb",
        "-displayfd",
        str(tell),
        "-screen",
        "0",
        size,
        "-nolisten",
        "tcp",
        pass_fds=[tell],
        stdout=subprocess.DEVNULL,
    )
    os.close(tell)
    with os.fdopen(told) as numbers:
        name = f":{numbers.readline().strip()}"
    monkeypatch.setenv("DISPLAY", name)
    for other in ("QT_QPA_PLATFORM", "XDG_SESSION_TYPE", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(other, raising=False)
    return name


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    keys.generate(tmp_path / "ring.json", NOW - timedelta(days=1))
    return tmp_path / "ring.json"


def test_the_desktop_lies_under_the_ink_and_works_as_before(
    display: str, start: Start, ring: Path, tmp_path: Path
) -> None:
    compositor = start("picom", "--backend", "xrender", "--config", "/dev/null", stdout=subprocess.DEVNULL)
    overlay = start(sys.executable, "-c", OVERLAY.format(machine=MACHINE, now=NOW), str(ring), stdout=subprocess.PIPE)
    assert overlay.stdout is not None
    assert overlay.stdout.readline().split() == [str(payload.slot_of(NOW)), keys.load(ring).current().id]

    start(sys.executable, "-c", DESKTOP)  # comes to lie above the ink, which has to notice
    plain, swapped = _ground("#f4f0e8", "#202428"), _ground("#202428", "#f4f0e8")
    _eventually(lambda: _differ(_shot(tmp_path), mark.desktop(plain, _chips(ring))) <= 1)

    subprocess.run(["xdotool", "mousemove", "300", "300", "click", "1"], check=True, timeout=10)
    _eventually(lambda: _differ(_shot(tmp_path), mark.desktop(swapped, _chips(ring))) <= 1)

    (seen,) = read.read_picture(_shot(tmp_path), keys.load(ring))
    assert (seen.grade, seen.payload) == ("confirmed", payload.of_machine(MACHINE, NOW))

    assert _cpu_share(overlay.pid, 5.0) < 0.01

    compositor.terminate()
    _eventually(lambda: _differ(_shot(tmp_path), swapped) == 0)

    overlay.send_signal(signal.SIGTERM)
    assert overlay.stdout.readline().strip() == "ended"
    assert overlay.wait(timeout=5) == 0


def test_without_a_compositor_it_says_so_instead_of_blackening_the_screen(display: str, ring: Path) -> None:
    command = [sys.executable, "-c", OVERLAY.format(machine=MACHINE, now=NOW), str(ring)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert "UsageError: expected a compositor" in ended.stderr


def _chips(ring: Path) -> mark.Tile:
    """Xvfb says that it has 96 pixels to the inch."""
    opened = keys.load(ring)
    return mark.tile_of(payload.of_machine(MACHINE, NOW), opened, opened.current(), 4)


def _ground(left: str, right: str) -> mark.Picture:
    rgb = [tuple(bytes.fromhex(colour[1:])) for colour in (left, right)]
    width, height = SIZE_WH
    return np.repeat(np.array([rgb], np.uint8), height, axis=0).repeat(width // 2, axis=1)


def _shot(folder: Path) -> mark.Picture:
    path = folder / "screen.png"
    subprocess.run([sys.executable, "-c", SHOT, str(path)], check=True, timeout=30, stderr=subprocess.DEVNULL)
    return np.asarray(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), np.uint8)


def _differ(seen: mark.Picture, expected: mark.Picture) -> int:
    """By how many levels at most."""
    return int(np.abs(seen.astype(int) - expected).max())


def _eventually(holds: Callable[[], bool], within_s: float = 12.0) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.2)


def _cpu_share(process: int, seconds: float) -> float:
    """Of one core."""
    before = _cpu_s(process)
    time.sleep(seconds)
    return (_cpu_s(process) - before) / seconds


def _cpu_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
