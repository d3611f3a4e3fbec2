"""`advert`: the network that tells pictures of offers from adverts laid over them, hardened against attacks.

Data: pictures drawn without end over free photographs and scenes put together (train/adverts). Most pictures of a batch
are attacked by one step from within a random neighbourhood as they are learned from, at the cost of two looks (N-FGSM:
de Jorge et al., NeurIPS 2022; its noise keeps the single step from overfitting to itself). Some carry strong noise, for
the vote of noisy looks (Cohen et al., ICML 2019), and some nothing. A plain network is trained beside it the same way
without the attack, for the record alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unforge import metrics
from unforge.moderate import looks
from unforge.moderate.looks import CLASSES, SIDE_PX
from unforge.moderate.votes import SIGMA
from unforge.nets.advert import CELL_PX, AdvertNet
from unforge.train import calibrate, card, export, loop
from unforge.train.adverts import _picture, _scenes

VERSION = "advert-1"
EPSILON = 8.0  # grey levels
NEIGHBOURHOOD = 2.0  # times EPSILON: noise before the step
RAMP_STEPS = 400  # over which the attack grows
SHARES = (0.3, 0.33, 0.1, 0.27)  # of a batch by class: codes are learned at once, lines of text hardly
WHERE = 0.5  # weight of the loss on places
SHIFT_PX = 6  # pictures are moved by up to this while learning
COVERED = 0.25  # share of a cell from which an advert lies there
PLAIN_SHARE = 0.4  # steps of the plain network, as a share of the other's: it learns faster
JUDGED = 1600  # pictures that calibrate

Progress = Callable[[str, float], None]
Batch = tuple[Tensor, Tensor, Tensor, int]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run may be told. attacked, noisy: shares of a batch; the rest is clean."""

    minutes: float = 600.0
    steps: int = 2400  # batches
    drawn: int = 9000  # pictures to learn from
    batch: int = 64
    seed: int = 1
    threads: int = 1
    attacked: float = 0.75
    noisy: float = 0.125
    bfloat16: bool = True


@dataclass(frozen=True, slots=True)
class Bank:
    """Reduced pictures (N, SIDE_PX, SIDE_PX, 3), their classes (N,) and where adverts lie, (N, h, w) by cells."""

    rgb: NDArray[np.uint8]
    labels: NDArray[np.int64]
    where: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.rgb)


def main(
    data: Path,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 1,
    on_progress: Progress | None = None,
) -> Path:
    """Train, export and calibrate; returns the folder with `advert.onnx`, its card `advert.toml` and `plain.onnx`.

    data: a folder with a `manifest.csv`. minutes: of training the hardened network at most, however many steps there
    are; the plain one takes fewer. resume: go on from the last checkpoint.
    """
    recipe = Recipe(seed=seed) if minutes is None else Recipe(minutes=minutes, seed=seed)
    learned = bank(_scenes.scenes(data, _scenes.LEARN), recipe.drawn, recipe.seed, out / "bank.npz", on_progress)
    judged = bank(_scenes.scenes(data, _scenes.JUDGE), JUDGED, recipe.seed + 1, out / "judged.npz", on_progress)
    plain = replace(recipe, steps=round(PLAIN_SHARE * recipe.steps), attacked=0.0)
    for name, told in (("plain", plain), ("advert", recipe)):
        net = train(learned, out / name, told, resume, on_progress)
        difference = _export(net, out / f"{name}.onnx", judged)
    card.write(out / "advert.toml", _card(out / "advert.onnx", net, judged, difference))
    return out


def bank(
    scenes: _scenes.Scenes, count: int, seed: int, file: Path | None = None, on_progress: Progress | None = None
) -> Bank:
    """So many pictures, as many of every class, drawn once and kept in `file`."""
    if file is None or not file.exists():
        drawn = _drawn(scenes, count, seed, on_progress)
        if file is None:
            return drawn
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, **asdict(drawn))
    with np.load(file) as kept:
        return Bank(kept["rgb"], kept["labels"], kept["where"])


