"""Data sets and the store of face crops."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.faces_samples import portrait
from unforge.errors import UsageError
from unforge.train import crops, datasets

HEAD = "path,label,kind,dataset,method,identity,split,licence\n"


def folder_with(tmp_path: Path, *rows: str) -> Path:
    (tmp_path / "manifest.csv").write_text(HEAD + "".join(row + "\n" for row in rows), "utf-8")
    return tmp_path


def test_a_manifest_lists_samples_in_its_order(tmp_path: Path) -> None:
    data = folder_with(tmp_path, "b.jpg,real,image,openforensics256,,,val,x", "a.mp4,fake,video,ffpp,Swap,,train,x")
    first, second = datasets.index("manifest", data)
    assert (first.path, first.label, first.central_face) == (data / "b.jpg", "real", True)
    assert (second.kind, second.method, second.split, second.central_face) == (
        "video",
        "Swap",
        "train",
        False,
    )


def test_rows_of_other_kinds_are_left_out(tmp_path: Path) -> None:
    assert datasets.index("manifest", folder_with(tmp_path, "a.csv,,text,reviews,,,train,x")) == []


def test_a_folder_without_manifest_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"manifest\.csv"):
        datasets.index("manifest", tmp_path)


def test_a_manifest_without_the_columns_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("path,label\n")
    with pytest.raises(UsageError, match="kind"):
        datasets.index("manifest", tmp_path)


def test_an_unknown_label_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="perhaps"):
        datasets.index("manifest", folder_with(tmp_path, "a.jpg,perhaps,image,x,,,val,x"))


def test_a_store_holds_the_face_of_every_file_that_has_one(tmp_path: Path) -> None:
    data = folder_with(
        tmp_path,
        "face.png,real,image,nasa,,,train,public",
        "broken.png,real,image,nasa,,,train,public",
        "grey.png,real,image,nasa,,,val,public",
    )
    cv2.imwrite(str(data / "face.png"), cv2.cvtColor(portrait(), cv2.COLOR_RGB2BGR))
    cv2.imwrite(str(data / "grey.png"), np.full((90, 90, 3), 99, np.uint8))
    (data / "broken.png").write_bytes(b"no picture")
    told: list[float] = []
    store = crops.build(datasets.index("manifest", data), tmp_path / "store", told.append, processes=1)
    assert [Path(row["path"]).name for row in store.rows] == ["face.png"]
    assert told[-1] == 1.0
    assert store.crops.shape == (1, 224, 224, 3)
    assert 0 < store.landmarks_px.min() < store.landmarks_px.max() < 224
    assert store.where(label="real", split="train").tolist() == [0]
    again = crops.build(datasets.index("manifest", data), tmp_path / "store")
    assert again.rows == store.rows
