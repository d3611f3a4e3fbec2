"""The protocol `trace`: its parts see what they should, and a small run fills every kind of row."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unforge.bench import _trace_pages as pages
from unforge.bench import _trace_peers as marks
from unforge.bench import _trace_plots as plots
from unforge.bench import _trace_shots as shots
from unforge.bench import _trace_tails as tails
from unforge.bench import _trace_visibility as visibility
from unforge.bench import figures
from unforge.bench.protocols import trace as protocol
from unforge.bench.record import of_today
from unforge.channel.photograph import Camera
from unforge.errors import UsageError
from unforge.trace import mark

SMALL = replace(Camera.phone(), size_wh=(1000, 750))
SCREEN_WH = (640, 400)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """One photograph of a small screen a row, in this process."""
    monkeypatch.setattr(figures, "ROUNDS", 20)
    monkeypatch.setattr(protocol, "WORKERS", 0)
    monkeypatch.setattr(protocol, "PHONE", SMALL)
    monkeypatch.setattr(protocol, "PEER_YAWS_DEG", (0.0,))
    monkeypatch.setattr(protocol, "PEER_WHITE", ())
    monkeypatch.setattr(protocol, "OTHER_RINGS", (1,))
    monkeypatch.setattr(marks, "SCREEN_WH", (320, 192))
    monkeypatch.setattr(marks, "DISTANCE_CM", 8.0)
    monkeypatch.setattr(tails, "KEYS", 40)
    monkeypatch.setattr(visibility, "SIDE_PX", 96)
    setting = shots.Setting(
        "20 cm",
        13,
        screen_wh=SCREEN_WH,
        camera=SMALL,
        copies=((shots.GREY, "grey copy"), (shots.MESSENGER, "messenger")),
        photographs=1,
    )
    monkeypatch.setattr(protocol, "ORDINARY", (setting,))
    monkeypatch.setattr(protocol, "SETTINGS", (setting,))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A collection with one photograph of a screen and one of something else."""
    (tmp_path / "manifest.csv").write_text("path,label\n")
    for n, folder in enumerate(("screen", "plain")):
        (tmp_path / "screens" / folder).mkdir(parents=True)
        picture = pages.clouds((640, 480), np.random.default_rng(n))
        cv2.imwrite(str(tmp_path / "screens" / folder / "a.jpg"), picture[..., ::-1])
    return tmp_path


