"""The protocol `explanation`: true places, curves that fall with the right place, maps that hang on weights."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.faces_samples import portrait
from unforge import metrics
from unforge.bench import figures, network, places
from unforge.bench.network import Answers, Network
from unforge.bench.protocols import explanation
from unforge.bench.protocols.explanation import Case
from unforge.cli import sample
from unforge.errors import UsageError
from unforge.train import changed
from unforge.train.fakes import ARTEFACTS
from unforge.weights.calibration import Calibration

SIDE = 64
PLACE = np.s_[16:32, 24:44]


class Reddish(Network):
    """A network whose logit and mask are how red a picture is, and where: its map is right by construction."""

    def __init__(self, artefacts: bool = True) -> None:
        super().__init__(network.packaged("finegrained").card, b"")
        self.__dict__["calibration"] = Calibration(1.0, 0.0, 9.0, 1, 1, (), 1.0, -1.0, 0.01)
        self.__dict__["outputs"] = ("logit", "mask")
        self.named = artefacts

    @property
    def size_px(self) -> int:
        return SIDE

    @property
    def mask_threshold(self) -> float:
        return 0.0

    def ask(self, views: Any) -> Answers:
        red = np.stack([view[..., 0].astype(np.float64) - view[..., 1] for view in views])
        masks = np.stack([cv2.resize(one, (SIDE // 4,) * 2, interpolation=cv2.INTER_AREA) for one in red / 20.0 - 1.0])
        artefacts = np.repeat(red.mean(axis=(1, 2))[:, None], len(ARTEFACTS), axis=1) if self.named else None
        return Answers(red.mean(axis=(1, 2)) - 2.0, masks.astype(np.float32), artefacts)


def case(n: int, artefacts: tuple[str, ...] | None = ("colour",)) -> Case:
    rng = np.random.default_rng(n)
    real = np.repeat(rng.integers(90, 120, (SIDE, SIDE, 1)), 3, axis=2).astype(np.uint8)
    forged, truth = real.copy(), np.zeros((SIDE, SIDE))
    forged[(*PLACE, 0)] += np.uint8(60)
    truth[PLACE] = 1.0
    return Case(forged, real, cv2.resize(truth, (16, 16), interpolation=cv2.INTER_AREA), str(n), artefacts)


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "ROUNDS", 30)


def test_a_map_that_is_right_gets_the_figures_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "scrambled", lambda *_: None)
    found = explanation.case_figures(Reddish(), [case(n) for n in range(6)])
    assert (found["mask_iou"].value, found["pointing"].value) == (1.0, 1.0)
    assert found["pointing"].low == pytest.approx(0.6097, abs=1e-4)  # Wilson's bound for 6 of 6
    assert found["ellipse_iou"].value is not None
    assert found["ellipse_iou"].value < 0.5
    assert found["marked_on_partners"].value == 0.0
    for less, more in (("deletion", "deletion_random"), ("insertion_random", "insertion")):
        low, high = found[less].value, found[more].value
        assert low is not None
        assert high is not None
        assert low < high - 0.05
    assert found["map_change"].value is None


def test_clips_count_once_however_many_looks_they_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "scrambled", lambda *_: None)
    wrong = replace(case(9), truth=np.roll(case(9).truth, 8, axis=0), artefacts=None)
    cases = [replace(wrong, group="a")] * 3 + [replace(case(1), group="b", artefacts=None)]
    found = explanation.case_figures(Reddish(), cases)
    assert (found["pointing"].value, found["pointing"].n) == (0.5, 2)
    assert "artefact_map" not in found


def test_artefacts_are_ranked_by_name_and_compared_to_chance() -> None:
    cases = [case(n, ("colour", "geometry") if n % 2 else ("noise",)) for n in range(8)]
    logits = np.zeros((8, len(ARTEFACTS)), np.float32)
    logits[1::2] = 1.0
    found = explanation._artefacts(Reddish(), cases, Answers(np.zeros(8), None, logits))
    assert found["artefact_map"].value == 1.0  # of the two that were injected in some and not in others
    assert found["artefact_map_chance"].value == 0.5
    with pytest.raises(UsageError, match="colour"):
        explanation._artefacts(Reddish(), cases, Answers(np.zeros(8), None, logits[:, :3]))
    assert explanation._artefacts(Reddish(), cases, Answers(np.zeros(8), None, None)) == {}


def test_a_partner_that_was_altered_as_a_whole_undoes_nothing() -> None:
    fitting = case(3)
    assert explanation.differs_at_its_place_alone(fitting)
    assert not explanation.differs_at_its_place_alone(replace(fitting, real=fitting.real + np.uint8(30)))


def test_likeness_is_a_rank_correlation() -> None:
    heat = np.arange(16.0).reshape(4, 4)
    assert places.likeness(heat, heat**3) == pytest.approx(1.0)
    assert places.likeness(heat, -heat) == pytest.approx(-1.0)
    assert np.isnan(places.likeness(heat, np.ones((4, 4))))


def test_shuffled_weights_change_what_a_network_says() -> None:
    pytest.importorskip("onnx", reason="needs the train extra: pip install unforge[train]")
    own = network.packaged("finegrained")
    view = portrait()[50 : 50 + own.size_px, 150 : 150 + own.size_px]
    first, again, other = (places.scrambled(own, seed) for seed in (1, 1, 2))
    assert first is not None
    assert again is not None
    assert other is not None
    logits = [float(one.ask([view]).logits[0]) for one in (own, first, again, other)]
    assert logits[1] == logits[2]
    assert len({logits[0], logits[1], logits[3]}) == 3


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample clip and its forgery, named like a target and what was made of it."""
    folder = tmp_path_factory.mktemp("films")
    sample.make_clip(folder / "001.mp4")
    sample.make_forged_clip(folder / "001_002.mp4")
    return folder


