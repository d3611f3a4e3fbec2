"""Peers: found by name, run from their own folder, judged on the looks that our examiner judges."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.faces_samples import portrait, scene
from unforge import weights
from unforge.bench import judge, network, peers
from unforge.detect import finegrained
from unforge.errors import UnknownName, WeightsError
from unforge.exhibit import Exhibit
from unforge.verdict import weigh


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A peer that is our own network under another name: its answers are known."""
    card = (weights.CARDS / "finegrained.toml").read_text("utf-8")
    (tmp_path / "xception.toml").write_text(card.replace('name = "finegrained"', 'name = "xception"', 1), "utf-8")
    shutil.copy(weights.card("finegrained").path, tmp_path / "xception.onnx")
    monkeypatch.setattr(peers, "FOLDER", tmp_path)
    monkeypatch.setattr(finegrained, "stratum", lambda *_: "clear")  # a peer has one calibration
    return tmp_path


def picture(path: Path, rgb: np.ndarray) -> Exhibit:
    cv2.imwrite(str(path), np.ascontiguousarray(rgb[..., ::-1]))
    return Exhibit(path)


def test_the_published_nets_are_there_by_name() -> None:
    assert {"mesonet4", "mesoinception4", "xception"} <= set(peers.available())
    with pytest.raises(UnknownName, match="mesonet4"):
        peers.load("nonsense")


@pytest.mark.parametrize("name", ["mesonet4", "mesoinception4", "xception"])
def test_a_peer_that_nobody_has_trained_says_how_to(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "FOLDER", tmp_path)
    with pytest.raises(WeightsError, match="unforge train peers"):
        peers.load(name)


def test_an_altered_file_is_never_run(folder: Path) -> None:
    with (folder / "xception.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(WeightsError, match="SHA-256"):
        peers.load("xception")


def test_an_incomplete_card_is_named(folder: Path) -> None:
    (folder / "xception.toml").write_text('name = "xception"\n')
    with pytest.raises(WeightsError, match="licence"):
        peers.load("xception")


@pytest.mark.usefixtures("folder")
def test_a_peer_judges_as_our_examiner_would_with_the_same_network(tmp_path: Path) -> None:
    exhibit = picture(tmp_path / "two.png", scene((1000, 500), (250, 220, 150), (740, 240, 130)))
    ours, theirs = finegrained.load().examine(exhibit), peers.load("xception").examine(exhibit)
    assert len(exhibit.tracks) == 2
    assert theirs.llr == pytest.approx(ours.llr, abs=1e-4)
    assert weigh([theirs]).band == weigh([ours]).band
    for one, two in zip(ours.regions, theirs.regions, strict=True):
        assert (one.track, one.box_px) == (two.track, two.box_px)
        assert one.llr == pytest.approx(two.llr, abs=1e-4)


@pytest.mark.usefixtures("folder")
def test_a_peer_abstains_where_faces_are_too_small(tmp_path: Path) -> None:
    said = peers.load("xception").examine(picture(tmp_path / "small.png", scene((640, 480), (320, 240, 45))))
    assert said.abstained
    assert said.llr == 0.0


@pytest.mark.usefixtures("folder")
def test_all_contestants_look_at_the_same_faces_and_are_named_with_their_networks(tmp_path: Path) -> None:
    contestants = judge.contestants(["finegrained"], ["xception"])
    assert [one.name for one in contestants] == [judge.OWN, "xception"]
    assert set(judge.sha256s(contestants)) >= {"finegrained", "xception", "face_landmark"}
    ours, theirs = judge.judge(picture(tmp_path / "face.png", portrait()), contestants)
    assert ours.llr == pytest.approx(theirs.llr, abs=1e-4)
    assert ours.frame_llrs == pytest.approx(theirs.frame_llrs, abs=1e-4)
    (tmp_path / "text.png").write_text("no picture")
    assert all(one.failed and one.abstained for one in judge.judge(Exhibit(tmp_path / "text.png"), contestants))


def test_a_network_sees_what_its_examiner_sees(tmp_path: Path) -> None:
    track = picture(tmp_path / "face.png", portrait()).tracks[0]
    one = network.judging(["finegrained"])[0]
    view = one.view(track.crops[0], track.crop_landmarks_px[0])
    assert view.shape == (one.size_px, one.size_px, 3)
    said = one.ask([view, view])
    assert said.masks is not None
    assert said.artefacts is not None
    judged = finegrained.load().judge(track)
    assert judged is not None
    assert said.logits == pytest.approx([judged.read.logits[0]] * 2, abs=1e-4)
    assert one.heats(said.masks)[0] == pytest.approx(judged.read.heats[0], abs=1e-4)


def test_of_calibrations_by_quality_that_of_clear_looks_is_taken() -> None:
    card = weights.card("finegrained")
    plain = card.details["calibration"]["clear"]
    steep = {**plain, "slope": 9.0}
    nested = weights.Card(
        card.name, card.file, card.sha256, card.licence, card.origin, card.purpose, card.feed,
        {**card.details, "calibration": {"small": plain, "clear": steep}},
    )  # fmt: skip
    assert network.Network(nested, b"").calibration.slope == 9.0
