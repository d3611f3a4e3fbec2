"""The protocol `hashes` on pictures made by code."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.moderate.hash_samples import scene
from unforge.bench import _hashes_edits as edits
from unforge.bench import _hashes_material as material
from unforge.bench import protocols
from unforge.errors import UsageError

VAL, TRAIN = 5, 9


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sets; one photograph of the validation split is there twice, a moment later."""
    folder = tmp_path_factory.mktemp("data")
    names = ("path", "label", "kind", "dataset", "method", "identity", "split", "licence", "source_sha256")
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for n in range(VAL + TRAIN):
            rgb = scene(n) if n != VAL else np.roll(scene(0), 6, axis=1)
            Image.fromarray(rgb).save(folder / f"{n}.png")
            split = "val" if n < VAL else "train"
            writer.writerow((f"{n}.png", "real", "image", "ab"[n % 2], "", "", split, "", ""))
    return folder


def test_what_is_known_is_found_after_every_edit_and_a_second_photograph_is_no_false_match(data: Path) -> None:
    record = protocols.load("hashes").run(None, data, "val", banked=20, queries=VAL)
    for name in edits.EDITS:
        assert record.rows[name]["recall"].value == 1.0
        assert record.rows[name]["recall"].n == VAL
    assert record.rows["crop 10 %"]["recall_plain"].value == 0.0
    assert record.rows["JPEG 30"]["recall_plain"].value == 1.0
    pairs = record.rows["unrelated pairs"]
    assert pairs["false_per_100000"].value == 0.0
    assert pairs["same_sitting_per_100000"].value > 0.0
    assert pairs["nearest_in_limits"].value > 1.0
    assert record.settings["bank_pictures"] == 20


def test_other_things_are_refused(data: Path) -> None:
    run = protocols.load("hashes").run
    with pytest.raises(UsageError, match="no examiners"):
        run(["seam"], data)
    with pytest.raises(UsageError, match="manifest"):
        run(None, None)


def test_the_first_stills_are_of_many_sets(data: Path) -> None:
    assert [one.dataset for one in material.stills(data, "val")[:4]] == ["a", "b", "a", "b"]


def test_points_tell_one_photograph_from_two() -> None:
    assert material.one_photograph(scene(3), edits.turned(scene(3), np.random.default_rng(1)))
    assert not material.one_photograph(scene(3), scene(4))
    assert not material.one_photograph(scene(3), np.zeros((40, 40, 3), np.uint8))


@pytest.mark.parametrize("name", edits.EDITS)
def test_edits_are_what_they_say_and_do_not_touch_the_original(name: str) -> None:
    rgb = scene(2)
    before = rgb.copy()
    changed = edits.EDITS[name](rgb, np.random.default_rng(1))
    assert np.array_equal(rgb, before)
    assert changed.dtype == np.uint8
    height, width = changed.shape[:2]
    wanted = {"crop 5 %": (342, 456), "crop 10 %": (324, 432), "half size": (180, 240), "border, black": (440, 560)}
    assert (height, width) == wanted.get(name, (height, width))
    assert changed.shape != rgb.shape or not np.array_equal(changed, rgb)
