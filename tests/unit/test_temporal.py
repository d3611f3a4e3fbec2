"""`temporal`: what it says of film, and why it abstains."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.film_samples import moving, still
from unforge.detect import temporal
from unforge.evidence import Evidence
from unforge.exhibit import Exhibit
from unforge.explain.vocabulary import CURVES
from unforge.media.write import write_video


def film(path: Path, pictures: NDArray[np.uint8], rate_hz: float = 25.0) -> Exhibit:
    write_video(path, pictures, [n / rate_hz for n in range(len(pictures))])
    return Exhibit(path)


@cache
def examiner() -> temporal.Temporal:
    return temporal.load()


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return examiner().examine(film(tmp_path_factory.mktemp("film") / "moving.mp4", moving(70).rgb))


def test_a_moving_face_is_judged_stretch_by_stretch(answer: Evidence) -> None:
    assert not answer.abstained
    (person,) = answer.regions
    assert person.box_px is None
    assert person.llr == pytest.approx(answer.llr)
    (scores,) = [curve for curve in answer.curves if curve.name == "temporal_score"]
    assert len(scores.x) == 2
    assert 0.9 < scores.x[1] - scores.x[0] < 1.7
    assert min(scores.y) - 1e-3 <= person.llr <= max(scores.y) + 1e-3


def test_what_was_measured_comes_as_facts_and_curves(answer: Evidence) -> None:
    names = {curve.name for curve in answer.curves}
    assert names == {"temporal_score", "landmark_jitter", "warp_residual", "identity_drift", "eye_opening"}
    assert names <= set(CURVES)
    assert all(curve.track == 0 for curve in answer.curves)
    assert all(len(curve.x) > 60 for curve in answer.curves if curve.name != "temporal_score")
    assert float(answer.facts["jitter_ratio"]) > 0.0
    assert float(answer.facts["repeated_frames_share"]) == 0.0
    assert "blinks_per_min" not in answer.facts  # less than three seconds say nothing about blinking


def test_the_windows_are_spread_and_never_longer_than_the_film() -> None:
    for length in (32, 33, 63, 64, 100, 300):
        spans = temporal.windows(length)
        assert 1 <= len(spans) <= temporal.WINDOWS
        assert all(span.start >= 0 and span.stop - span.start == 32 and span.stop <= length for span in spans)
        assert spans[0].start == 0
        assert all(later.start >= earlier.stop for earlier, later in pairwise(spans))


def abstains(exhibit: Exhibit, because: str) -> None:
    answer = examiner().examine(exhibit)
    assert answer.abstained
    assert because in answer.note
    assert answer.note.endswith(".")
    assert answer.facts["note_zh"]


def test_a_photograph_does_not_move(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), still()[0][..., ::-1])
    abstains(Exhibit(tmp_path / "a.png"), "single picture")


def test_a_still_picture_made_into_a_film_does_not_move_either(tmp_path: Path) -> None:
    abstains(film(tmp_path / "still.mp4", np.stack([still()[0]] * 60)), "stands still")


@pytest.mark.parametrize("zoom", [0.0, 0.003])
def test_a_camera_that_pans_over_a_photograph_makes_no_living_face(tmp_path: Path, zoom: float) -> None:
    large = cv2.resize(still()[0], (480, 480), interpolation=cv2.INTER_CUBIC)
    matrices = [np.array([[1 + zoom * n, 0.0, -0.7 * n], [0.0, 1 + zoom * n, -0.4 * n]]) for n in range(60)]
    shown = [cv2.warpAffine(large, matrix, (480, 480), borderMode=cv2.BORDER_REFLECT) for matrix in matrices]
    abstains(film(tmp_path / "pan.mp4", np.stack(shown)), "stands still")


def test_too_few_frames_or_too_few_a_second_are_not_judged(tmp_path: Path) -> None:
    abstains(film(tmp_path / "short.mp4", moving(25).rgb), "frames only")
    abstains(film(tmp_path / "slow.mp4", moving(60).rgb, 10.0), "frames a second")


def test_a_small_face_is_not_judged(tmp_path: Path) -> None:
    small = [cv2.resize(rgb, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA) for rgb in moving(50).rgb]
    wide = np.full((len(small), 180, 320, 3), 118, np.uint8)
    wide[:, 40:136, 100:196] = np.stack(small)
    abstains(film(tmp_path / "small.mp4", wide), "px across")
