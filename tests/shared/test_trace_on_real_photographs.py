"""The mark on real photographs of screens, and its absence on them; skipped where the collection is absent."""

import os
from pathlib import Path

import pytest

from unforge.bench import _trace_shots as shots
from unforge.media.image import read_image
from unforge.trace.read import read_picture

DATA = Path(os.environ.get("UNFORGE_DATA", "../shared/data"))
SCREENS = DATA / "screens"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.skipif(not (SCREENS / "screen").is_dir(), reason=f"no photographs of screens at {SCREENS}"),
]


def photographs(folder: str) -> list[Path]:
    return sorted((SCREENS / folder).glob("*.jpg"))


def test_marks_laid_over_real_photographs_are_read() -> None:
    """Every third photograph, so that all phones take part."""
    right = []
    for n, path in list(enumerate(photographs("screen")))[::3]:
        made = shots.hybrid(path, n)
        right.append(read_picture(made.rgb, shots.ring())[0].payload == made.said)
    assert len(right) >= 7
    assert sum(right) >= 0.8 * len(right), right


def test_nobody_is_named_by_photographs_without_a_mark() -> None:
    chosen = [*photographs("screen")[1::3], *photographs("plain")[::4], *photographs("moire_pairs")[::2]]
    assert len(chosen) >= 20
    for path in chosen[:20]:
        for reading in read_picture(read_image(path).rgb, shots.ring()):
            assert reading.grade not in ("confirmed", "probable"), path.name
            assert reading.payload is None
