"""What parts and families are worth: variants of one net on the same forgeries."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.faces_samples import portrait
from unforge.bench import network, variants
from unforge.bench.protocols import ablation, cues, leave_one_family_out
from unforge.cli import sample
from unforge.errors import UsageError, WeightsError
from unforge.train import fakes
from unforge.train.fakes.self_blend import SINGLE_CUES


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two pictures of faces with their manifest."""
    lines = ["path,label,kind,dataset,method,split"]
    for n in range(2):
        picture = np.ascontiguousarray(np.roll(portrait(), 9 * n, axis=1)[..., ::-1])
        cv2.imwrite(str(tmp_path / f"{n}.png"), picture)
        lines.append(f"{n}.png,real,image,nasa,,val")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped network under the names of variants: all of them are the same."""
    folder = tmp_path / "ablation"
    folder.mkdir()
    monkeypatch.setattr(variants, "FOLDER", folder)
    return folder


def _keep(folder: Path, name: str) -> None:
    own = network.packaged("finegrained")
    (folder / f"{name}.onnx").write_bytes(own.content)
    fields = ("licence", "origin", "purpose", "feed")
    lines = [f"{field} = 'as shipped'" for field in fields]
    lines += [f"name = '{name}'", f"file = '{name}.onnx'", f"sha256 = '{own.card.sha256}'"]
    lines += [f"size_px = {own.size_px}", f"margin = {own.margin}"]
    (folder / f"{name}.toml").write_text("\n".join(lines) + "\n")


def test_the_same_network_gains_nothing(data: Path, folder: Path) -> None:
    for name in ("full", "without-warp", "without-attention"):
        _keep(folder, name)
    record = ablation.run(None, data)
    assert list(record.rows) == ["full", "without-attention", "without-warp"]
    assert record.settings["pairs"] == 2 * len(fakes.available())
    assert record.rows["without-warp"]["gain"].value == 0.0
    assert record.rows["full"]["auc"] == record.rows["without-attention"]["auc"]
    assert record.rows["full"]["mask_iou"].value is not None


def test_ways_to_pool_looks_are_compared_on_clips(tmp_path: Path) -> None:
    sample.make_clip(tmp_path / "001.mp4")
    sample.make_forged_clip(tmp_path / "001_002.mp4")
    (tmp_path / "gone.mp4").write_bytes(b"no film")
    lines = ["path,label,kind,dataset,method,split", "001.mp4,real,video,ffpp_c23,,val"]
    lines += [f"{name}.mp4,fake,video,ffpp_c23,Deepfakes,val" for name in ("001_002", "gone")]
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    rows = ablation._pooling(tmp_path, "val", None)
    assert list(rows) == [f"pooling: {name}" for name in ablation.POOLING]
    assert all(row["auc"].n == 3 for row in rows.values())
    assert "gain" not in rows["pooling: mean of all looks"]


def test_a_family_left_out_is_asked_of_the_net_that_lacks_it(data: Path, folder: Path) -> None:
    for name in ("full", "without-warp", "without-part-swap", "without-attention"):
        _keep(folder, name)
    record = leave_one_family_out.run(None, data)
    assert list(record.rows) == ["part_swap", "warp", "mean", "worst"]
    assert record.settings["pairs"] == 4
    for row in record.rows.values():
        assert row["unseen_auc"].value == row["seen_auc"].value
    worst, mean = record.rows["worst"]["unseen_auc"].value, record.rows["mean"]["unseen_auc"].value
    assert worst is not None
    assert mean is not None
    assert worst <= mean


def test_what_is_missing_is_told_with_the_way_to_make_it(data: Path, folder: Path) -> None:
    with pytest.raises(UsageError, match="unforge train ablation"):
        ablation.run(None, data)
    _keep(folder, "full")
    with pytest.raises(UsageError, match="without-FAMILY"):
        leave_one_family_out.run(None, data)
    shutil.copy(folder / "full.onnx", folder / "without-warp.onnx")
    with pytest.raises(WeightsError, match="unforge train ablation"):
        leave_one_family_out.run(None, data)


def test_every_cue_is_asked_of_the_whole_face_and_of_the_mouth(data: Path) -> None:
    record = cues.run(["finegrained"], data)
    assert list(record.rows) == [f"finegrained: {cue}" for cue in SINGLE_CUES]
    for row in record.rows.values():
        assert set(row) == {"face", "mouth"}
        assert all(value.value is not None and 0.0 <= value.value <= 1.0 for value in row.values())


@pytest.mark.parametrize("name", ["without-warp", "without-part-swap"])
def test_a_variant_tells_which_family_it_lacks(name: str) -> None:
    assert variants.left_out(name) in fakes.available()


@pytest.mark.parametrize("name", ["full", "without-attention", "with-second-look"])
def test_other_variants_lack_none(name: str) -> None:
    assert variants.left_out(name) is None
