"""Fusion learned: who is believed how far, what each adds, and that it comes back from its file."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from unforge import weights
from unforge.evidence import Evidence, abstention
from unforge.train.heard import Heard
from unforge.train.recipes import trust
from unforge.verdict import Voices, posterior, weigh


def told(count: int = 400, seed: int = 0, *, noise: bool = False, copy: bool = False) -> list[Heard]:
    """Exhibits on which a says what is true at unit variance, b the same independently; maybe noise and a copy of a."""
    rng = np.random.default_rng(seed)
    found = []
    for n in range(count):
        fake = n % 2 == 1
        said = {name: float(rng.normal(1.0 if fake else -1.0, 1.0)) for name in ("a-1", "b-1")}
        if noise:
            said["noise-1"] = float(rng.normal(0.0, 1.5))
        if copy:
            said["copy-1"] = said["a-1"]
        found.append(Heard("one kind" if n % 4 < 2 else "another", fake, said))
    return found


def voices(found: list[Heard], *sources: str) -> Voices:
    learned = trust.learn(found, sources)
    assert learned is not None
    return learned


def test_independent_sources_say_more_together_and_come_out_calibrated() -> None:
    """At unit variance and means of -1 and 1 the llr of a score is twice the score."""
    both = voices(told(4000), "a-1", "b-1")
    assert both.weights["a-1"] == pytest.approx(2.0, abs=0.35)
    assert both.weights["b-1"] == pytest.approx(2.0, abs=0.35)
    fresh = told(2000, seed=9)
    chances = np.array([posterior(both.llr(one.said), 0.5) for one in fresh])
    fakes = np.array([one.fake for one in fresh])
    for low, high in ((0.0, 0.2), (0.2, 0.8), (0.8, 1.0)):
        within = (chances >= low) & (chances <= high)
        assert fakes[within].mean() == pytest.approx(chances[within].mean(), abs=0.06)


def test_a_copy_of_a_source_does_not_count_twice() -> None:
    alone = voices(told(2000), "a-1")
    doubled = voices(told(2000, copy=True), "a-1", "copy-1")
    assert sum(doubled.weights.values()) == pytest.approx(sum(alone.weights.values()), rel=0.05)


def test_no_weight_is_ever_negative() -> None:
    liars = [Heard(one.kind, one.fake, {**one.said, "liar-1": -one.said["a-1"]}) for one in told()]
    found = voices(liars, "b-1", "liar-1")
    assert all(weight >= 0.0 for weight in found.weights.values())


def test_few_exhibits_teach_nothing() -> None:
    assert trust.learn(told(2 * trust.FEWEST - 4), ["a-1"]) is None


def test_at_most_one_percent_of_the_reals_pass_the_threshold() -> None:
    found = told(4000)
    both = voices(found, "a-1", "b-1")
    passed = [both.llr(one.said) >= both.llr_manipulated for one in found if not one.fake]
    assert np.mean(passed) <= 0.011


def test_what_a_source_adds_is_measured_and_noise_adds_nothing() -> None:
    found = told(noise=True)
    sources = ["a-1", "b-1", "noise-1"]
    value, low, _, count = trust.added(found, "b-1", sources) or (0.0, 0.0, 0.0, 0)
    assert count == len(found)
    assert low > 0.0
    assert value > 0.02
    assert abs((trust.added(found, "noise-1", sources) or (9.0,))[0]) < 0.01


@pytest.fixture
def learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "trust.toml"
    silenced = [Heard(one.kind, one.fake, {**one.said, "useless-1": 0.0}) for one in told()]
    trust.write(path, silenced)
    monkeypatch.setattr(weights, "TRUST", path)
    weights.trust.cache_clear()
    yield path
    weights.trust.cache_clear()


def test_what_was_learned_is_read_back_and_weighs(learned: Path) -> None:
    found = weights.trust()
    assert set(found.voices) == {frozenset({"a-1"}), frozenset({"b-1"}), frozenset({"a-1", "b-1"})}
    assert "useless-1" in found.silent
    answers = [Evidence("manipulated", name, llr, "Seen.") for name, llr in (("a-1", 1.0), ("b-1", 0.5))]
    both = found.of(["a-1", "b-1"])
    assert both is not None
    verdict = weigh(answers, trust=found)
    assert verdict.llr == pytest.approx(both.llr({"a-1": 1.0, "b-1": 0.5}))
    assert verdict.rates["calibration_reals"] == sum(not one.fake for one in told())
    silent = abstention("manipulated", "b-1", "Too dark.")
    alone = found.of(["a-1"])
    assert alone is not None
    assert weigh([answers[0], silent], trust=found).llr == pytest.approx(alone.llr({"a-1": 1.0}))


def test_examiners_that_were_never_heard_are_named_as_silent(learned: Path) -> None:
    assert "container-1" in weights.trust().silent or "finegrained-2" in weights.trust().silent


def test_what_the_package_ships_fits_its_examiners() -> None:
    """Every set of examiners that may vote has voices of its own, and thresholds on the right sides."""
    shipped = weights.trust()
    for sources, found in shipped.voices.items():
        assert set(found.weights) == set(sources)
        assert all(weight >= 0.0 for weight in found.weights.values())
        assert found.llr_no_evidence <= 0.0 < found.cap
        assert math.isfinite(found.llr_manipulated)
