"""Tampering with the detector: told from ordinary pictures, never weighed, and the verdict is withdrawn."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.faces_samples import portrait, scene
from unforge import channel, weights
from unforge.detect import _tampering, _views, adversarial
from unforge.errors import WeightsError
from unforge.evidence import Evidence
from unforge.exhibit import Exhibit
from unforge.explain import misled, words
from unforge.explain.roles import role
from unforge.faces import FaceTrack, scan
from unforge.media.frame import Frame
from unforge.report import ExhibitFacts
from unforge.verdict import weigh

Picture = NDArray[np.uint8]
ROWS = ("boxes_px", "landmarks_px", "size_px", "sharpness", "yaw_deg", "blockiness", "crops", "crop_landmarks_px")

LOUD = {"llr_manipulated": 2.0, "llr_no_evidence": -1.0, "threshold_fpr": 0.01, "max_abs_llr": 4.0}


def said(llr: float, question: str = "adversarial", source: str = "adversarial-1") -> Evidence:
    return Evidence(question, source, llr, "It was looked at.", facts={**LOUD, "note_zh": "已检查。"})


FORGED = said(4.0, "manipulated", "somebody-1")
UNTOUCHED = said(-3.0, "manipulated", "somebody-1")
CALM, ALARM = said(-1.0), said(3.0)


@pytest.mark.parametrize("first", [FORGED, UNTOUCHED])
@pytest.mark.parametrize("second", [CALM, ALARM])
def test_the_answer_is_never_weighed_with_those_on_manipulation(first: Evidence, second: Evidence) -> None:
    assert weigh([first, second]) == weigh([first])
    assert role(second) == "shown"


@pytest.mark.parametrize("first", [FORGED, UNTOUCHED])
def test_an_alarm_withdraws_the_band_and_leaves_the_numbers(first: Evidence) -> None:
    verdict = weigh([first])
    held = misled.at_most_inconclusive(verdict, [first, ALARM])
    assert held.band == "inconclusive"
    assert (held.llr, held.probability) == (verdict.llr, verdict.probability)
    assert misled.at_most_inconclusive(verdict, [first, CALM]) == verdict


def test_an_alarm_where_nothing_could_be_assessed_changes_nothing() -> None:
    verdict = weigh([ALARM])
    assert verdict.band == "not_assessable"
    assert misled.at_most_inconclusive(verdict, [ALARM]) == verdict


def test_the_report_says_in_both_languages_that_its_verdict_must_not_be_relied_on() -> None:
    facts = ExhibitFacts("picture.png", media="image", size_wh=(300, 300))
    verdict = misled.at_most_inconclusive(weigh([UNTOUCHED]), [UNTOUCHED, ALARM])
    told = words.explain(facts, verdict, [UNTOUCHED, ALARM], [])
    assert "must not be relied on" in told["en"][1]
    assert "不可信赖" in told["zh"][1]
    assert not any("between the two thresholds" in sentence for sentence in told["en"])
    limits = words.limits(facts, verdict, [UNTOUCHED, ALARM], [])
    assert any("1% of ordinary pictures" in sentence for sentence in limits["en"])


def test_a_calm_report_says_that_silence_proves_nothing() -> None:
    facts = ExhibitFacts("picture.png", media="image", size_wh=(300, 300))
    told = words.explain(facts, weigh([UNTOUCHED]), [UNTOUCHED, CALM], [])
    assert not any("mislead" in sentence for sentence in told["en"])
    limits = words.limits(facts, weigh([UNTOUCHED]), [UNTOUCHED, CALM], [])
    assert any("knows this check" in sentence for sentence in limits["en"])


@pytest.fixture(scope="module")
def face() -> FaceTrack:
    return scan([Frame(0.0, portrait())]).tracks[0]


def exhibit_of(path: Path, rgb: Picture) -> Exhibit:
    cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return Exhibit(path)


def in_state(state: str) -> Picture:
    if state == "as it is":
        return portrait()
    return channel.load(state).apply(portrait(), 0.4, np.random.default_rng(3))


@pytest.mark.parametrize("state", ["as it is", "jpeg", "noise", "resize", "sharpen"])
def test_an_ordinary_picture_raises_no_alarm(state: str, tmp_path: Path) -> None:
    answer = adversarial.load().examine(exhibit_of(tmp_path / "face.png", in_state(state)))
    assert answer.question == "adversarial"
    assert not answer.abstained
    assert answer.llr < float(answer.facts["llr_manipulated"])
    assert not misled.is_misled([answer])
    assert re.search("[\u4e00-\u9fff]", str(answer.facts["note_zh"]))


@pytest.mark.parametrize(("size", "reason"), [(0, "No face was found"), (45, "px across")])
def test_it_abstains_with_a_sentence_where_the_detector_cannot_read(size: int, reason: str, tmp_path: Path) -> None:
    rgb = scene((640, 480), (320, 240, size)) if size else scene((320, 240))
    answer = adversarial.load().examine(exhibit_of(tmp_path / "face.png", rgb))
    assert answer.abstained
    assert reason in answer.note
    assert weigh([answer], "adversarial").band == "not_assessable"


def test_a_long_film_costs_no_more_looks_than_a_short_one(face: FaceTrack, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    monkeypatch.setattr(
        adversarial, "read_through", lambda views: looked.append(len(views)) or np.zeros((len(views), 3))
    )
    many = repeated(face, 40)
    exhibit = cast(Exhibit, SimpleNamespace(tracks=(many, many, replace(many, id=7))))
    adversarial.load().examine(exhibit)
    adversarial.load().examine(cast(Exhibit, SimpleNamespace(tracks=(many,))))
    assert sum(looked) == 2 * adversarial.MOST_LOOKS


def repeated(track: FaceTrack, times: int) -> FaceTrack:
    """The same look again and again, a quarter of a second apart."""
    rows = {name: np.repeat(getattr(track, name), times, axis=0) for name in ROWS}
    return replace(track, **{**rows, "times_s": np.arange(times) / 4.0})


@given(st.integers(0, 2**32 - 1), st.integers(0, 255), st.integers(0, 80))
def test_figures_are_finite_for_any_picture_and_the_same_twice(seed: int, level: int, spread: int) -> None:
    noise = np.random.default_rng(seed).normal(0.0, spread, (32, 32, 3))
    view = np.clip(level + noise, 0, 255).astype(np.uint8)
    once, again = (_tampering.figures([view], np.zeros((1, 3))) for _ in range(2))
    assert once.shape == (1, len(_tampering.NAMES))
    assert np.isfinite(once).all()
    assert np.array_equal(once, again)
    assert (np.abs(once[0, -3:]) <= 1.0 + 1e-9).all()


def test_grey_noise_agrees_between_channels_and_coloured_noise_does_not() -> None:
    rng = np.random.default_rng(1)
    grey = np.repeat(rng.integers(100, 140, (64, 64, 1)), 3, axis=2).astype(np.uint8)
    coloured = rng.integers(100, 140, (64, 64, 3)).astype(np.uint8)
    agreement = _tampering.figures([grey, coloured], np.zeros((2, 3)))[:, -3:]
    assert (agreement[0] > 0.95).all()
    assert (np.abs(agreement[1]) < 0.1).all()


@pytest.mark.parametrize("name", _views.VIEWS)
def test_a_view_keeps_size_and_type_and_hardly_changes_the_picture(name: str) -> None:
    rgb = portrait()[40:200, 150:310]
    seen = _views.VIEWS[name](rgb)
    assert seen.shape == rgb.shape
    assert seen.dtype == np.uint8
    assert 0.0 < np.abs(seen.astype(float) - rgb).mean() < 6.0


def test_what_was_learned_of_another_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = weights.TAMPERING.read_text("utf-8").replace(weights.card("finegrained").sha256, "0" * 64)
    (tmp_path / "tampering.toml").write_text(other, "utf-8")
    monkeypatch.setattr(weights, "TAMPERING", tmp_path / "tampering.toml")
    weights.tampering.cache_clear()
    try:
        with pytest.raises(WeightsError, match="_adversarial_learning"):
            weights.tampering()
    finally:
        weights.tampering.cache_clear()


def test_the_line_has_a_slope_for_every_figure_and_the_threshold_a_rate() -> None:
    learned = weights.tampering()
    assert learned["line"]["names"] == list(_tampering.NAMES)
    assert {len(learned["line"][name]) for name in ("mean", "spread", "slopes")} == {len(_tampering.NAMES)}
    calibration = adversarial.load().calibration
    assert calibration.threshold_fpr <= 0.01
    assert calibration.llr_manipulated > 0.0
