"""How long the rest will take, and what is said when an examination goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from unforge import examination, film
from unforge.cli import _meter, examine
from unforge.cli._meter import Pace


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_rest_takes_as_long_as_it_took_since_the_start(clock: Clock) -> None:
    pace = Pace(clock)
    for done in (0.1, 0.2, 0.25):
        clock.now_s += 10.0
        pace.at(done)
    assert pace.left_s(1.0) == pytest.approx(30.0 * 0.75 / 0.25)


def test_nothing_is_told_before_anything_is_known(clock: Clock) -> None:
    pace = Pace(clock)
    assert pace.left_s(1.0) is None
    pace.at(0.5)
    clock.now_s += 1.0
    assert pace.left_s(1.0) is None
    clock.now_s += 10.0
    assert pace.left_s(1.0) == pytest.approx(11.0)


def test_what_was_done_in_an_earlier_run_is_no_speed(clock: Clock) -> None:
    pace = Pace(clock)
    pace.start_from(0.5)
    clock.now_s += 20.0
    pace.at(0.6)
    assert pace.left_s(1.0) == pytest.approx(80.0)


@pytest.mark.parametrize(("seconds", "text"), [(4.4, "0:04"), (125.0, "2:05"), (3725.0, "1:02:05")])
def test_time_left_is_told_like_a_clock(seconds: float, text: str) -> None:
    assert _meter._duration(seconds) == text


def test_the_command_says_that_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "long.mp4").write_bytes(b"x")

    def examined(path: Path, *, on_progress: Callable[[str, float], None], **_: object) -> None:
        on_progress(film.GOING_ON, 0.42)
        raise KeyboardInterrupt

    monkeypatch.setattr(examination, "examine", examined)
    assert examine.command.main([str(tmp_path / "long.mp4")], standalone_mode=False) == 130
    said = capsys.readouterr()
    assert "long.mp4: going on where it stopped (42%)" in said.err
    assert said.out == ""
