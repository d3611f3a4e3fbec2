"""Calibration: likelihood ratios that mean what they say, capped by what the set can carry."""

import math
import tomllib
from pathlib import Path

import numpy as np
import pytest

from unforge import metrics
from unforge.errors import UsageError
from unforge.train import calibrate, card
from unforge.train.calibrate import Scored


def normal(mean: float, n: int, seed: int, spread: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, spread, n)


def material(n: int = 4000) -> list[Scored]:
    """Two normal classes of unit spread and means -1 and 1: there, the true llr of a score s is 2 s."""
    return [Scored("reals", False, normal(-1.0, n, 1)), Scored("fakes", True, normal(1.0, n, 2))]


def test_two_normal_classes_give_the_llr_that_theory_knows() -> None:
    fit = calibrate.fit(material())
    assert fit.slope == pytest.approx(2.0, rel=0.1)
    assert fit.intercept == pytest.approx(0.0, abs=0.1)


def test_the_number_of_reals_and_fakes_does_not_shift_the_llr() -> None:
    few = calibrate.fit([Scored("reals", False, normal(-1.0, 8000, 1)), Scored("fakes", True, normal(1.0, 400, 2))])
    assert few.intercept == pytest.approx(0.0, abs=0.35)


def test_kinds_weigh_the_same_however_many_there_are() -> None:
    """Fifty strange reals among four thousand count as much as the rest together: the middle moves towards them."""
    strange = Scored("strange reals", False, normal(1.0, 50, 3))
    assert calibrate.fit([*material(), strange]).intercept < calibrate.fit(material()).intercept - 0.3


def test_calibrated_scores_cost_less_than_silence_on_new_material() -> None:
    fit = calibrate.fit(material())
    scores = np.concatenate([normal(-1.0, 2000, 8), normal(1.0, 2000, 9)])
    labels = np.repeat([False, True], 2000)
    assert metrics.cllr([fit.llr(score) for score in scores], labels) < 0.6


def test_the_cap_follows_from_the_smaller_class() -> None:
    fit = calibrate.fit([Scored("reals", False, normal(-1.0, 30, 1)), Scored("fakes", True, normal(1.0, 3000, 2))])
    assert fit.cap == pytest.approx(math.log(30))
    assert (fit.llr(-99.0), fit.llr(99.0)) == (-fit.cap, fit.cap)


def test_at_most_one_percent_of_every_kind_of_real_reaches_the_threshold() -> None:
    other = Scored("others", False, normal(-0.4, 1000, 4, spread=0.5))
    fit = calibrate.fit([*material(), other])
    for part in [*material(), other]:
        reached = (fit.slope * part.scores + fit.intercept >= fit.llr_manipulated).mean()
        assert part.fake or reached <= 0.01 + 1 / len(part.scores)


def test_a_larger_share_of_false_alarms_has_a_lower_threshold() -> None:
    rng = np.random.default_rng(3)
    reals = [Scored("a", False, rng.normal(0, 1, 2000)), Scored("b", False, rng.normal(0.5, 1, 2000))]
    material = [*reals, Scored("f", True, rng.normal(2, 1, 2000))]
    calibration = calibrate.fit(material)
    found = calibrate.thresholds(material, calibration, (0.01, 0.03))
    assert found["fpr_3_percent"] < found["fpr_1_percent"] == pytest.approx(calibration.llr_manipulated)
    for part in reals:
        llrs = calibration.slope * part.scores + calibration.intercept
        assert float((llrs > found["fpr_3_percent"]).mean()) <= 0.03


def test_a_small_kind_of_reals_raises_the_threshold_beyond_its_maximum() -> None:
    few = Scored("clips", False, normal(1.5, 12, 5))
    fit = calibrate.fit([*material(), few])
    assert fit.llr_manipulated > fit.slope * few.scores.max() + fit.intercept


def test_refits_spread_around_the_fit() -> None:
    fit = calibrate.fit(material(300))
    slopes = np.array([slope for slope, _ in fit.refits])
    assert np.quantile(slopes, 0.025) < fit.slope < np.quantile(slopes, 0.975)
    assert calibrate.fit(material(300)) == fit


def test_a_missing_class_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="fakes"):
        calibrate.fit(material()[:1])


def test_a_card_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = {
        "name": "x",
        "n": 3,
        "data": 'quotes " and \\ and 字',
        "numbers": {"auc": 0.75, "interval": [0.5, 1.0], "by cue": {"colour": 0.5}},
        "calibration": {"refits": [[1.0, 2.0], [3.0, -4.5e-07]]},
    }
    card.write(tmp_path / "x.toml", written)
    assert tomllib.loads((tmp_path / "x.toml").read_text("utf-8")) == written
    with pytest.raises(TypeError):
        card.write(tmp_path / "y.toml", {"a": None})


def test_a_stratum_with_few_of_a_class_takes_the_calibration_of_all() -> None:
    strata = ("clear",) * 300 + ("soft",) * 10
    parts = [Scored(kind, fake, normal(mean, 310, n), strata) for kind, fake, mean, n in PLAIN]
    found = calibrate.by_stratum(parts, ("clear", "soft"), fewest=40)
    assert found["soft"].slope == calibrate.fit(parts).slope
    assert found["clear"].reals == 300


def test_two_clips_do_not_weigh_as_much_as_a_hundred_stills() -> None:
    stills = [Scored(kind, fake, normal(mean, 300, n), ("clear",) * 300) for kind, fake, mean, n in PLAIN]
    clips = Scored("clips", False, np.array([9.0, 9.0]), ("clear", "clear"))
    alone, both = (calibrate.by_stratum(parts, ("clear",), 40)["clear"] for parts in (stills, [*stills, clips]))
    assert both.intercept == pytest.approx(alone.intercept, abs=0.4)
    assert both.cap > math.log(100)


def test_the_line_of_a_trace_gives_its_frequency() -> None:
    rng = np.random.default_rng(6)
    scores = rng.normal(0.0, 2.0, 8000)
    slope, intercept = calibrate.platt(scores, rng.random(8000) < 1.0 / (1.0 + np.exp(-(1.5 * scores - 1.0))))
    assert (slope, intercept) == (pytest.approx(1.5, abs=0.1), pytest.approx(-1.0, abs=0.1))


PLAIN = (("reals", False, -1.0, 1), ("fakes", True, 1.0, 2))
