"""`evasion`: the network that knows the pattern which attacks on the picture classifier leave.

Data: the pictures that the classifier has learned from. Half of a batch stays as it is, half is attacked by gradients
of the classifier, by stripes and squares as attacks that only ask leave them, or by a patch; both halves are made
grainy, blurred, sharpened or saved alike, so that none of that tells them apart. What the logit is worth beside the
other figures of the check is learned afterwards (bench/_adverts_learning.py).
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unforge import weights
from unforge.moderate import looks
from unforge.moderate.looks import CARD, SIDE_PX
from unforge.nets.evasion import EvasionNet
from unforge.nets.onnx_graph import OnnxGraph
from unforge.train import card, export, loop
from unforge.train.adverts import _scenes
from unforge.train.recipes.advert import Bank, bank

VERSION = "evasion-1"
LEVELS = (3.0, 9.0)  # budgets of attacks, grey levels
DESCENT_STEPS = (3, 9)
PATCH_SIDE = (0.12, 0.4)  # of the picture's
PATCH_LEVELS = 40.0  # grey levels a step
MOST_SQUARES = 60

Progress = Callable[[str, float], None]
Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run may be told."""

    minutes: float = 600.0
    steps: int = 1500  # batches
    drawn: int = 9000  # pictures to learn from
    batch: int = 64
    seed: int = 1
    threads: int = 1


def main(
    data: Path,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 1,
    on_progress: Progress | None = None,
) -> Path:
    """Train and export; returns the folder with `evasion.onnx` and its card `evasion.toml`.

    data: a folder with a `manifest.csv`. minutes: of training at most. resume: go on from the last checkpoint.
    """
    recipe = Recipe(seed=seed) if minutes is None else Recipe(minutes=minutes, seed=seed)
    learned = bank(_scenes.scenes(data, _scenes.LEARN), recipe.drawn, recipe.seed, out / "bank.npz", on_progress)
    net = train(learned, out, recipe, resume, on_progress)
    path = out / "evasion.onnx"
    example = torch.from_numpy(learned.rgb[:4].astype(np.float32)).permute(0, 3, 1, 2).contiguous()
    difference = export.export(net, path, SIDE_PX, ("pattern",), example)
    card.write(out / "evasion.toml", _card(path, net, difference))
    return out


