"""The fine-grained detector: what it judges, what it leaves alone, how scores become likelihood ratios."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.faces_samples import portrait, scene
from unforge import weights
from unforge.detect import finegrained
from unforge.exhibit import Exhibit
from unforge.faces import FaceTrack, scan
from unforge.media.frame import Frame
from unforge.weights.calibration import Calibration

Picture = NDArray[np.uint8]
SHARP = np.array([20.0], np.float32)
LARGE = np.array([200.0], np.float32)
PRISTINE = np.zeros((1, 3), np.float32)


def calibrations() -> dict[str, Calibration]:
    return finegrained.load().calibrations


@pytest.fixture(scope="module")
def track() -> FaceTrack:
    return scan([Frame(0.0, portrait())]).tracks[0]


@pytest.mark.parametrize("name", [*finegrained.STRATA, "window"])
def test_every_stratum_is_calibrated_and_capped(name: str) -> None:
    calibration = calibrations()[name]
    for score in np.linspace(-1e3, 1e3, 21):
        low, high = calibration.interval(float(score))
        assert -calibration.cap <= low <= calibration.llr(float(score)) <= high <= calibration.cap
    llrs = [calibration.llr(score) for score in np.linspace(-10, 10, 50)]
    assert llrs == sorted(llrs)
    assert calibration.llr_no_evidence <= 0 < calibration.llr_manipulated
    assert calibration.threshold_fpr <= 0.01


@pytest.mark.parametrize(
    ("size_px", "sharpness", "compression", "wanted"),
    [(80, 20, 0, "small"), (200, 5, 0, "soft"), (200, 20, 0.8, "compressed"), (200, 20, 0.1, "clear")],
)
def test_a_look_is_calibrated_among_its_like(size_px: float, sharpness: float, compression: float, wanted: str) -> None:
    lost = np.array([[0.0, compression, 0.0]], np.float32)
    assert finegrained.stratum(np.array([size_px]), np.array([sharpness]), lost) == wanted


def test_a_forged_second_among_calm_ones_is_the_loudest_window() -> None:
    logits = np.full(40, -2.0, np.float32)
    logits[20:24] = 3.0
    assert finegrained.loudest_window(logits) == pytest.approx(3.0)
    assert finegrained.pooled(logits) == pytest.approx(-1.5)


def judged(track: FaceTrack, logits: NDArray[np.float32]) -> finegrained.Judged:
    n = len(logits)
    maps, artefacts, lost = (np.zeros(shape, np.float32) for shape in ((n, 8, 8), (n, 7), (n, 3)))
    read = finegrained.Read(logits, maps, maps, artefacts, lost, logits)
    found = calibrations()
    return finegrained.Judged(track, np.arange(n), read, found["clear"], found["window"])


def test_a_forged_second_says_more_than_the_mean_that_it_drowns_in(track: FaceTrack) -> None:
    logits = np.full(40, -2.0, np.float32)
    logits[20:24] = 6.0
    one = judged(track, logits)
    assert one.llr > one.whole.llr(finegrained.pooled(logits)) + 0.5
    low, high = one.interval
    assert low <= one.llr <= high


def test_few_looks_have_no_window(track: FaceTrack) -> None:
    one = judged(track, np.full(3, 0.5, np.float32))
    assert one.llr == pytest.approx(one.whole.llr(0.5))


def test_the_network_sees_the_same_face_in_batches_and_alone(track: FaceTrack) -> None:
    details = weights.card("finegrained").details
    crops, points = np.repeat(track.crops, 20, axis=0), np.repeat(track.crop_landmarks_px, 20, axis=0)
    session = weights.session("finegrained")
    many = finegrained.read(session, crops, points, details)
    alone = finegrained.read(session, track.crops, track.crop_landmarks_px, details)
    assert many.logits == pytest.approx(np.full(20, alone.logits[0]), abs=1e-4)
    assert many.heats.shape == (20, 40, 40)
    assert 0.0 <= many.heats.min() <= many.heats.max() <= 1.0


def test_a_look_tells_the_probability_of_each_kind_of_trace(tmp_path: Path) -> None:
    answer = finegrained.load().examine(Exhibit(write(tmp_path, portrait())))
    told = [region.facts for region in answer.regions if region.heat is not None]
    assert len(told) == 1
    assert set(told[0]) <= {f"artefact_{name}" for name in finegrained.ARTEFACTS}
    assert told[0]
    assert all(0.0 <= value <= 1.0 for value in told[0].values())


def test_a_telling_look_shows_where_the_network_looked(tmp_path: Path) -> None:
    answer = finegrained.load().examine(Exhibit(write(tmp_path, portrait())))
    (look,) = [region for region in answer.regions if region.heat is not None]
    assert look.attention is not None
    assert look.heat is not None
    assert look.attention.shape == look.heat.shape
    assert 0.5 < float(look.attention.max()) <= 1.0
    rim = np.concatenate([look.attention[0], look.attention[-1], look.attention[:, 0], look.attention[:, -1]])
    assert float(rim.max()) < 0.05  # what lies outside of its view it has not seen


# What people bring


def write(folder: Path, rgb: Picture) -> Path:
    path = folder / "picture.png"
    cv2.imwrite(str(path), np.ascontiguousarray(rgb[..., ::-1]))
    return path


def drawn(rgb: Picture) -> Picture:
    flat = cv2.bilateralFilter(rgb, 15, 80, 9) // 48 * 48
    edges = cv2.adaptiveThreshold(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), 255, 0, cv2.THRESH_BINARY, 9, 4)
    return np.where(edges[..., None] == 0, 0, flat).astype(np.uint8)


def masked(rgb: Picture) -> Picture:
    covered = rgb.copy()
    covered[130:182, 176:276] = (120, 160, 190)
    return covered


def poster(rgb: Picture) -> Picture:
    wall = np.full((720, 960, 3), 150, np.uint8)
    corners = np.array([[300, 150], [640, 190], [630, 560], [310, 600]], np.float32)
    matrix = cv2.getPerspectiveTransform(np.array([[0, 0], [511, 0], [511, 511], [0, 511]], np.float32), corners)
    return np.asarray(cv2.warpPerspective(rgb, matrix, (960, 720), wall, borderMode=cv2.BORDER_TRANSPARENT), np.uint8)


def like_a_baby(rgb: Picture) -> Picture:
    """Large eyes and forehead, a small chin: the lower face of the portrait pressed together."""
    height = rgb.shape[0]
    y = np.arange(height, dtype=np.float32)
    from_y = np.where(y < 130, y * 0.85 + 19.5, 130 + (y - 130) * 1.45)
    map_x, map_y = np.meshgrid(np.arange(rgb.shape[1], dtype=np.float32), from_y.astype(np.float32))
    return np.asarray(cv2.remap(rgb, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


ODD: dict[str, Callable[[Picture], Picture]] = {
    "mirrored": lambda rgb: rgb[:, ::-1],
    "upside down": lambda rgb: rgb[::-1],
    "lying": lambda rgb: np.rot90(rgb),
    "drawn": drawn,
    "masked": masked,
    "like a baby": like_a_baby,
    "on a poster": poster,
    "sculpted": lambda rgb: np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2),
    "in the dark": lambda rgb: (rgb * 0.06).astype(np.uint8),
    "overexposed": lambda rgb: np.clip(rgb.astype(int) * 3 + 60, 0, 255).astype(np.uint8),
    "small": lambda rgb: scene((640, 480), (320, 240, 45)),
    "blurred": lambda rgb: np.asarray(cv2.GaussianBlur(rgb, (0, 0), 9), np.uint8),
}


@pytest.mark.parametrize("name", list(ODD))
def test_an_odd_picture_gives_evidence_or_a_reason(name: str, tmp_path: Path) -> None:
    answer = finegrained.load().examine(Exhibit(write(tmp_path, ODD[name](portrait()))))
    assert answer.note.endswith(".")
    assert str(answer.facts["note_zh"]).endswith("。")
    assert answer.abstained or abs(answer.llr) <= float(answer.facts["max_abs_llr"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"size_px": 40.0}, "40 px"),
        ({"yaw_deg": 80.0}, "turned by 80 degrees"),
        ({"sharpness": 1.0}, "blurred"),
        ({"crops": 5}, "too dark"),
    ],
)
def test_a_face_that_cannot_be_judged_is_left_alone_with_the_reason(
    change: dict[str, float], reason: str, track: FaceTrack
) -> None:
    poor = replace(track, **{name: np.full_like(getattr(track, name), value) for name, value in change.items()})
    assert finegrained.load().judge(poor) is None
    assert reason in finegrained.why_not([poor])[0]
    assert finegrained.load().judge(track) is not None
