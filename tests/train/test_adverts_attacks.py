"""Attacks keep their budget at the pictures' own size and mislead; a network learns, and is exported as it is."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")
pytest.importorskip("matplotlib", reason="needs the train extra: pip install unforge[train]")

import torch

from unforge.bench import _adverts_attacks as attacks
from unforge.bench import _adverts_robustness as robustness
from unforge.bench._adverts_attacks import Classifier, Reduced
from unforge.errors import UnknownName
from unforge.moderate import looks
from unforge.nets.advert import AdvertNet
from unforge.train.adverts import _scenes
from unforge.train.recipes import advert as recipe
from unforge.train.recipes import evasion as patterns

FOOLBOX, TORCHATTACKS = (
    pytest.mark.skipif(importlib.util.find_spec(name) is None, reason=f"needs {name}")
    for name in ("foolbox", "torchattacks")
)
BUDGET = 8.0


@pytest.fixture(scope="module")
def bank() -> recipe.Bank:
    return recipe.bank(_scenes.scenes(None, _scenes.LEARN), 24, seed=1)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return attacks.own()


def pictures() -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(2)
    return [_scenes.put_together(rng)[:200, :230], _scenes.put_together(rng)[:130]]


def scores(classifier: Classifier, rgb: list[NDArray[np.uint8]]) -> NDArray[np.float64]:
    small = torch.from_numpy(np.stack([looks.reduced(one) for one in rgb])).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        return looks.scores(classifier(small).double().numpy())


@given(st.integers(96, 260), st.integers(96, 260))
@settings(max_examples=15, deadline=None)
def test_the_reduction_that_gradients_go_through_is_the_one_of_the_check(height: int, width: int) -> None:
    rgb = np.random.default_rng([height, width]).integers(0, 256, (height, width, 3), np.uint8)
    found = Reduced(torch.nn.Identity(), height, width)(torch.from_numpy(rgb).permute(2, 0, 1)[None].float())
    assert np.abs(found[0].permute(1, 2, 0).numpy() - looks.reduced(rgb)).max() < 0.6  # it rounds to bytes


@FOOLBOX
@pytest.mark.parametrize("name", ["pgd", "square"])
def test_noise_keeps_its_budget_and_moves_the_answer(name: str, classifier: Classifier) -> None:
    before = pictures()
    labels = np.array([True, False])
    after = attacks.attack(name, before, labels, BUDGET, classifier, queries=400)
    for old, new in zip(before, after, strict=True):
        assert new.shape == old.shape
        assert np.abs(new.astype(int) - old).max() <= BUDGET
    moved = scores(classifier, after) - scores(classifier, before)
    assert moved[0] < 0.0 < moved[1]


def test_a_patch_covers_a_sixteenth_and_moves_the_answer(classifier: Classifier) -> None:
    before = pictures()
    after = attacks.attack("patch", before, np.array([True, False]), BUDGET, classifier)
    for old, new in zip(before, after, strict=True):
        assert (old != new).any(axis=2).mean() == pytest.approx(1 / 16, abs=0.02)
    moved = scores(classifier, after) - scores(classifier, before)
    assert moved[0] < 0.0 < moved[1]


@pytest.mark.parametrize("smooth", [False, True])
def test_who_knows_the_views_keeps_the_budget_too(smooth: bool, classifier: Classifier) -> None:
    before = pictures()
    after = attacks.knowing(before, np.array([True, False]), BUDGET, smooth, classifier)
    for old, new in zip(before, after, strict=True):
        assert 0 < np.abs(new.astype(int) - old).max() <= BUDGET


def test_an_unknown_attack_is_refused_with_the_choices(classifier: Classifier) -> None:
    with pytest.raises(UnknownName, match="pgd"):
        attacks.attack("cleverness", pictures(), np.array([True, False]), BUDGET, classifier)


def test_the_step_of_training_stays_in_its_neighbourhood_and_hurts(bank: recipe.Bank) -> None:
    torch.manual_seed(0)
    net = AdvertNet(len(looks.CLASSES)).eval()
    rgb = torch.from_numpy(bank.rgb[:8]).permute(0, 3, 1, 2).float()
    labels = torch.from_numpy(bank.labels[:8])
    bad = recipe.stepped(net, rgb, labels, BUDGET)
    assert float((bad - rgb).abs().max()) <= (1.0 + recipe.NEIGHBOURHOOD) * BUDGET + 1e-3
    loss = torch.nn.functional.cross_entropy
    with torch.no_grad():
        assert loss(net(bad)[0], labels) > loss(net(rgb)[0], labels)


@TORCHATTACKS
def test_every_attack_of_the_ensemble_counts(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """What withstands all withstands each, and what was wrong before is not right afterwards."""
    monkeypatch.setattr(robustness, "STEPS", 3)
    monkeypatch.setattr(robustness, "QUERIES", 5)
    bank = recipe.bank(_scenes.scenes(None, _scenes.JUDGE), 8, seed=2)
    held = robustness.withstood(classifier, bank.rgb, bank.labels.astype(np.intp))
    for one in (held.apgd_ce, held.square):
        assert not np.any(held.all & ~one)
        assert not np.any(one & ~held.right)
    assert held.right.sum() >= 6


def test_a_run_stopped_goes_on_and_its_card_calibrates(bank: recipe.Bank, tmp_path: Path) -> None:
    told = recipe.Recipe(steps=4, batch=8, bfloat16=False)
    recipe.train(bank, tmp_path, recipe.Recipe(steps=2, batch=8, bfloat16=False))
    net = recipe.train(bank, tmp_path, told, resume=True)
    difference = recipe._export(net, tmp_path / "advert.onnx", bank)
    written = recipe._card(tmp_path / "advert.onnx", net, bank, difference)
    assert (tmp_path / "advert.onnx").stat().st_size <= 2_000_000
    assert written["calibration"]["reals"] == 6
    assert written["calibration"]["fakes"] == 18
    assert difference < 1e-3


def test_attacks_that_patterns_are_learned_from_stay_within_their_bounds(bank: recipe.Bank, tmp_path: Path) -> None:
    rgb = torch.from_numpy(bank.rgb[:4]).permute(0, 3, 1, 2).float()
    labels, graph = torch.from_numpy(bank.labels[:4]), patterns._classifier()
    for attack, most in ((patterns.descended, patterns.LEVELS[1]), (patterns.asked, patterns.LEVELS[1])):
        change = (attack(graph, rgb, labels, np.random.default_rng(1)) - rgb).abs()
        assert 0.0 < float(change.max()) <= most + 1e-3
    patched = (patterns.patched(graph, rgb, labels, np.random.default_rng(1)) != rgb).any(1).float().mean((1, 2))
    assert float(patched.max()) <= patterns.PATCH_SIDE[1] ** 2
    net = patterns.train(bank, tmp_path, patterns.Recipe(steps=2, batch=8))
    assert net(rgb).shape == (4, 1)
