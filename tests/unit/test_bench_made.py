"""Clips put together: the second person, the forged second."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.faces_samples import portrait
from unforge.bench.protocols import made
from unforge.cli import sample
from unforge.errors import UsageError
from unforge.evidence import Evidence, Region
from unforge.exhibit import Exhibit
from unforge.media.video import frames
from unforge.media.write import write_video


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip, the same with a red face, a clip of somebody else, and their manifest."""
    folder = tmp_path_factory.mktemp("films")
    for name in ("001", "003"):
        sample.make_clip(folder / f"{name}.mp4")
    track = Exhibit(folder / "001.mp4").tracks[0]
    x0, y0 = track.boxes_px[:, :2].min(axis=0).astype(int)
    x1, y1 = track.boxes_px[:, 2:].max(axis=0).astype(int)
    with frames(folder / "001.mp4") as source:
        seen = [(frame.rgb.copy(), frame.time_s) for frame in source]
    for rgb, _ in seen:
        rgb[y0:y1, x0:x1, 1:] //= 2
    write_video(folder / "001_002.mp4", (rgb for rgb, _ in seen), (time_s for _, time_s in seen), 18)
    lines = ["path,label,kind,dataset,method,split", "001.mp4,real,video,ffpp_c23,,val"]
    lines += ["003.mp4,real,video,ffpp_c23,,val", "001_002.mp4,fake,video,ffpp_c23,Deepfakes,val"]
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


class Oracle:
    """Knows the forgery: the face is red."""

    name, models = "oracle", ()

    def examine(self, exhibit: Exhibit) -> Evidence:
        regions = []
        for track in exhibit.tracks:
            middle = track.crops[:, 80:144, 80:144].astype(float).mean(axis=(1, 2))
            llrs = np.where(middle[:, 0] > 2.0 * middle[:, 1], 3.0, -3.0).tolist()
            regions.append(Region(0.0, 1.0, max(llrs), track.id))
            for time_s, llr in zip(track.times_s.tolist(), llrs, strict=True):
                regions.append(Region(time_s, time_s, llr, track.id, (0, 0, 9, 9)))
        llr = max(region.llr for region in regions)
        return Evidence("manipulated", "oracle", llr, "known.", tuple(regions), {"llr_manipulated": 1.0})


def test_who_knows_the_forgery_finds_person_and_second(films: Path) -> None:
    paths = (films / "001_002.mp4", films / "001.mp4", films / "003.mp4")
    cases = list(made.cases_of(*paths, method="m", examiners=[Oracle()], rng=np.random.default_rng(2)))
    assert [case.kind for case in cases] == [made.PEOPLE, made.SECOND]
    for case in cases:
        assert case.told
        assert case.flagged
        assert not case.calm_flagged


def test_a_run_tells_all_methods_and_each(films: Path) -> None:
    record = made.run(["finegrained"], films)
    assert list(record.rows) == [
        "two people: all methods", "two people: Deepfakes", "one second: all methods", "one second: Deepfakes",
    ]  # fmt: skip
    assert record.rows["two people: Deepfakes"]["louder"].n == 1
    assert set(record.rows["one second: Deepfakes"]) == {"named", "flagged", "found", "calm_flagged"}


def test_forth_and_back_never_repeats_a_look_at_once() -> None:
    order = made._there_and_back(7)
    assert len(order) == made.LASTS_S * made.RATE_HZ
    assert {abs(a - b) for a, b in pairwise(order)} == {1}


def test_without_forgeries_there_is_nothing_to_put_together(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("path,label,kind,dataset,method,split\na.mp4,real,video,ffpp_c23,,val\n")
    (tmp_path / "a.mp4").write_bytes(portrait().tobytes())
    with pytest.raises(UsageError, match="originals"):
        made.run(None, tmp_path)