def test_a_small_run_fills_every_kind_of_row(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(marks, "available", lambda: (marks.OURS, "tiled DCT"))
    monkeypatch.setattr(pages, "NAMES", (pages.WHITE,))
    told: list[tuple[str, float]] = []
    record = protocol.run(None, data, "val", lambda what, share: told.append((what, share)))
    rows = record.rows
    assert record.name == "trace-val"
    assert rows["20 cm"]["right"].value == 1.0
    assert rows[protocol.POOLED]["right"].n == 1
    assert rows["grey copy"]["coded_errors"].value is not None
    assert rows["messenger"]["right_by_registry"].value == 1.0
    assert "right_by_registry" not in rows["20 cm"]
    assert rows["unmarked photographs"]["false_readings"].value == 0.0
    assert rows["unmarked photographs"]["false_readings"].n == 2
    assert {"right", "confirmed", "coded_errors", "read_ms"} == set(rows[protocol.HYBRID])
    assert rows["z of 2, unmarked"]["bound"].value == pytest.approx(np.exp(-2.0), rel=1e-2)
    assert set(rows) >= {"visibility: white", "visibility: black", "as taken, 0 degrees: tiled DCT"}
    assert {what for what, _ in told} == {
        "simulated photographs",
        "hybrid photographs",
        "unmarked photographs",
        "peers",
    }
    assert capsys.readouterr().out == ""


def test_what_it_cannot_use_is_refused() -> None:
    with pytest.raises(UsageError, match="examiners"):
        protocol.run(["seam"], None)
    with pytest.raises(UsageError, match="peers"):
        protocol.run(None, None, peers=["xception"])
    with pytest.raises(UsageError, match="split"):
        protocol.run(None, None, "test")


@pytest.mark.parametrize("name", pages.NAMES)
def test_a_page_is_as_large_as_its_screen_and_the_same_every_time(name: str) -> None:
    page = pages.page(name, SCREEN_WH, 3)
    assert page.shape == (SCREEN_WH[1], SCREEN_WH[0], 3)
    assert page.dtype == np.uint8
    assert (page == pages.page(name, SCREEN_WH, 3)).all()
    assert (page != pages.page(name, SCREEN_WH, 4)).any()


def test_documents_are_white_and_interfaces_dark() -> None:
    assert np.median(pages.page(pages.WHITE, SCREEN_WH, 0)) == 255
    assert np.median(pages.page(pages.DARK, SCREEN_WH, 0)) < 60
    assert np.median(pages.page(pages.CODE, SCREEN_WH, 0)) < 60


# Figures and plots


def outcome(right: bool, grade: str, read_ms: float) -> shots.Outcome:
    return shots.Outcome("20 cm", pages.WHITE, right, 0.0 if right else 0.5, grade, read_ms)


def test_a_row_counts_what_is_right_and_what_is_sure() -> None:
    row = protocol.row([outcome(True, "confirmed", 10), outcome(True, "probable", 30), outcome(False, "none", 90)])
    assert row["right"].value == pytest.approx(2 / 3, abs=1e-4)
    assert row["confirmed"].value == pytest.approx(1 / 3, abs=1e-4)
    assert row["coded_errors"].value == pytest.approx(1 / 6, abs=1e-4)
    assert (row["read_ms"].value, row["read_ms"].low, row["read_ms"].high) == (30, 10, 90)
    assert protocol.row([]) == {}


def test_plots_are_drawn_from_the_record() -> None:
    noise = protocol.Seen(None, (), tails.Tail.of(np.random.default_rng(0).normal(size=4000)))
    rows = {"20 cm": protocol.row([outcome(True, "confirmed", 10)])}
    rows |= protocol.tail_rows("unmarked", [noise, noise]) | protocol.tail_rows("hybrid, other keys", [noise])
    record = of_today("trace-val", "trace", "val", rows, "", {}, 0, {})
    assert rows["z of 2, unmarked"]["observed"].n == 8000
    for drawn in (plots.tail_svg(record), plots.right_svg(record)):
        ElementTree.fromstring(drawn)
    assert "20 cm" in plots.right_svg(record)


def test_the_picture_of_the_documents_is_small_and_shows_the_mark() -> None:
    shown = plots.side_by_side()
    plain, marked, change = np.split(shown, 3, axis=1)
    assert 0 < np.abs(plain.astype(int) - marked).max() <= mark.STRENGTH
    assert np.ptp(change[..., 2]) > 100
    assert len(plots.png(shown)) < 300_000


# Hybrid photographs


def test_the_ink_changes_blue_alone_and_only_on_the_screen() -> None:
    rgb = np.full((400, 600, 3), 200, np.uint8)
    chips = np.ones((192, 192), np.float32)
    there = np.array([[0.1, 0.0, 100.0], [0.0, 0.1, 50.0], [0.0, 0.0, 1.0]])
    changed = shots.inked(rgb, chips, there).astype(int) - rgb
    assert not changed[..., :2].any()
    assert not changed[:40].any()
    assert not changed[:, :90].any()
    on_screen = changed[60:140, 110:270, 2]
    assert (on_screen == int(mark.picture(rgb[:1, :1], np.ones((1, 1), np.int8))[0, 0, 2]) - 200).all()


# The bound


def test_noise_stays_under_the_bound() -> None:
    tail = tails.unmarked(pages.clouds((1200, 800), np.random.default_rng(5)), np.random.default_rng(6))
    assert tail.drawn == tails.KEYS * tails.MESSAGES
    shares = [passed / tail.drawn for passed in tail.passed]
    assert shares == sorted(shares, reverse=True)
    common = [(share, level) for share, level in zip(shares, tails.LEVELS, strict=True) if level <= 2.5]
    assert all(share <= tails.bound(level) for share, level in common)


def test_tails_add_up() -> None:
    both = tails.Tail.of(np.array([0.0, 2.2])) + tails.Tail.of(np.array([1.0, 9.0]))
    assert both.drawn == 4
    assert dict(zip(tails.LEVELS, both.passed, strict=True)) == {
        1.0: 3, 1.5: 2, 2.0: 2, 2.5: 1, 3.0: 1, 3.5: 1, 4.0: 1
    }  # fmt: skip


# Visibility


def test_the_eye_sees_flat_surfaces_as_they_are_and_fine_patterns_less() -> None:
    flat = np.full((96, 96, 3), (200, 120, 40), np.uint8)
    lab = visibility.s_cielab(flat)
    assert np.abs(lab - lab[0, 0]).max() < 1e-3
    striped = flat.copy()
    for width, most in ((16, 1.0), (4, 0.6), (1, 0.2)):
        striped[..., 2] = np.where(np.arange(96) // width % 2, 120, 40)
        contrast = np.ptp(visibility.s_cielab(striped)[40:56, :, 2])
        sharp = np.ptp(visibility.s_cielab(striped, 0.1)[40:56, :, 2])
        assert contrast < most * sharp + 1e-6


def test_the_mark_is_faint_where_the_limits_say_so() -> None:
    white = visibility.row(np.full((192, 192, 3), 255, np.uint8))
    assert white["delta_l"].value <= 0.3
    assert white["eye_delta_b"].value < white["delta_b"].value <= 4.0


# Marks of others


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 1), min_size=64, max_size=64))
def test_the_tiled_mark_reads_back_what_it_wrote(bits: list[int]) -> None:
    peer = marks._tiled_dct()
    message = np.array(bits, np.uint8)
    shown = pages.clouds((320, 200), np.random.default_rng(1))
    assert (peer.extract(peer.embed(shown, message)) == message).all()


@pytest.mark.parametrize("name", marks.available()[1:])
def test_a_peer_reads_its_mark_from_the_marked_picture(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    peer = marks._PEERS[name][1]()
    shown = pages.clouds((320, 256), np.random.default_rng(2))
    message = np.random.default_rng(3).integers(0, 2, peer.n_bits, np.uint8)
    marked = peer.embed(shown, message)
    assert marked.shape == shown.shape
    assert (peer.extract(marked) == message).mean() > 0.75
    assert capsys.readouterr().out == ""
