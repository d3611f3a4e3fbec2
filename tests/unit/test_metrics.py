"""Metrics agree with their definitions, written out the slow way."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from unforge import metrics
from unforge.errors import ShapeError, UsageError


def slow_auc(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    pairs = [(yes > no) + 0.5 * (yes == no) for yes in scores[labels] for no in scores[~labels]]
    return float(np.mean(pairs))


@st.composite
def scored(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Small sets with many ties and at least one sample of either class."""
    n = draw(st.integers(2, 40))
    scores = draw(st.lists(st.integers(-5, 5), min_size=n, max_size=n))
    labels = draw(st.lists(st.booleans(), min_size=n - 2, max_size=n - 2))
    return np.array(scores, np.float64), np.array([True, False, *labels])


@given(scored())
def test_auc_agrees_with_counting_every_pair(sample: tuple[NDArray[np.float64], NDArray[np.bool_]]) -> None:
    scores, labels = sample
    assert metrics.auc(scores, labels) == pytest.approx(slow_auc(scores, labels))


@given(scored())
def test_auc_ignores_the_scale_of_the_scores(sample: tuple[NDArray[np.float64], NDArray[np.bool_]]) -> None:
    scores, labels = sample
    value = metrics.auc(scores, labels)
    assert metrics.auc(np.exp(scores), labels) == pytest.approx(value)
    assert metrics.auc(3.0 * scores - 7.0, labels) == pytest.approx(value)
    assert metrics.auc(-scores, labels) == pytest.approx(1.0 - value)


@given(scored())
def test_auc_is_the_area_under_the_operating_points(
    sample: tuple[NDArray[np.float64], NDArray[np.bool_]],
) -> None:
    curve = metrics.roc(*sample)
    assert np.trapezoid(curve.tpr, curve.fpr) == pytest.approx(metrics.auc(*sample))
    assert (curve.fpr[0], curve.tpr[0], curve.fpr[-1], curve.tpr[-1]) == (0.0, 0.0, 1.0, 1.0)


@given(scored(), st.floats(0.0, 1.0))
def test_no_threshold_beats_tpr_at_fpr(sample: tuple[NDArray[np.float64], NDArray[np.bool_]], allowed: float) -> None:
    scores, labels = sample
    reached = max(
        (scores[labels] >= cut).mean() for cut in [*scores, np.inf] if (scores[~labels] >= cut).mean() <= allowed
    )
    assert metrics.tpr_at_fpr(scores, labels, allowed) == pytest.approx(reached)


@given(scored())
def test_equal_error_rate_lies_between_none_and_all(
    sample: tuple[NDArray[np.float64], NDArray[np.bool_]],
) -> None:
    assert 0.0 <= metrics.eer(*sample) <= 1.0


def test_equal_error_rate_of_known_sets() -> None:
    assert metrics.eer([3, 4, 1, 2], [True, True, False, False]) == 0.0
    assert metrics.eer([1, 2, 3, 4], [True, True, False, False]) == 1.0
    assert metrics.eer([1, 1, 1, 1], [True, True, False, False]) == pytest.approx(0.5)
    assert metrics.eer([1, 3, 0, 2], [True, True, False, False]) == pytest.approx(0.5)


def test_a_missing_class_gives_nan_or_a_reason() -> None:
    assert math.isnan(metrics.auc([1.0, 2.0], [True, True]))
    assert math.isnan(metrics.cllr([1.0, 2.0], [False, False]))
    with pytest.raises(UsageError, match="2 yes and 0 no"):
        metrics.roc([1.0, 2.0], [True, True])


def test_wrong_shapes_say_what_was_expected() -> None:
    with pytest.raises(ShapeError, match=r"two arrays \(N,\)"):
        metrics.auc([1.0, 2.0], [True])
    with pytest.raises(ShapeError, match="finite"):
        metrics.auc([1.0, np.nan], [True, False])
    with pytest.raises(ShapeError, match=r"in \[0, 1\]"):
        metrics.log_loss([1.5], [True])
    with pytest.raises(ShapeError, match="weights"):
        metrics.brier([0.5, 0.5], [True, False], weights=[0.0, 0.0])
    with pytest.raises(ShapeError, match="masks"):
        metrics.iou(np.zeros((2, 2)), np.zeros((3, 2)))
    with pytest.raises(ShapeError, match="strata"):
        metrics.interval(lambda drawn: 0.0, [])


def test_saying_nothing_costs_what_theory_says() -> None:
    half, labels = np.full(10, 0.5), np.arange(10) < 3
    assert metrics.log_loss(half, labels) == pytest.approx(math.log(2))
    assert metrics.brier(half, labels) == pytest.approx(0.25)
    assert metrics.cllr(np.zeros(10), labels) == pytest.approx(1.0)
    assert metrics.ece(half, labels) == pytest.approx(0.2)
    assert metrics.ece(half, labels, metrics.balance(labels)) == pytest.approx(0.0)


