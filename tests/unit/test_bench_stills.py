"""The protocol `stills`: classes with the same face sizes, the central face alone, false alarms on every still."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faces_samples import scene
from unforge.bench import figures, judge
from unforge.bench.judge import Contestant, Judgement
from unforge.bench.material import Item
from unforge.bench.protocols import stills
from unforge.bench.protocols.stills import Still
from unforge.errors import UsageError
from unforge.exhibit import Exhibit

NOTHING = Judgement(0.0, np.empty(0), False, True, False, 0.1)


def still(face_px: float, fake: bool, llr: float = 0.0, flagged: bool = False) -> Still:
    item = Item("a.jpg", fake, "image", "openforensics256" if fake else "openforensics256_train", "")
    return Still(item, face_px, (Judgement(llr, np.empty(0), flagged, False, False, 0.1),))


sizes = st.lists(st.floats(40.0, 400.0), min_size=1, max_size=60)


@given(sizes, sizes)
def test_both_classes_keep_the_same_histogram_of_face_sizes(reals: list[float], fakes: list[float]) -> None:
    kept = stills.matched([*(still(px, False) for px in reals), *(still(px, True) for px in fakes)])

    def histogram(fake: bool) -> dict[int, int]:
        bins = [int(np.log(s.face_px) / np.log(stills.BIN_RATIO)) for s in kept if s.item.fake == fake]
        return {number: bins.count(number) for number in bins}

    assert histogram(False) == histogram(True)


def test_size_alone_tells_nothing_once_sizes_are_matched() -> None:
    rng = np.random.default_rng(2)
    both = [still(px, fake) for fake, mean in ((False, 106.0), (True, 147.0)) for px in rng.normal(mean, 25.0, 400)]
    kept = stills.matched(both)
    px, fakes = np.array([s.face_px for s in kept]), np.array([s.item.fake for s in kept])
    before = figures.metrics.auc(np.array([s.face_px for s in both]), np.array([s.item.fake for s in both]))
    assert before > 0.8
    assert figures.metrics.auc(px, fakes) == pytest.approx(0.5, abs=0.03)
    assert len(kept) > 200
    assert [s.face_px for s in stills.matched(both)] == px.tolist()


def test_the_face_in_the_middle_is_the_one_that_counts(tmp_path: Path) -> None:
    path = tmp_path / "two.png"
    cv2.imwrite(str(path), np.ascontiguousarray(scene((1000, 500), (180, 220, 150), (520, 240, 120))[..., ::-1]))
    exhibit = Exhibit(path)
    assert len(exhibit.tracks) == 2
    (kept,) = judge.central(exhibit).tracks
    assert abs(float(kept.boxes_px[0, [0, 2]].mean()) - 520) < 40
    assert stills.central_face_px(exhibit) == pytest.approx(float(kept.size_px[0]))
    assert judge.central(exhibit).facts == exhibit.facts


@pytest.fixture
def data(tmp_path: Path) -> Path:
    lines = ["path,label,kind,dataset,method,split"]
    lines += [f"r{n}.jpg,real,image,openforensics256_train,,val" for n in range(8)]
    lines += [f"f{n}.jpg,fake,image,openforensics256,swap,val" for n in range(8)]
    lines += [f"o{n}.jpg,real,image,others,,val" for n in range(4)]
    lines += ["x.jpg,fake,image,unpaired,swap,val", "t.jpg,real,image,others,,train", "v.mp4,real,video,others,,val"]
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Fakes are seen; of the others one is called forged and one cannot be judged. The peer sees nothing."""
    seen: list[tuple[str, bool]] = []
    monkeypatch.setattr(figures, "ROUNDS", 30)

    def judged(exhibit: Exhibit, all_contestants: Any, central_face: bool = False) -> list[Judgement]:
        seen.append((exhibit.path.name, central_face))
        name = exhibit.path.stem
        llr = 2.0 if name.startswith("f") else -1.0
        ours = NOTHING if name == "o3" else Judgement(llr, np.empty(0), name in ("o0", "f0"), False, False, 0.1)
        return [ours, NOTHING][: len(all_contestants)]

    def contestants(examiners: Any, peers: Any = ()) -> tuple[Contestant, ...]:
        return tuple(Contestant(name, (), {}) for name in (judge.OWN, *peers))

    monkeypatch.setattr(judge, "judge", judged)
    monkeypatch.setattr(judge, "contestants", contestants)
    monkeypatch.setattr(stills, "central_face_px", lambda exhibit: 100.0)
    return seen


def test_stills_of_the_split_are_ranked_and_counted(data: Path, examined: list[tuple[str, bool]]) -> None:
    found = stills.run(None, data)
    assert dict(examined) == {
        **{f"r{n}.jpg": True for n in range(8)},
        **{f"f{n}.jpg": True for n in range(8)},
        **{f"o{n}.jpg": False for n in range(4)},
    }
    assert list(found.rows) == ["face swaps, sizes matched", "openforensics256_train", "others", stills.POOLED]
    ranking, others, pooled = (found.rows[name] for name in ("face swaps, sizes matched", "others", stills.POOLED))
    assert (ranking["auc"].value, ranking["auc"].n, ranking["size_auc"].value) == (1.0, 16, 0.5)
    assert (others["fpr"].value, others["abstained"].value, others["fpr"].n) == (0.25, 0.25, 4)
    assert (pooled["fpr"].value, pooled["fpr"].n) == (pytest.approx(1 / 12, abs=1e-4), 12)
    assert others["fpr"].low == pytest.approx(0.0456, abs=1e-4)  # Wilson's bound for 1 of 4


@pytest.mark.usefixtures("examined")
def test_a_peer_has_its_own_rows_and_the_lead_over_it(data: Path) -> None:
    rows = stills.run(None, data, peers=["blind"]).rows
    assert rows["blind: face swaps, sizes matched"]["auc"].value == 0.5
    assert rows["blind: face swaps, sizes matched"]["auc_lead"].value == 0.5
    assert rows[f"blind: {stills.POOLED}"]["abstained"].value == 1.0


def test_stills_take_no_list(data: Path) -> None:
    with pytest.raises(UsageError, match="clips"):
        stills.run(None, data, listed=data / "manifest.csv")