def train(
    learned: Bank, out: Path, recipe: Recipe, resume: bool = False, on_progress: Progress | None = None
) -> EvasionNet:
    """Train on a bank, against the classifier in the wheel."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    torch.set_flush_denormal(True)
    net, classifier = EvasionNet(), _classifier()

    def stream(first: int) -> Iterator[Batch]:
        return batches(learned, classifier, recipe, first)

    schedule = loop.Schedule(recipe.minutes, recipe.steps, 4e-3, 4e-3, weight_decay=0.01, averaging=0.99)
    trained = loop.run(net, net.filters, stream, _loss, schedule, out, resume, on_progress)
    assert isinstance(trained, EvasionNet)
    return trained


def batches(learned: Bank, classifier: nn.Module, recipe: Recipe, first: int) -> Iterator[Batch]:
    """Pictures (B, 3, S, S) in 0..255, the second half attacked, and which are; functions of (seed, step) alone."""
    step = first
    while True:
        rng = np.random.default_rng([recipe.seed, step, 2])
        chosen = rng.choice(len(learned), min(recipe.batch, len(learned)), replace=False)
        rgb = _tensor(np.stack([_before(one, rng) for one in learned.rgb[chosen]]))
        half = len(chosen) // 2
        labels = torch.from_numpy(learned.labels[chosen[half:]])
        with torch.random.fork_rng():
            torch.manual_seed(int(rng.integers(2**31)))
            bad = ATTACKS[int(rng.choice(len(ATTACKS), p=OFTEN))](classifier, rgb[half:], labels, rng)
        seen = torch.cat([rgb[:half], bad]).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        done = np.stack([_after(one, rng) for one in seen])
        yield _tensor(done), (torch.arange(len(chosen)) >= half).float()
        step += 1


def descended(classifier: nn.Module, rgb: Tensor, labels: Tensor, rng: np.random.Generator) -> Tensor:
    """Attacked by gradients within a random budget (Madry et al., ICLR 2018), from within it or from the picture."""
    budget = float(rng.uniform(*LEVELS))
    steps = int(rng.integers(*DESCENT_STEPS))
    start = budget * (2.0 * torch.rand_like(rgb) - 1.0) if rng.random() < 0.5 else torch.zeros_like(rgb)
    changed = rgb + start
    for _ in range(steps):
        moved = changed + 1.5 * budget / steps * _slope(classifier, changed, labels).sign()
        changed = torch.minimum(torch.maximum(moved, rgb - budget), rgb + budget).clamp(0.0, 255.0)
    return rgb + float(rng.uniform(0.7, 1.0)) * (changed - rgb)


def asked(classifier: nn.Module, rgb: Tensor, labels: Tensor, rng: np.random.Generator) -> Tensor:
    """Stripes, then squares of one colour each, as the square attack leaves them (Andriushchenko et al., ECCV 2020)."""
    budget = float(rng.uniform(*LEVELS))
    change = rng.choice([-budget, budget], (len(rgb), 3, 1, SIDE_PX)).repeat(SIDE_PX, axis=2)
    for one in change:
        for _ in range(int(rng.integers(0, MOST_SQUARES))):
            side = int(rng.integers(1, SIDE_PX // 4))
            top, left = rng.integers(0, SIDE_PX - side + 1, 2)
            one[:, top : top + side, left : left + side] = rng.choice([-budget, budget], (3, 1, 1))
    return (rgb + torch.from_numpy(change.astype(np.float32))).clamp(0.0, 255.0)


def patched(classifier: nn.Module, rgb: Tensor, labels: Tensor, rng: np.random.Generator) -> Tensor:
    """A square of any colours, optimised for a few steps (Brown et al., 2017)."""
    side = int(SIDE_PX * rng.uniform(*PATCH_SIDE))
    top, left = rng.integers(0, SIDE_PX - side + 1, 2)
    mask = torch.zeros_like(rgb)
    mask[:, :, top : top + side, left : left + side] = 1.0
    changed = rgb + mask * (255.0 * torch.rand_like(rgb) - rgb)
    for _ in range(int(rng.integers(0, DESCENT_STEPS[1]))):
        changed = (changed + mask * PATCH_LEVELS * _slope(classifier, changed, labels).sign()).clamp(0.0, 255.0)
    return changed


ATTACKS: tuple[Callable[[nn.Module, Tensor, Tensor, np.random.Generator], Tensor], ...] = (descended, asked, patched)
OFTEN = (0.55, 0.15, 0.3)


def _slope(classifier: nn.Module, rgb: Tensor, labels: Tensor) -> Tensor:
    rgb = rgb.detach().requires_grad_(True)
    with torch.autocast("cpu", torch.bfloat16):
        logits = classifier(rgb)[0]
    return torch.autograd.grad(F.cross_entropy(logits.float(), labels), rgb)[0]


def _before(rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """What ordinary pictures go through before anybody attacks them: grain, a light blur, sharpening."""
    if rng.random() < 0.4:
        grain = rng.uniform(0.0, 6.0) * rng.standard_normal(rgb.shape, np.float32)
        rgb = np.asarray(np.clip(rgb + grain, 0, 255), np.uint8)
    chance = rng.random()
    if chance < 0.2:
        return np.asarray(cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.3, 1.0)), np.uint8)
    if chance < 0.5:
        soft, much = cv2.GaussianBlur(rgb, (0, 0), 1.2), float(rng.uniform(0.2, 0.8))
        return np.asarray(cv2.addWeighted(rgb, 1.0 + much, soft, -much, 0.0), np.uint8)
    return rgb


def _after(rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    return looks.saved(rgb, int(rng.integers(70, 97))) if rng.random() < 0.4 else rgb


def _loss(net: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    rgb, attacked = batch
    with torch.autocast("cpu", torch.bfloat16):
        logits = net(rgb)[:, 0].float()
    cost = F.binary_cross_entropy_with_logits(logits, attacked)
    right = ((logits > 0) == (attacked > 0.5)).float().mean()
    return cost, {"loss": float(cost.detach()), "right": float(right)}


def _classifier() -> nn.Module:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "advert.onnx"
        path.write_bytes(weights.verified(CARD))
        return OnnxGraph(path).requires_grad_(False)


def _tensor(rgb: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(rgb.astype(np.float32)).permute(0, 3, 1, 2)


def _card(path: Path, net: EvasionNet, difference: float) -> Mapping[str, Any]:
    return {
        "name": "evasion",
        "version": VERSION,
        "file": path.name,
        "sha256": export.sha256(path),
        "licence": "Apache-2.0; every picture it has seen allows that, see data",
        "origin": "trained by unforge (train/recipes/evasion.py) from random weights",
        "purpose": "knows the pattern that attacks on the picture classifier leave in a reduced picture",
        "feed": f"(N, 3, {SIDE_PX}, {SIDE_PX}) float32 RGB in 0..255, as the network advert; output pattern, a logit",
        "size_px": SIDE_PX,
        "against": weights.card(CARD).sha256,
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "data": "The pictures that the network advert has learned from, ordinary and attacked; line and calibration "
        "are learned from pictures of the training split that neither has seen (bench/_adverts_learning.py).",
        "cannot": "stop anybody who knows it: who differentiates through it passes, see the record evasion",
        "trained": datetime.now(UTC).date().isoformat(),
        "numbers": {"onnx_torch_difference": difference},
    }