def test_perfect_answers_cost_nothing() -> None:
    labels = np.array([True, False, True])
    assert metrics.log_loss(labels.astype(float), labels) == pytest.approx(0.0)
    assert metrics.brier(labels.astype(float), labels) == 0.0
    assert metrics.ece(labels.astype(float), labels) == 0.0
    assert metrics.cllr(np.where(labels, 60.0, -60.0), labels) == pytest.approx(0.0, abs=1e-12)


@given(scored())
def test_cllr_is_the_balanced_log_loss_in_bits(
    sample: tuple[NDArray[np.float64], NDArray[np.bool_]],
) -> None:
    llr, labels = sample
    loss = metrics.log_loss(1.0 / (1.0 + np.exp(-llr)), labels, metrics.balance(labels))
    assert metrics.cllr(llr, labels) == pytest.approx(loss / math.log(2))


@pytest.mark.parametrize("prior", [0.1, 0.5, 0.9])
def test_balance_gives_either_class_its_share(prior: float) -> None:
    labels = np.array([True, False, False, False])
    weights = metrics.balance(labels, prior)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[labels].sum() == pytest.approx(prior)


def test_interval_of_a_mean_matches_its_standard_error() -> None:
    values = np.random.default_rng(1).normal(size=400)
    low, high = metrics.interval(lambda drawn: float(values[drawn].mean()), np.zeros(400), seed=2)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / math.sqrt(400), rel=0.1)


def test_interval_is_the_same_every_time_and_keeps_the_classes() -> None:
    labels = np.arange(12) < 4
    counts: set[int] = set()

    def statistic(drawn: NDArray[np.intp]) -> float:
        counts.add(int(labels[drawn].sum()))
        return float(drawn.mean())

    first = metrics.interval(statistic, labels, rounds=50, seed=7)
    assert first == metrics.interval(statistic, labels, rounds=50, seed=7)
    assert counts == {4}


def test_difference_of_a_model_to_itself_is_nothing() -> None:
    scores = np.random.default_rng(3).normal(size=30)
    labels = np.arange(30) < 15

    def area(drawn: NDArray[np.intp]) -> float:
        return metrics.auc(scores[drawn], labels[drawn])

    assert metrics.difference(area, area, labels, rounds=50) == (0.0, 0.0)


def test_a_figure_that_never_exists_has_no_interval() -> None:
    assert all(math.isnan(bound) for bound in metrics.interval(lambda drawn: math.nan, [0, 1], rounds=5))


def test_iou_of_masks_that_half_overlap_is_a_third() -> None:
    left, shifted = np.zeros((4, 8)), np.zeros((4, 8))
    left[:, :4], shifted[:, 2:6] = 1.0, 0.9
    assert metrics.iou(left, shifted) == pytest.approx(1 / 3)
    assert metrics.iou(left, left) == 1.0
    assert metrics.iou(np.zeros((2, 2)), np.zeros((2, 2))) == 1.0


def test_pointing_hits_only_inside_of_the_true_mask() -> None:
    truth, heat = np.zeros((5, 5)), np.zeros((5, 5))
    truth[1:3, 1:3], heat[2, 2] = 1.0, 0.4
    assert metrics.points_at(heat, truth)
    heat[4, 4] = 0.5
    assert not metrics.points_at(heat, truth)


def test_the_wilson_interval_agrees_with_published_values() -> None:
    """Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""
    for hits, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        assert metrics.wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(0, 60), st.integers(1, 60))
def test_a_wilson_interval_holds_its_rate_mirrors_and_is_never_empty(hits: int, n: int) -> None:
    hits = min(hits, n)
    low, high = metrics.wilson(hits, n)
    assert 0.0 <= low <= hits / n <= high <= 1.0
    assert high - low > 0.05
    assert metrics.wilson(n - hits, n) == pytest.approx((1.0 - high, 1.0 - low))


def test_a_wilson_interval_of_nothing_is_unknown_and_nonsense_is_refused() -> None:
    assert all(math.isnan(bound) for bound in metrics.wilson(0, 0))
    with pytest.raises(UsageError, match="hits"):
        metrics.wilson(3, 2)


@given(scored())
def test_average_precision_agrees_with_walking_down_the_list(
    sample: tuple[NDArray[np.float64], NDArray[np.bool_]],
) -> None:
    scores, labels = sample
    gained, before = 0.0, 0.0
    for cut in sorted(set(scores), reverse=True):
        above = scores >= cut
        recall = (above & labels).sum() / labels.sum()
        gained += (recall - before) * labels[above].mean()
        before = recall
    assert metrics.average_precision(scores, labels) == pytest.approx(gained)


def test_average_precision_needs_both_classes() -> None:
    assert math.isnan(metrics.average_precision([1.0, 2.0], [True, True]))
    assert math.isnan(metrics.average_precision([1.0, 2.0], [False, False]))


def test_energy_inside_is_the_share_of_the_sum() -> None:
    heat, truth = np.array([[0.2, 0.6], [0.0, 0.2]]), np.array([[0.0, 1.0], [0.0, 1.0]])
    assert metrics.energy_inside(heat, truth) == pytest.approx(0.8)
    assert math.isnan(metrics.energy_inside(np.zeros((2, 2)), truth))
    with pytest.raises(ShapeError, match="under 0"):
        metrics.energy_inside(-heat, truth)
