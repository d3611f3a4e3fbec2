"""Only a part is forged: the second person in a picture, one second of ten. The whole way, from files to a report."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unforge import Report, examine
from unforge.cli import sample
from unforge.explain import locate
from unforge.media.video import frames
from unforge.media.write import write_video

RATE_HZ = 25.0
FORGED_S = (6.0, 7.0)

Pictures = list[NDArray[np.uint8]]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pictures, Pictures]:
    """The frames of the sample clip, untouched and forged."""
    folder = tmp_path_factory.mktemp("films")
    sample.make_clip(folder / "calm.mp4")
    sample.make_forged_clip(folder / "forged.mp4")
    found = []
    for name in ("calm", "forged"):
        with frames(folder / f"{name}.mp4") as source:
            found.append([frame.rgb.copy() for frame in source])
    return found[0], found[1]


def film(path: Path, pictures: Pictures) -> Report:
    write_video(path, pictures, [n / RATE_HZ for n in range(len(pictures))])
    return examine(path)


@pytest.mark.parametrize("forged_left", [True, False])
def test_the_forged_person_of_two_is_found(films: tuple[Pictures, Pictures], forged_left: bool, tmp_path: Path) -> None:
    calm, forged = films
    beside = [rgb[:, ::-1] for rgb in calm]
    pairs = zip(forged, beside, strict=True) if forged_left else zip(beside, forged, strict=True)
    report = film(tmp_path / "two.mp4", [np.hstack(pair) for pair in pairs])
    assert len(report.faces) == 2
    suspected, other = sorted(report.faces, key=lambda face: -(face.llr or 0.0))
    assert (suspected.frames[0].box_px[0] < calm[0].shape[1] // 2) == forged_left
    assert suspected.llr is not None
    assert other.llr is not None
    assert suspected.llr > 1.0 > other.llr
    assert {finding.track for finding in report.findings} <= {suspected.track}


def test_the_forged_second_of_ten_is_named(films: tuple[Pictures, Pictures], tmp_path: Path) -> None:
    calm, forged = films
    order = [*range(len(calm)), *range(len(calm) - 2, 0, -1)]
    order = (order * 2)[: round(10 * RATE_HZ)]
    pictures = [(forged if FORGED_S[0] <= k / RATE_HZ < FORGED_S[1] else calm)[n] for k, n in enumerate(order)]
    report = film(tmp_path / "second.mp4", pictures)
    assert report.verdict is not None
    assert report.verdict.band in ("manipulated", "inconclusive")
    span = locate.span_s(locate.of_track(report.evidence, report.faces[0].track))
    assert span is not None
    assert FORGED_S[0] - 0.3 <= span[0] <= span[1] <= FORGED_S[1] + 0.3
