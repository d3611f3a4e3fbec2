"""Attacks on a small network: within their budget, the same by the same seed, and stronger than noise of their size."""

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")

import torch
from torch import nn

from tests.faces_samples import portrait
from unforge.bench import _adversarial_attacks as attacks
from unforge.bench._adversarial_faces import Faces
from unforge.bench.network import Network, packaged
from unforge.detect import adversarial, finegrained
from unforge.errors import UsageError
from unforge.exhibit import Exhibit
from unforge.explain import misled
from unforge.faces import align
from unforge.train import export
from unforge.verdict import weigh
from unforge.weights import Card

SIZE_PX = 32
FAKE = np.array([True, False] * 3)


class Small(nn.Module):
    """Two layers and a mean: enough to have gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 3, padding=1))

    def forward(self, rgb: torch.Tensor) -> torch.Tensor:
        logit: torch.Tensor = self.layers(rgb / 64.0 - 2.0).mean(dim=(1, 2, 3)) * 40.0
        return logit


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    path = tmp_path_factory.mktemp("network") / "small.onnx"
    torch.manual_seed(0)
    export.export(Small(), path, SIZE_PX, ("logit",), torch.rand(2, 3, SIZE_PX, SIZE_PX) * 255.0)
    details = {"size_px": SIZE_PX, "margin": 1.3}
    return Network(Card("small", path.name, "", "", "", "", "", details), path.read_bytes())


@pytest.fixture(scope="module")
def judge(network: Network) -> attacks.Judge:
    return attacks.Judge(network)


@pytest.fixture(scope="module")
def views() -> list[NDArray[np.uint8]]:
    return [portrait()[y : y + SIZE_PX, 180 : 180 + SIZE_PX] for y in range(60, 180, 20)]


def change(before: attacks.Views, after: attacks.Views) -> int:
    return int(np.abs(np.stack(before).astype(int) - np.stack(after)).max())


def margins(network: Network, views: attacks.Views) -> NDArray[np.float64]:
    """How far each face is on its own side."""
    return np.where(FAKE, 1.0, -1.0) * network.ask(views).logits


def test_a_network_answers_in_torch_as_it_does_when_only_run(
    network: Network, judge: attacks.Judge, views: list[NDArray[np.uint8]]
) -> None:
    rgb = torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2).float()
    np.testing.assert_allclose(judge(rgb), network.ask(views).logits, atol=1e-3)


@pytest.mark.parametrize("budget", [1, 4])
@pytest.mark.parametrize("attack", [attacks.by_gradient, attacks.by_transfer])
def test_following_a_gradient_stays_within_the_budget_and_pushes_every_face(
    attack, budget: int, network: Network, judge: attacks.Judge, views: list[NDArray[np.uint8]]
) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("foolbox", reason="attacks by gradient come from foolbox (adversarial extra)")
    once, again = (attack(judge, views, FAKE, budget) for _ in range(2))
    assert change(once, again) == 0
    assert 0 < change(views, once) <= budget
    assert once[0].dtype == np.uint8
    signs = np.random.default_rng(0).choice([-budget, budget], np.stack(views).shape)
    noisy = list(np.clip(np.stack(views) + signs, 0, 255).astype(np.uint8))
    assert (margins(network, once) < margins(network, noisy)).all()


def test_asking_stays_within_its_budget_and_its_questions(network: Network, views: list[NDArray[np.uint8]]) -> None:
    asked = 0

    def ask(pictures: attacks.Views) -> NDArray[np.float64]:
        nonlocal asked
        asked += len(pictures)
        return network.ask(pictures).logits

    after = attacks.by_asking(ask, views, FAKE, 4, queries=60, seed=1)
    assert asked == 60 * len(views)
    assert 0 < change(views, after) <= 4
    more = attacks.by_asking(lambda pictures: network.ask(pictures).logits, views, FAKE, 4, queries=400, seed=1)
    assert margins(network, more).mean() < margins(network, after).mean() < margins(network, views).mean()


def test_who_knows_the_check_changes_the_picture_smoothly(judge: attacks.Judge, views: list[NDArray[np.uint8]]) -> None:
    pytest.importorskip("foolbox", reason="attacks by gradient come from foolbox (adversarial extra)")
    smooth, plain = attacks.by_knowing(judge, views, FAKE, 8), attacks.by_gradient(judge, views, FAKE, 8)
    assert 0 < change(views, smooth) <= 8

    def roughness(after: attacks.Views) -> float:
        delta = np.stack(after).astype(float) - np.stack(views)
        return float(np.abs(np.diff(delta, axis=1)).mean() / np.abs(delta).mean())

    assert roughness(smooth) < 0.7 * roughness(plain)


def test_a_view_that_has_no_gradient_passes_one_on(judge: attacks.Judge, views: list[NDArray[np.uint8]]) -> None:
    rgb = torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2).float().requires_grad_(True)
    attacks.EveryView(judge)(rgb).sum().backward()
    assert rgb.grad is not None
    assert (rgb.grad.abs().amax(dim=(1, 2, 3)) > 0).all()


def test_a_framed_face_is_seen_as_the_examiner_cuts_it_out(judge: attacks.Judge, network: Network) -> None:
    crops = [portrait()[60:284, 150:374], portrait()[40:264, 140:364]]
    matrices = [np.array([[0.7, 0.05, -40.0], [-0.05, 0.7, -30.0]]), np.array([[0.8, 0.0, -60.0], [0.0, 0.8, -50.0]])]
    seen = [align.warp(crop, matrix, SIZE_PX) for crop, matrix in zip(crops, matrices, strict=True)]
    rgb = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float()
    np.testing.assert_allclose(attacks.Framed(judge, matrices)(rgb), network.ask(seen).logits, atol=0.3)


def test_a_missing_library_is_told_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "foolbox", None)
    with pytest.raises(UsageError, match=r"unforge\[train,adversarial\]"):
        attacks.foolbox()


def test_a_face_made_to_pass_as_untouched_is_flagged_and_its_verdict_withdrawn(tmp_path: Path) -> None:
    pytest.importorskip("foolbox", reason="attacks by gradient come from foolbox (adversarial extra)")
    one = packaged("finegrained")
    cv2.imwrite(str(tmp_path / "face.png"), cv2.cvtColor(portrait(), cv2.COLOR_RGB2BGR))
    exhibit = Exhibit(tmp_path / "face.png")
    (track,) = exhibit.tracks
    faces = Faces(track.crops, track.crop_landmarks_px, np.array([True]), track.size_px.astype(np.float64))
    (view,) = attacks.by_gradient(attacks.Judge(one), faces.views(one), faces.fake, 4)
    (written,) = attacks.in_pictures(attacks.Judge(one), faces, one, 4)
    assert one.ask([written]).logits < one.ask(faces.views(one)).logits - 2.0
    square = align.face_square(track.crop_landmarks_px[0], one.margin, one.size_px)
    crop = cv2.warpAffine(
        view, align.invert(square), (align.CROP_PX, align.CROP_PX), track.crops[0].copy(), borderMode=5
    )
    attacked = exhibit.showing([replace(track, crops=crop[None])])
    before, after = (adversarial.load().examine(shown) for shown in (exhibit, attacked))
    assert not misled.is_misled([before])
    assert misled.is_misled([after])
    verdict = misled.at_most_inconclusive(weigh([finegrained.load().examine(attacked)]), [after])
    assert verdict.band == "inconclusive"
