"""The protocol `scene`: figures are ranked by class, people stay together, and nothing is learned from those judged."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests import film_samples
from tests.faces_samples import FACE_BOX, portrait
from unforge import faces
from unforge.bench import figures
from unforge.bench.material import Item
from unforge.bench.protocols import robustness
from unforge.bench.protocols import scene as protocol
from unforge.bench.protocols.scene import Read
from unforge.errors import UsageError
from unforge.media.frame import Frame
from unforge.media.probe import MediaFacts


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "ROUNDS", 20)


def read(fake: bool, group: int = -1, **found: float) -> Read:
    return Read(Item("a.mp4", fake, "video", "ffpp_c23", ""), found, group)


def drawn(gap: float, count: int = 60, seed: int = 1) -> list[Read]:
    """Half of them forged, whose noise is larger by `gap` deviations."""
    rng = np.random.default_rng(seed)
    return [
        read(bool(n % 2), n // 4, noise_ratio=float(np.exp(rng.normal(gap * (n % 2), 1.0))), ela_ratio=1.0 + 0.01 * n)
        for n in range(count)
    ]


def test_a_figure_is_ranked_where_both_classes_have_it() -> None:
    some = [read(True, noise_ratio=2.0), read(True), read(True), read(False, noise_ratio=1.0), read(False), read(False)]
    found = protocol.row(some, ("noise_ratio",), "video", together=False)
    assert "noise_ratio" not in found  # known of one of each class only
    assert found["unusual"].n == 6
    found = protocol.row(drawn(3.0), ("noise_ratio",), "video", together=False)
    assert (found["noise_ratio"].value or 0.0) > 0.9
    assert found["noise_ratio"].low is not None
    assert protocol.row([read(True, noise_ratio=1.0)] * 9, ("noise_ratio",), "video") == {}


def test_people_who_were_forged_into_each_other_share_a_fold() -> None:
    members = [read(bool(n % 2), n % 7) for n in range(70)] + [read(False) for _ in range(20)]
    folds = protocol._folds(members)
    for group in range(7):
        assert len({fold for one, fold in zip(members, folds, strict=True) if one.group == group}) == 1
    assert len(set(folds[70:])) > 1  # strangers stand for themselves
    assert set(folds) <= set(range(protocol.FOLDS))


def test_a_model_finds_what_differs_and_nothing_where_nothing_does() -> None:
    names = ("noise_ratio", "ela_ratio")
    for gap, low, high in ((2.5, 0.9, 1.0), (0.0, 0.3, 0.7)):
        members = drawn(gap, 200)
        scores = protocol.cross_validated(members, names)
        value = figures.auc(scores, np.array([one.item.fake for one in members])).value
        assert value is not None
        assert low <= value <= high


def test_what_was_learned_is_tried_on_other_material() -> None:
    learned = protocol.transferred(drawn(2.5), drawn(2.5, seed=9), ("noise_ratio",))
    assert learned is not None
    assert (learned.value or 0.0) > 0.9
    turned = protocol.transferred(drawn(2.5), drawn(-2.5, seed=9), ("noise_ratio",))
    assert turned is not None
    assert (turned.value or 1.0) < 0.1
    assert protocol.transferred([read(True)] * 5, drawn(1.0), ("noise_ratio",)) is None


def test_a_figure_that_is_missing_counts_as_usual() -> None:
    model = protocol.Model.of(drawn(2.5), ("noise_ratio", "neck_delta_e"))
    assert model.names == ("noise_ratio",)
    missing, usual = model.scores([read(False), read(False, noise_ratio=float(np.exp(model.middle[0])))])
    assert missing == pytest.approx(usual)


def test_half_resolution_is_lost_within_the_face_only() -> None:
    (track,) = faces.scan([Frame(0.0, portrait())]).tracks
    change = np.abs(protocol.half_resolution(portrait(), track.landmarks_px[0]).astype(float) - portrait())
    x0, y0, x1, y1 = FACE_BOX
    assert change[y0:y1, x0:x1].mean() > 1.0
    outside = np.ones(change.shape[:2], bool)
    outside[y0 - 40 : y1 + 40, x0 - 40 : x1 + 40] = False
    assert change[outside].max() == 0.0


def test_a_run_has_rows_by_coding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "STRATA", (None, 33))
    monkeypatch.setattr(protocol, "FEWEST", 1)
    clip = film_samples.moving(14)
    kept = [Frame(float(time_s), rgb) for time_s, rgb in zip(clip.times_s, clip.rgb, strict=True)]
    facts = MediaFacts("video", 1, "", (240, 240), 0.6, 25.0, False, "h264", {})
    known = {"001.mp4": robustness.Part(kept, facts), "002.mp4": robustness.Part(kept, facts)}
    monkeypatch.setattr(robustness, "kept_part", lambda path: known.get(path.name))
    cv2.imwrite(str(tmp_path / "face.png"), cv2.cvtColor(portrait(), cv2.COLOR_RGB2BGR))
    lines = ["path,label,kind,dataset,method,split,identity", "001.mp4,real,video,ffpp_c23,,val,1"]
    lines += ["002.mp4,fake,video,ffpp_c23,Deepfakes,val,2+1", "003.mp4,real,video,ffpp_c23,,val,3"]
    lines += [
        f"face.png,{label},image,{name},,val," for label, name in zip(("fake", "real"), protocol.PARTNERS, strict=True)
    ]
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    assert protocol.people(tmp_path) == {"001.mp4": 0, "002.mp4": 0, "003.mp4": 1}
    record = protocol.run(None, tmp_path)
    assert record.name == "scene-val"
    assert list(record.rows)[:4] == [
        "forged clips, as they are",
        "forged clips, CRF 33",
        "face at half resolution, as they are",
        "face at half resolution, CRF 33",
    ]
    assert record.rows["forged clips, as they are"]["noise_ratio"].value == 0.5  # a clip and its copy
    assert record.rows["face at half resolution, as they are"]["sharpness_ratio"].value == 0.0
    assert record.rows["forged stills, sizes matched"]["noise_ratio"].n == 2


def test_what_it_cannot_use_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no examiners but scene"):
        protocol.run(["seam"], tmp_path)
    with pytest.raises(UsageError, match=r"manifest\.csv"):
        protocol.run(None, tmp_path)
