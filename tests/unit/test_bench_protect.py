"""The protocol `protect`: who is measured, in which rows, and what is told of what could not be measured."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.faces_samples import scene
from tests.film_samples import moving
from tests.media_samples import encode
from unforge.bench import _protect_film as film
from unforge.bench import material
from unforge.bench.protocols import cloaks, protect
from unforge.bench.record import Record
from unforge.errors import UsageError
from unforge.protect.targets import Picture, Points, Target, aligned
from unforge.protect.ways import ATTACKERS, CHANNELS


def edited(rgb: Picture, mesh_px: Points) -> NDArray[np.float32]:
    """A program that darkens faces, and breaks on those with light corners."""
    light = rgb[:4, :4].mean() > 200
    return np.clip(aligned(rgb, mesh_px) - 0.6 + (0.9 if light else 0.0), -1.0, 1.0)[None]


def cloaked(rgb: Picture, meshes_px: Sequence[Points]) -> Picture:
    changed = rgb.copy()
    changed[:16, :16] = 255
    return changed


@pytest.fixture
def data(tmp_path: Path) -> Path:
    lines = ["path,label,kind,dataset,method,split"]
    for n, split in enumerate(("val", "val", "val", "train")):
        rgb = scene((320, 300), (160, 150, 90 + 5 * n), background=90)
        cv2.imwrite(str(tmp_path / f"{n}.png"), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        lines.append(f"{n}.png,real,image,mine,,{split}")
    cv2.imwrite(str(tmp_path / "empty.png"), scene((320, 300)))
    lines += ["empty.png,real,image,mine,,val", "3.png,fake,image,mine,swap,val", "film.mp4,real,video,mine,,val"]
    encode(tmp_path / "film.mp4", list(moving(12).rgb), ticks_per_s=25)
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """One target, few channels, one process, a film of ten frames without a cloak on it."""
    editor = Target("editor-1", "editor", True, None, True, edited)
    monkeypatch.setattr(protect, "WORKERS", 0)
    monkeypatch.setattr(protect, "FACES", 2)
    monkeypatch.setattr(protect, "known_targets", lambda: (editor,))
    monkeypatch.setattr(protect.attacker, "can_train", lambda: False)
    chosen = {"as saved", "JPEG 75", "long side 2048"}
    monkeypatch.setattr(protect, "CHANNELS", [one for one in CHANNELS if one.name in chosen])
    monkeypatch.setattr(film, "FRAMES", 10)
    monkeypatch.setattr(film, "JUDGED", 7)
    monkeypatch.setattr(film, "CRFS", (23,))
    monkeypatch.setattr(film, "live_cloak", Unchanged)


class Unchanged:
    seen = 1

    def frame(self, rgb: Picture, time_s: float) -> Picture:
        return rgb


@pytest.mark.usefixtures("small")
def test_a_record_has_a_row_for_each_way_and_no_pooled_one(data: Path) -> None:
    told: list[str] = []
    found = protect.measured(cloaked, {"cloak": "0" * 64}, data, "val", lambda what, done: told.append(what))
    attacked = [f"editor-1, {channel}, {one.name}" for channel in protect.ATTACKED for one in ATTACKERS]
    assert set(found.rows) == {*attacked, "quality", "film at CRF 23", "editor-1, film at CRF 23, no attacker", "speed"}
    clean = found.rows["editor-1, as saved, no attacker"]
    assert (clean["success"].value, clean["success"].n) == (1.0, 2)
    assert clean["no_change"].value == 0.0
    assert found.settings["channels_without_effect"] == "long side 2048"
    assert "fine-tuned generator" in str(found.settings["missing"])
    assert "editor-2" in str(found.settings["missing"])
    assert found.rows["film at CRF 23"]["flicker"].value == pytest.approx(0.0, abs=0.4)  # what the coder adds
    assert found.rows["speed"]["cloak_ms"].n == 2
    assert {"finding faces", "judging", "films"} <= set(told)
    assert Record.from_json(found.to_json()) == found


@pytest.mark.usefixtures("small")
def test_retraining_uses_faces_of_the_other_split(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taught: list[int] = []

    def fine_tuned(target: Target, pairs: Sequence[object], tell: object) -> Target:
        taught.append(len(pairs))
        return target

    monkeypatch.setattr(protect.attacker, "can_train", lambda: True)
    monkeypatch.setattr(protect.attacker, "fine_tuned", fine_tuned)
    monkeypatch.setattr(protect, "_clips", lambda data, split: [])
    found = protect.measured(cloaked, {}, data, "val", lambda what, done: None)
    assert taught == [1]
    assert "editor-1, JPEG 75, fine-tuned generator" in found.rows
    assert "fine-tuned" not in str(found.settings["missing"])


def test_what_cannot_be_measured_is_refused_with_what_to_do(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protect, "TARGETS", data / "targets")
    with pytest.raises(UsageError, match="unforge train targets"):
        protect.run(None, data)
    with pytest.raises(UsageError, match="examiners"):
        protect.run(["seam"], data)
    with pytest.raises(UsageError, match="peers"):
        protect.run(None, data, peers=["xception"])
    with pytest.raises(UsageError, match="clips"):
        protect.run(None, data, listed=data / "manifest.csv")


@pytest.mark.usefixtures("small")
def test_a_split_without_faces_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = [item for item in material.read(data, "val", "image") if item.path == "empty.png"]
    monkeypatch.setattr(material, "read", lambda *_: empty)
    with pytest.raises(UsageError, match="48 px"):
        protect.measured(cloaked, {}, data, "val", lambda what, done: None)


@pytest.mark.usefixtures("small")
def test_louder_cloaks_are_measured_beside_the_ordinary_one(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = Target("editor-1", "editor", True, None, True, edited)
    monkeypatch.setattr(cloaks, "known_targets", lambda: (editor,))
    monkeypatch.setattr(cloaks, "TARGETS", data)
    monkeypatch.setattr(cloaks, "networks", dict)
    monkeypatch.setattr(cloaks, "FACES", 2)
    monkeypatch.setattr(cloaks, "AFTER", ("as saved", "JPEG 75"))
    monkeypatch.setattr(cloaks, "_can_optimise", lambda: False)
    found = cloaks.run(None, data)
    assert {f"editor-1, {channel}, drawn at {strength}" for channel in cloaks.AFTER for strength in (1, 2)} <= {
        *found.rows
    }
    quiet, loud = (found.rows[f"quality, drawn at {strength}"]["psnr_face_db"].value for strength in (1, 2))
    assert quiet is not None
    assert loud is not None
    assert loud < quiet
    assert "optimised" in str(found.settings["missing"])


def test_ways_of_cloaking_that_are_no_examiners_are_told(data: Path) -> None:
    with pytest.raises(UsageError, match="no examiners"):
        cloaks.run(["seam"], data)
