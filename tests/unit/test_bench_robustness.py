"""The protocol `robustness`: conditions do what they say, crops are where they should be, losses are paired."""

from pathlib import Path

import numpy as np
import pytest

from tests.faces_samples import portrait, scene
from unforge.bench import figures, judge, network
from unforge.bench.protocols import robustness
from unforge.bench.protocols.robustness import NOTHING, OWN_CROP, UNTOUCHED, Score
from unforge.cli import sample
from unforge.errors import UsageError
from unforge.faces import align
from unforge.media.frame import Frame


@pytest.fixture(scope="module")
def kept() -> list[Frame]:
    """Two seconds of a portrait that moves a little."""
    part = portrait()[40:260, 110:330]
    return [Frame(n / 25.0, np.ascontiguousarray(np.roll(part, n % 4, axis=1))) for n in range(50)]


def test_looks_are_taken_at_the_step_of_the_examiner(kept: list[Frame]) -> None:
    times_s = [frame.time_s for frame in robustness._looks(kept)]
    assert times_s == pytest.approx([0.0, 0.28, 0.52, 0.76, 1.0, 1.28, 1.52, 1.76])


def test_every_condition_keeps_the_moments_and_all_but_one_change_the_pictures(kept: list[Frame]) -> None:
    looks = robustness._looks(kept)
    for name, condition in robustness.conditions().items():
        found = robustness._looks(condition(kept))
        assert [frame.time_s for frame in found] == pytest.approx([frame.time_s for frame in looks], abs=2e-3), name
        if name == "half size":
            assert found[0].rgb.shape == (110, 110, 3)
            continue
        change = np.mean([np.abs(a.rgb.astype(float) - b.rgb).mean() for a, b in zip(found, looks, strict=True)])
        assert (change == 0.0) == (name == UNTOUCHED), name
        assert change < 8.0, name


def test_a_coarser_code_changes_more(kept: list[Frame]) -> None:
    looks = robustness._looks(kept)

    def change(crf: int) -> float:
        found = robustness._looks(robustness.conditions()[f"H.264, CRF {crf}"](kept))
        return float(np.mean([np.abs(a.rgb.astype(float) - b.rgb).mean() for a, b in zip(found, looks, strict=True)]))

    assert change(18) < change(28) < change(35)


def test_all_finders_see_the_same_face() -> None:
    rgb = scene((400, 400), (200, 200, 130))
    centres = []
    for name, (finder, _) in robustness.crops().items():
        points = finder(rgb)
        assert points is not None, name
        assert points.shape == (468, 2)
        centres.append((points.min(axis=0) + points.max(axis=0)) / 2.0)
    assert np.ptp(np.array(centres), axis=0).max() < 20.0


def test_a_finder_without_a_face_says_so() -> None:
    empty = np.full((200, 200, 3), 120, np.uint8)
    assert all(finder(empty) is None for finder, _ in robustness.crops().values())


def test_a_box_alone_is_cropped_level_and_as_wide_as_its_margin() -> None:
    points = robustness._as_mesh(np.array([20.0, 40.0, 120.0, 140.0], np.float32))
    matrix = align.face_square(points, 1.5, 150)
    assert matrix == pytest.approx(np.array([[1.0, 0.0, 5.0], [0.0, 1.0, -15.0]]))


def test_what_is_kept_holds_the_face_with_room_for_the_widest_crop(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    sample.make_clip(path)
    part = robustness.kept_part(path)
    assert part is not None
    assert part.frames[-1].time_s == pytest.approx(robustness.SECONDS, abs=0.05)
    rgb = part.frames[10].rgb
    points = robustness._by_blazeface(rgb)
    assert points is not None
    assert rgb.shape[0] < sample.SIDE_PX
    centre = (points.min(axis=0) + points.max(axis=0)) / 2.0
    reach = 0.9 * float(np.max(np.ptp(points, axis=0)))
    assert (centre - reach >= -1.0).all()
    assert (centre + reach <= np.array(rgb.shape[1::-1]) + 1.0).all()


def test_a_file_that_does_not_decode_counts_as_nothing_judged(tmp_path: Path) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"nothing")
    scores = robustness.scores_of(path, (judge.Contestant(judge.OWN, (), {}),), network.judging(["finegrained"]))
    assert set(scores.values()) == {NOTHING}
    assert len(scores) == len(robustness.conditions()) + len(robustness.crops())


def test_the_loss_is_what_the_condition_takes_from_the_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "ROUNDS", 50)
    fakes = np.array([False, False, True, True])
    good, half, bad = ([Score(v, False) for v in values] for values in ((0, 1, 2, 3), (0, 2, 1, 3), (3, 2, 1, 0)))
    scores = {
        ("finegrained", OWN_CROP): good,
        ("finegrained", "network, Haar faces"): half,
        (judge.OWN, UNTOUCHED): good,
        (judge.OWN, "half size"): [*bad[:2], NOTHING, NOTHING],
        ("peer", UNTOUCHED): half,
    }
    rows = robustness._rows(scores, fakes, [judge.OWN, "finegrained"])
    assert list(rows) == [UNTOUCHED, "half size", OWN_CROP, "network, Haar faces", f"peer: {UNTOUCHED}"]
    assert "loss" not in rows[UNTOUCHED]
    assert (rows["half size"]["loss"].value, rows["half size"]["abstained"].value) == (1.0, 0.5)
    assert rows["network, Haar faces"]["loss"].value == 0.25
    low = rows["network, Haar faces"]["loss"].low
    assert low is not None
    assert low >= 0.0  # on no resample is the crop better


def test_a_run_judges_every_clip_under_every_condition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "ROUNDS", 20)
    monkeypatch.setattr(robustness, "SECONDS", 0.3)
    for name, make in (("a", sample.make_clip), ("b", sample.make_forged_clip)):
        make(tmp_path / f"{name}.mp4")
    lines = ["path,label,kind,dataset,method,split"]
    lines += ["a.mp4,real,video,ffpp_c23,,val", "b.mp4,fake,video,ffpp_c23,Deepfakes,val", "c.mp4,real,video,o,,val"]
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    found = robustness.run(["finegrained"], tmp_path)
    assert list(found.rows) == [*robustness.conditions(), *robustness.crops()]
    assert all(row["auc"].n == 2 for row in found.rows.values())
    assert found.rows[UNTOUCHED]["abstained"].value == 0.0
    assert set(found.weights) >= {"finegrained", "face_landmark"}
    (tmp_path / "manifest.csv").write_text("\n".join([lines[0], lines[3]]) + "\n")
    with pytest.raises(UsageError, match="ffpp_c23"):
        robustness.run(["finegrained"], tmp_path)