def _drawn(scenes: _scenes.Scenes, count: int, seed: int, on_progress: Progress | None) -> Bank:
    words = _picture.words_of(held_out=False)
    rgb = np.empty((count, SIDE_PX, SIDE_PX, 3), np.uint8)
    labels = np.arange(count, dtype=np.int64) % len(CLASSES)
    where = np.empty((count, SIDE_PX // CELL_PX, SIDE_PX // CELL_PX), np.bool_)
    for n, label in enumerate(labels.tolist()):
        drawn = _picture.picture(scenes, label, words, np.random.default_rng([seed, n])).drawn
        rgb[n], where[n] = looks.reduced(drawn.rgb), _cells(drawn.mask)
        if on_progress is not None and n % 100 == 0:
            on_progress("drawing pictures", n / count)
    return Bank(rgb, labels, where)


def _cells(mask: NDArray[np.float32]) -> NDArray[np.bool_]:
    cells = F.adaptive_avg_pool2d(torch.from_numpy(mask)[None, None], SIDE_PX // CELL_PX)
    return np.asarray(cells[0, 0].numpy() > COVERED)


def train(
    learned: Bank, out: Path, recipe: Recipe, resume: bool = False, on_progress: Progress | None = None
) -> AdvertNet:
    """Train on a bank."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    torch.set_flush_denormal(True)
    net = AdvertNet(len(CLASSES)).to(memory_format=torch.channels_last)

    def stream(first: int) -> Iterator[Batch]:
        return batches(learned, recipe, first)

    schedule = loop.Schedule(recipe.minutes, recipe.steps, 2e-3, 2e-3, weight_decay=0.02, averaging=0.998)
    trained = loop.run(net, net.fine, stream, _loss(recipe), schedule, out, resume, on_progress)
    assert isinstance(trained, AdvertNet)
    return trained


def batches(learned: Bank, recipe: Recipe, first: int) -> Iterator[Batch]:
    """Pictures (B, 3, S, S) in 0..255, classes, places and the step; functions of (seed, step) alone."""
    shares = np.array(SHARES)[learned.labels]
    shares /= shares.sum()
    step = first
    while True:
        rng = np.random.default_rng([recipe.seed, step])
        chosen = rng.choice(len(learned), min(recipe.batch, len(learned)), p=shares)
        rgb = _moved(learned.rgb[chosen], rng)
        lit = np.clip(rgb * np.exp(rng.uniform(-0.2, 0.2, (len(chosen), 1, 1, 1))), 0, 255).astype(np.float32)
        labels, where = torch.from_numpy(learned.labels[chosen]), torch.from_numpy(learned.where[chosen])
        yield torch.from_numpy(lit).permute(0, 3, 1, 2), labels, where.float()[:, None], step
        step += 1


def _moved(rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Each picture a little beside its place, its edges repeated; places by cells stay roughly true."""
    padded = np.pad(rgb, ((0, 0), (SHIFT_PX, SHIFT_PX), (SHIFT_PX, SHIFT_PX), (0, 0)), mode="edge")
    starts = rng.integers(0, 2 * SHIFT_PX + 1, (len(rgb), 2)).tolist()
    return np.stack([one[y : y + SIDE_PX, x : x + SIDE_PX] for one, (y, x) in zip(padded, starts, strict=True)])


def _loss(recipe: Recipe) -> loop.Loss[Batch]:
    def loss(net: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        rgb, labels, where, step = batch
        rgb = rgb.contiguous(memory_format=torch.channels_last)
        attacked = round(recipe.attacked * len(rgb))
        noisy = attacked + round(recipe.noisy * len(rgb))
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
            epsilon = EPSILON * min(1.0, (step + 1) / RAMP_STEPS)
            bad = stepped(net, rgb[:attacked], labels[:attacked], epsilon) if attacked else rgb[:0]
            sigmas = 255.0 * SIGMA * torch.rand(noisy - attacked, 1, 1, 1)
            veiled = rgb[attacked:noisy] + sigmas * torch.randn_like(rgb[attacked:noisy])
            logits, cells = net(torch.cat([bad, veiled, rgb[noisy:]]))
        each = F.cross_entropy(logits.float(), labels, reduction="none")
        places = F.binary_cross_entropy_with_logits(cells.float(), where)
        right = (logits.argmax(1) == labels).float()
        parts = {"loss": each.mean(), "places": places, "clean": right[noisy:].mean()}
        if attacked:
            parts["attacked"] = right[:attacked].mean()
        return each.mean() + WHERE * places, {name: float(value.detach()) for name, value in parts.items()}

    return loss


def stepped(net: nn.Module, rgb: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    """Pictures (N, 3, S, S) moved by noise, then by one step of the budget against their classes."""
    near = (rgb + NEIGHBOURHOOD * epsilon * (2.0 * torch.rand_like(rgb) - 1.0)).requires_grad_(True)
    cost = F.cross_entropy(net(near)[0].float(), labels)
    slope = torch.autograd.grad(cost, near)[0]
    return (near.detach() + epsilon * slope.sign()).clamp(0.0, 255.0)


# After training


def _export(net: AdvertNet, path: Path, judged: Bank) -> float:
    example = torch.from_numpy(judged.rgb[:4].astype(np.float32)).permute(0, 3, 1, 2).contiguous()
    return export.export(net, path, SIDE_PX, ("logits", "cells"), example)


def read(net: nn.Module, rgb: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float64]:
    """(N, len(CLASSES)) logits of looks."""
    net.eval()
    with torch.no_grad():
        parts = [
            net(torch.from_numpy(np.stack(list(rgb[n : n + 64])).astype(np.float32)).permute(0, 3, 1, 2))[0]
            for n in range(0, len(rgb), 64)
        ]
    return np.asarray(torch.cat(parts).double().numpy())


def middle_scores(net: nn.Module, rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(N,) what the check goes by: the middle score of every look through all views."""
    seen = [view for look in rgb for view in looks.through(look)]
    return np.asarray(np.median(looks.scores(read(net, seen)).reshape(len(rgb), -1), axis=1))


def _card(path: Path, net: AdvertNet, judged: Bank, difference: float) -> Mapping[str, Any]:
    scores = middle_scores(net, judged.rgb)
    adverts = judged.labels > 0
    material = [calibrate.Scored("clean", False, scores[~adverts])]
    material += [calibrate.Scored(name, True, scores[judged.labels == n]) for n, name in enumerate(CLASSES) if n > 0]
    calibration = asdict(calibrate.fit(material))
    return {
        "name": "advert",
        "version": VERSION,
        "file": path.name,
        "sha256": export.sha256(path),
        "licence": "Apache-2.0; every picture it has seen allows that, see data",
        "origin": "trained by unforge (train/recipes/advert.py) from random weights",
        "purpose": "tells an ordinary picture of an offer from one with a contact, a code or a banner laid over it",
        "feed": f"(N, 3, {SIDE_PX}, {SIDE_PX}) float32 RGB in 0..255, the whole picture reduced and squeezed "
        "(moderate/looks.py); outputs logits of the classes and cells, logits of advert at each place",
        "size_px": SIDE_PX,
        "classes": list(CLASSES),
        "epsilon_levels": EPSILON,
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "data": "Adverts and ordinary writing drawn over stills of the training split (18F, R-Ladies, Microsoft "
        "advocates, London and Canada faces, OpenForensics: CC0, CC BY or public domain), pictures that come with "
        "scikit-image, and scenes put together.",
        "cannot": "read: an advert that looks like a label in the scene passes, a label that looks like an advert does "
        "not; adverts lower than a twentieth of the picture; pictures beside those it was trained on",
        "trained": datetime.now(UTC).date().isoformat(),
        "numbers": {
            "judged_auc": float(metrics.auc(scores, adverts)),
            "judged_pictures": len(judged),
            "onnx_torch_difference": difference,
        },
        "calibration": {**calibration, "refits": [list(pair) for pair in calibration["refits"]]},
    }