def test_the_place_of_a_forged_clip_is_where_it_differs_from_its_original(films: Path) -> None:
    """The sample's forgery replaces the face inside its outline: that is where the difference has to lie."""
    looks = changed.looks(films / "001_002.mp4", films / "001.mp4", 1.0, 4)
    assert len(looks) == 4
    own = network.packaged("finegrained")
    for look in looks:
        mask = changed.mask(own.view(look.forged, look.landmarks_px), own.view(look.original, look.landmarks_px))
        assert mask is not None
        assert mask.shape == (own.size_px,) * 2
        assert metrics.iou(mask, places.ellipse(own.size_px)) > 0.6
        assert look.forged.shape == look.original.shape
    assert changed.looks(films / "001_002.mp4", films / "nowhere.mp4", 1.0, 4) == []


def test_an_original_is_cut_to_the_forgery_and_another_film_is_refused() -> None:
    rgb = portrait()
    assert np.array_equal(changed.fitted(rgb, rgb[:, 10:-10]), rgb[:, 10:-10])  # type: ignore[arg-type]
    assert changed.fitted(rgb, np.ascontiguousarray(rgb[::-1])) is None
    assert changed.fitted(rgb[:100], rgb) is None


def test_a_run_measures_stills_and_clips(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanation, "CURVES", 1)
    monkeypatch.setattr(explanation, "SHUFFLES", 1)
    monkeypatch.setattr(explanation, "LOOKS_PER_CLIP", 2)
    for name in ("001.mp4", "001_002.mp4"):
        shutil.copy(films / name, tmp_path)
    for n in range(2):
        picture: NDArray[np.uint8] = np.ascontiguousarray(np.roll(portrait(), 9 * n, axis=1)[..., ::-1])
        cv2.imwrite(str(tmp_path / f"{n}.png"), picture)
    lines = ["path,label,kind,dataset,method,split", *(f"{n}.png,real,image,nasa,,val" for n in range(2))]
    lines += ["001.mp4,real,video,ffpp_c23,,val", "001_002.mp4,fake,video,ffpp_c23,Deepfakes,val"]
    lines += ["003_004.mp4,fake,video,ffpp_c23,Deepfakes,val"]  # without its original
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    found = explanation.run(["finegrained"], tmp_path)
    assert list(found.rows) == ["finegrained: self-blends", "finegrained: forged clips"]
    assert found.settings["clips"] == 1
    for row in found.rows.values():
        assert row["mask_iou"].value is not None
        assert 0.0 <= row["mask_iou"].value <= 1.0
        assert row["blur_deletion"].value is not None
    again = explanation.run(["finegrained"], tmp_path)
    assert again.rows == found.rows
    with pytest.raises(UsageError, match="peers"):
        explanation.run(["finegrained"], tmp_path, peers=["xception"])
