"""Films as they come: odd rates, stills, slide shows, several people, no index. Evidence or a reason, no crash."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.faces_samples import scene
from tests.media_samples import encode
from unforge import Report, detect, examine

Picture = NDArray[np.uint8]


def moving_face(count: int, *others: tuple[int, int, int]) -> list[Picture]:
    return [scene((320, 240), (100 + 2 * n, 120, 80), *others) for n in range(count)]


def variable(path: Path) -> None:
    encode(path, moving_face(16), ticks=[round(n**1.5 * 3) + n for n in range(16)], ticks_per_s=100)


def twelve_a_second(path: Path) -> None:
    encode(path, moving_face(18), ticks_per_s=12)


def interlaced(path: Path) -> None:
    fields = moving_face(60)
    woven = []
    for first, second in zip(fields[::2], fields[1::2], strict=True):
        picture = first.copy()
        picture[1::2] = second[1::2]
        woven.append(picture)
    encode(path, woven, options={"flags": "+ilme+ildct", "x264-params": "tff=1"})


def duplicated(path: Path) -> None:
    encode(path, [picture for picture in moving_face(10) for _ in range(4)])


def still(path: Path) -> None:
    encode(path, moving_face(1) * 40)


def slide_show(path: Path) -> None:
    slides = [scene((320, 240), (60 + 90 * n, 120, 80), background=40 + 80 * n) for n in range(3)]
    encode(path, slides, ticks=[0, 100, 200])


def several(path: Path) -> None:
    encode(path, moving_face(20, (240, 120, 70)))


def one_frame(path: Path) -> None:
    encode(path, moving_face(1))


SHORT: tuple[Callable[[Path], None], ...] = (
    variable,
    twelve_a_second,
    interlaced,
    duplicated,
    still,
    slide_show,
    several,
    one_frame,
)


def in_order(report: Report) -> None:
    """Everything that is promised of any report on a film that can be read."""
    assert report.error is None
    assert report.verdict is not None
    assert len(report.evidence) == len(detect.available())
    for answer in report.evidence:
        assert answer.note.endswith((".", "。"))
        assert answer.abstained or abs(answer.llr) <= float(answer.facts["max_abs_llr"])
    for face in report.faces:
        times_s = [frame.time_s for frame in face.frames]
        assert times_s == sorted(set(times_s))
    assert Report.from_json(report.to_json()) == report


@pytest.mark.parametrize("write", SHORT, ids=lambda write: write.__name__)
def test_an_odd_film_gets_evidence_or_a_reason(write: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "odd.mkv"
    write(path)
    report = examine(path)
    in_order(report)
    assert len(report.faces) == (2 if write is several else 3 if write is slide_show else 1)


def long(path: Path, **settings: object) -> Path:
    """Two minutes and a bit in which nobody is seen."""
    pictures: Sequence[Picture] = [scene((160, 120), background=100 + n) for n in range(10)]
    return encode(path, [pictures[n % 10] for n in range(260)], ticks_per_s=2, **settings)  # type: ignore[arg-type]


def without_index(path: Path) -> None:
    whole = long(path.with_name("whole.mkv"), options={"g": "10"})
    content = bytearray(whole.read_bytes())
    path.write_bytes(content[: round(0.99 * len(content))])


def damaged(path: Path) -> None:
    whole = long(path.with_name("whole.mkv"), options={"g": "10"})
    content = bytearray(whole.read_bytes())
    for place in range(len(content) // 2, len(content) // 2 + len(content) // 8, 61):
        content[place] ^= 0x5A
    path.write_bytes(content)


def one_key_frame(path: Path) -> None:
    long(path, options={"g": "1000", "sc_threshold": "0"})


def hole_of_an_hour(path: Path) -> None:
    long(path, ticks=[n if n < 150 else n + 7_200 for n in range(260)])


LONG: tuple[Callable[[Path], None], ...] = (
    without_index,
    damaged,
    one_key_frame,
    hole_of_an_hour,
)


@pytest.mark.parametrize("write", LONG, ids=lambda write: write.__name__)
def test_an_odd_long_film_is_examined_to_its_end(write: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "odd.mkv"
    write(path)
    seen_s: list[str] = []
    report = examine(path, state=tmp_path / "state", on_progress=lambda what, share: seen_s.append(what))
    in_order(report)
    assert report.verdict is not None
    assert report.verdict.band == "not_assessable"
    last = "1:02:00.0" if write is hole_of_an_hour else "02:00.0"
    assert any(what.startswith(f"piece {last}") for what in seen_s)
