"""The seam detector: what it judges, what it leaves alone, how scores become likelihood ratios."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faces_samples import portrait
from unforge import weights
from unforge.detect import seam
from unforge.faces import scan
from unforge.media.frame import Frame
from unforge.weights.calibration import Calibration


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return Calibration.from_card(weights.card("seam").details["calibration"])


@given(score=st.floats(-1e4, 1e4))
def test_no_score_says_more_than_the_calibration_set_can_carry(score: float) -> None:
    calibration = Calibration.from_card(weights.card("seam").details["calibration"])
    low, high = calibration.interval(score)
    assert -calibration.cap <= low <= calibration.llr(score) <= high <= calibration.cap


def test_a_higher_score_never_speaks_less_for_forgery(calibration: Calibration) -> None:
    llrs = [calibration.llr(score) for score in np.linspace(-10, 10, 50)]
    assert llrs == sorted(llrs)
    assert llrs[0] < 0 < llrs[-1]


def test_every_band_can_be_reached(calibration: Calibration) -> None:
    assert -calibration.cap < calibration.llr_no_evidence <= 0 < calibration.llr_manipulated < calibration.cap
    assert calibration.threshold_fpr <= 0.01


def test_the_network_sees_the_same_face_in_batches_and_alone() -> None:
    track = scan([Frame(0.0, portrait())]).tracks[0]
    crops, points = np.repeat(track.crops, 20, axis=0), np.repeat(track.crop_landmarks_px, 20, axis=0)
    scores, heats = seam.score(weights.session("seam"), crops, points, 1.3, 144, -1.0)
    alone, _ = seam.score(weights.session("seam"), track.crops, track.crop_landmarks_px, 1.3, 144, -1.0)
    assert scores == pytest.approx(np.full(20, alone[0]), abs=1e-4)
    assert heats.shape == (20, 36, 36)
    assert 0.0 <= heats.min() <= heats.max() <= 1.0


def test_small_faces_are_not_judged() -> None:
    track = scan([Frame(0.0, portrait())]).tracks[0]
    assert len(seam.load().judge(track).looks) == 1
    assert track.size_px[0] > seam.MIN_FACE_PX
    tiny = scan([Frame(0.0, np.ascontiguousarray(portrait()[::2, ::2]))]).tracks[0]
    assert len(seam.load().judge(tiny).looks) == 0
