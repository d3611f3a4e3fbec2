"""The red team attacks the classifier of pictures with a budget, on adverts, and loads it once."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")

from unforge.bench import _adverts_attacks as attacks
from unforge.bench import evasions
from unforge.bench._redteam_material import Material
from unforge.bench.evasions import _attack


@pytest.mark.parametrize("name", ["pgd", "square", "patch"])
def test_an_attack_gets_the_picture_as_an_advert(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[object] = []
    asked: list[tuple[str, list[bool], float, object]] = []

    def own() -> object:
        loaded.append(object())
        return loaded[-1]

    def attack(
        name: str, pictures: Sequence[NDArray[np.uint8]], labels: NDArray[np.bool_], budget: float, judge: object
    ) -> list[NDArray[np.uint8]]:
        asked.append((name, labels.tolist(), budget, judge))
        return [255 - one for one in pictures]

    monkeypatch.setattr(attacks, "own", own)
    monkeypatch.setattr(attacks, "attack", attack)
    _attack._classifier.cache_clear()
    material = Material("contact picture", rgb=np.zeros((8, 9, 3), np.uint8))
    changed = [evasions.load(name).evade(material, np.random.default_rng(1)) for _ in range(2)]
    _attack._classifier.cache_clear()
    assert all(one.picture.shape == (8, 9, 3) and one.picture.min() == 255 for one in changed)
    assert asked == [(name, [True], 8.0, loaded[0])] * 2
