"""Films put together for measuring: the right picture at the right time, and what is counted."""

import mmap
import os
from pathlib import Path

import numpy as np
import pytest

from tests.media_samples import encode
from unforge.bench.protocols import film, speed
from unforge.bench.protocols.film import Examined
from unforge.media.probe import probe
from unforge.media.sound import read_sound
from unforge.media.video import frames


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film, "SIZE_WH", (160, 90))
    monkeypatch.setattr(film, "RATE_HZ", 5)
    monkeypatch.setattr(film, "PIECE_S", 4)


def piece_of(folder: Path, name: str, level: int) -> Path:
    """A piece of a clip that gets brighter by the frame, from a level on."""
    pictures = [np.full((64, 64, 3), level + 4 * n, np.uint8) for n in range(6)]
    clip = encode(folder / f"{name}-clip.mp4", pictures, ticks_per_s=5)
    return film.piece(clip, folder / f"{name}.mp4")


def test_pieces_are_joined_without_a_flaw(tmp_path: Path) -> None:
    dark, bright, other = (piece_of(tmp_path, name, level) for name, level in (("a", 20), ("b", 90), ("c", 200)))
    path = tmp_path / "film.mp4"
    film.join(path, [dark, bright], 4, {2: other})
    with frames(path) as source:
        seen = [(frame.time_s, int(np.median(frame.rgb[:, 60:100]))) for frame in source]
    assert source.decode_errors == 0
    assert [time_s for time_s, _ in seen] == pytest.approx([n / 5 for n in range(80)], abs=0.01)
    levels = [level for _, level in seen]
    for start, first in ((0, 20), (20, 90), (40, 200), (60, 90)):
        assert levels[start : start + 6] == pytest.approx([first + 4 * n for n in range(6)], abs=3)
        assert levels[start + 6] == pytest.approx(first + 16, abs=3)
    assert probe(path).has_sound
    assert len(read_sound(path).samples) == pytest.approx(16 * 16_000, rel=0.02)


def test_a_piece_is_one_group_of_pictures(tmp_path: Path) -> None:
    with frames(piece_of(tmp_path, "a", 20), gap_s=60.0) as source:
        assert [frame.time_s for frame in source] == [0.0]


@pytest.mark.parametrize(
    ("span_s", "named"), [((8.0, 20.0), True), ((6.0, 10.5), True), ((0.0, 9.0), False), (None, False)]
)
def test_a_span_names_what_it_holds_at_least_half_of(span_s: tuple[float, float] | None, named: bool) -> None:
    assert Examined(span_s, False, 1.0, 1.0).names(8.0) == named


def test_memory_is_counted_once() -> None:
    # pages of its own: what an allocator gets back it may keep
    with mmap.mmap(-1, 40_000_000) as held:
        held.write(b"\x01" * len(held))
        with_it = speed.together_mb(os.getpid())
    assert 30.0 < with_it - speed.together_mb(os.getpid()) < 60.0
