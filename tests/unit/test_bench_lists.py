"""DeepfakeBench-style lists: read as they come, and measured like clips."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.faces_samples import portrait
from unforge.bench import figures, judge, lists
from unforge.bench.judge import Judgement
from unforge.bench.protocols import clips
from unforge.cli import main
from unforge.errors import UsageError


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), "utf-8")
    return path


def video(label: object, *frames: str) -> dict[str, Any]:
    return {"label": label, "frames": list(frames)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("own/real/000/0.png", "own/real/000/1.png", "own/fake/000_001/0.png", "own/fake/000_001/1.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_levels_are_found_whatever_their_order_and_paths_whatever_their_start(root: Path) -> None:
    content = {
        "Made": {
            "Made-real": {"test": {"c23": {"000": video("Made-real", "datasets\\own\\real\\000\\0.png")}}},
            "Made-DF": {"c23": {"test": {"000_001": video("Made-DF", "/elsewhere/own/fake/000_001/0.png")}}},
        },
        "Plain": {"Plain_Real": {"test": {"a": video("Plain_Real", "own/real/000/1.png")}}},
    }
    real, fake, plain = lists.read(write(root / "list.json", content), root, "test")
    assert (real.dataset, real.fake, real.method, real.frames) == ("Made c23", False, "", ("own/real/000/0.png",))
    assert (fake.dataset, fake.fake, fake.method) == ("Made c23", True, "Made-DF")
    assert fake.frames == ("own/fake/000_001/0.png",)
    assert (plain.dataset, plain.fake, plain.name) == ("Plain", False, "Plain/Plain_Real/a")


@pytest.mark.parametrize(
    ("label", "fake"), [("FF-real", False), ("DFDC_Real", False), (0, False), (1, True), ("FF-DF", True)]
)
def test_a_label_is_read_as_word_or_number(root: Path, label: object, fake: bool) -> None:
    content = {"Set": {"any": {"train": {"v": video(label, "own/real/000/0.png")}}}}
    assert [found.fake for found in lists.read(write(root / "list.json", content), root, "train")] == [fake]


def test_of_a_long_video_frames_are_taken_evenly(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "FRAMES_PER_VIDEO", 3)
    content = {"Set": {"real": {"val": {"v": video("real", *[f"own/real/000/{n}.png" for n in range(9)])}}}}
    (found,) = lists.read(write(root / "list.json", content), root, "val")
    assert [Path(frame).stem for frame in found.frames] == ["0", "4", "8"]


def test_what_is_wrong_with_a_list_is_told(root: Path) -> None:
    good = {"Set": {"real": {"val": {"v": video("real", "own/real/000/0.png")}}}}
    with pytest.raises(UsageError, match="it has val"):
        lists.read(write(root / "list.json", good), root, "test")
    with pytest.raises(UsageError, match="it has none"):
        lists.read(write(root / "list.json", {"Set": []}), root, "test")
    missing = {"Set": {"real": {"val": {"v": video("real", "own/nowhere.png")}}}}
    with pytest.raises(UsageError, match=r"nowhere\.png"):
        lists.read(write(root / "list.json", missing), root, "val")
    (root / "list.json").write_text("{")
    with pytest.raises(UsageError, match="JSON"):
        lists.read(root / "list.json", root, "val")


def test_a_video_is_the_mean_of_its_frames_that_could_be_judged() -> None:
    def frame(llr: float, abstained: bool = False) -> Judgement:
        return Judgement(llr, np.array([] if abstained else [llr]), llr > 2.0, abstained, False, 0.5)

    found = judge.mean([frame(3.0), frame(1.0), frame(0.0, abstained=True)])
    assert (found.llr, found.abstained, found.flagged, found.elapsed_s) == (2.0, False, False, 1.5)
    assert found.frame_llrs.tolist() == [3.0, 1.0]
    assert judge.mean([frame(0.0, abstained=True)] * 2).abstained


def test_each_set_of_a_list_has_its_rows_and_all_sets_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "ROUNDS", 20)

    def judged(exhibit: Any, all_contestants: Any, central_face: bool = False) -> list[Judgement]:
        assert central_face
        llr = 2.0 if "fake" in str(exhibit.path) else -2.0
        return [Judgement(llr, np.array([llr]), False, False, False, 0.1)] * len(all_contestants)

    monkeypatch.setattr(judge, "contestants", lambda *_: (judge.Contestant(judge.OWN, (), {}),))
    monkeypatch.setattr(judge, "judge", judged)
    one = {
        "real": {"test": {"0": video("real", "own/real/000/0.png")}},
        "DF": {"test": {"1": video("DF", "own/fake/000_001/0.png")}},
        "FS": {"test": {"2": video("FS", "own/fake/000_001/1.png")}},
    }
    listed = write(root / "public.json", {"One": one, "Two": {name: one[name] for name in ("real", "DF")}})
    found = clips.run(None, root, "test", listed=listed)
    rows = [row for row in found.rows if not row.startswith("stated ")]
    assert rows == ["One DF", "One FS", "One", "Two", "all sets"]
    assert found.rows["One"]["video_auc"].value == 1.0
    assert found.name == "clips-public-test"


def test_a_list_is_measured_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the examiner itself: the portrait as it is, and with a face from another light."""
    forged = portrait()
    forged[70:180, 180:270] = np.clip(forged[70:180, 180:270] * np.array([1.2, 0.9, 0.8]), 0, 255).astype(np.uint8)
    for name, rgb in (("real", portrait()), ("fake", forged)):
        for n in range(2):
            shifted = np.ascontiguousarray(np.roll(rgb, 3 * n, axis=1)[..., ::-1])
            cv2.imwrite(str(tmp_path / f"{name}{n}.png"), shifted)
    content = {
        "Made": {
            "Made-real": {"test": {"000": video("Made-real", "real0.png", "real1.png")}},
            "Made-DF": {"test": {"001": video("Made-DF", "fake0.png", "fake1.png")}},
        }
    }
    listed = write(tmp_path / "Made.json", content)
    arguments = ["bench", "clips", "--data", str(tmp_path), "--list", str(listed), "--split", "test"]
    assert main.main([*arguments, "--with", "finegrained", "--out", str(tmp_path / "out")]) == 0
    assert "| Made | 2 |" in capsys.readouterr().out
    kept = json.loads((tmp_path / "out" / "clips-Made-test-finegrained.json").read_text("utf-8"))
    assert kept["rows"]["Made"]["abstained_real"][0] == kept["rows"]["Made"]["abstained_fake"][0] == 0.0
