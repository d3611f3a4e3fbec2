"""What fusion is learned from: held-out material only, untouched and forged alike, asked once."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.faces_samples import portrait
from tests.film_samples import moving
from unforge.media.write import write_video
from unforge.train import datasets, heard, moves
from unforge.train.material import Material


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rows = [["path", "label", "kind", "dataset", "method", "split", "identity"]]
    for n in range(12):
        cv2.imwrite(str(folder / f"{n}.png"), np.ascontiguousarray(np.roll(portrait(), 7 * n, axis=1)[..., ::-1]))
        rows.append([f"{n}.png", "real", "image", "made", "", "train", ""])
    film = moving(33)
    for n in range(4):
        write_video(folder / f"{n}.mp4", np.roll(film.rgb, 3 * n, axis=2), film.times_s, 20 + n)
        rows.append([f"{n}.mp4", "real", "video", "made", "", "train", f"person {n}"])
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return folder


def test_only_held_out_people_are_asked_about_and_only_once(data: Path, tmp_path: Path) -> None:
    samples = datasets.index("manifest", data)
    seen = Material.of(samples, tmp_path / "store")
    held = [n for n, row in enumerate(seen.store.rows) if row["kind"] == "image" and seen.held_out(row)]
    found = heard.listen(seen, [], ["seam"], tmp_path / "heard")
    assert sum(one.kind == "held-out stills" for one in found) == len(held)
    assert sum(one.fake for one in found) == len(held)
    assert {source for one in found for source in one.said} == {"seam-1"}
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "heard").iterdir()}
    assert heard.listen(seen, [], ["seam"], tmp_path / "heard") == found
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "heard").iterdir()} == files


def test_a_stretch_forged_frame_by_frame_is_forged_in_the_same_way_throughout(data: Path, tmp_path: Path) -> None:
    seen = Material.of(datasets.index("manifest", data), tmp_path / "store")
    clip = moving(32)
    forged = heard.framewise(clip, "self_blend", seen.donors, np.random.default_rng(1))
    change = np.abs(forged.rgb.astype(float) - clip.rgb).mean(axis=(1, 2, 3))
    assert change.min() > 0.0
    assert change.std() < 0.5 * change.mean()
    assert moves.FAMILIES.keys() >= {"flicker", "kinematic"}
