"""`finegrained`: forgery detection as fine-grained classification, learned from real faces and their forgeries.

Two stages. First pairs alone: a real face and a pseudo-fake of it, of seven families. Then, where the data hold
labelled forgeries of the training split, a short ordered stage on top: a third of pseudo-fakes, a third of forged clips
with their originals moment by moment, a third of labelled pictures without a partner, with the norms frozen and a lower
rate, because a flat mix from the start makes a net worse on what it has not seen.

The validation split is never opened: stills and clips of the training split that were held out set the thresholds
and calibrate (train/sampling.py), and `unforge bench` measures on the validation split.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unforge import metrics
from unforge.errors import WeightsError
from unforge.nets.finegrained import Answer, FineGrained
from unforge.nets.lite0 import imagenet_weights
from unforge.train import attended, datasets, export, fakes, loop, verify
from unforge.train.batches import Batch, Labelled, PairSet, stream
from unforge.train.material import Material, allowed
from unforge.train.pairs import View
from unforge.train.sampling import shares

VIEW = View(size_px=160, margin_low=1.1, margin_high=1.6)
FAMILIES: Mapping[str, float] = {
    "self_blend": 0.36,
    "cross_blend": 0.10,
    "part_swap": 0.08,
    "reenact": 0.14,
    "decoder": 0.19,
    "warp": 0.08,
    "frequency": 0.05,
}
# What each part of an answer costs
WEIGHTS: Mapping[str, float] = {
    "class": 1.0,
    "order": 0.5,
    "mask": 1.0,
    "artefacts": 0.5,
    "region": 0.15,
    "quality": 0.5,
    "attention": 0.05,
    "second look": 0.0,
}
LABELLED_CLIPS = 0.6  # share of clips among the labelled forgeries without a partner
UNKNOWN = -1  # region


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run may be told."""

    minutes: float = 90.0  # of the first stage
    label_minutes: float = 25.0  # of the second
    steps: int = 10**9  # bound on batches of each stage
    pairs: int = 16  # per batch
    seed: int = 1
    workers: int = 1
    threads: int = 1
    bfloat16: bool = True
    device: str = "cuda" if torch.cuda.is_available() else "cpu"
    families: Mapping[str, float] = field(default_factory=lambda: dict(FAMILIES))
    weights: Mapping[str, float] = field(default_factory=lambda: dict(WEIGHTS))
    net: Callable[[], FineGrained] = FineGrained
    start: str = "imagenet"  # or a file that `export` has written of this net
    pace: float = 1.0  # of both rates of learning; lower for a start that knows faces
    frozen_blocks: int = 0  # of the trunk; only sensible for a start that knows faces


def main(
    data: Path,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 1,
    on_progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Train, export, measure and calibrate; returns the folder with the network and its card.

    data: a folder with a `manifest.csv`. minutes: of training, both stages together. resume: go on from the last
    checkpoint.
    """
    return run(data, out, lasting(Recipe(seed=seed), minutes), resume, on_progress)


def lasting(recipe: Recipe, minutes: float | None) -> Recipe:
    """The recipe with so many minutes for both stages together, or as it is."""
    return recipe if minutes is None else replace(recipe, minutes=0.8 * minutes, label_minutes=0.2 * minutes)


def run(
    data: Path,
    out: Path,
    recipe: Recipe,
    resume: bool = False,
    on_progress: Callable[[str, float], None] | None = None,
) -> Path:
    """The whole recipe; work files, checkpoints and results go to `out`."""
    samples = [sample for sample in datasets.index("manifest", data) if allowed(sample)]
    material = Material.of(samples, out / "store", on_progress)
    net = learn_pairs(material, out / "pairs", recipe, resume, on_progress)
    history = verify.History(started(recipe), tuple(recipe.families))
    verify.finish(net, material, history, out / "pairs")
    if material.has_forgeries:
        net = learn_labels(net, material, out / "labels", recipe, resume, on_progress)
        verify.finish(net, material, replace(history, labelled=True), out / "labels")
    return out


def learn_pairs(
    material: Material,
    folder: Path,
    recipe: Recipe,
    resume: bool = False,
    on_progress: Callable[[str, float], None] | None = None,
) -> nn.Module:
    """The first stage: reals and their pseudo-fakes."""
    _prepare(recipe)
    net = recipe.net()
    if recipe.start == "imagenet":
        net.trunk.start_from(imagenet_weights())
    else:
        _go_on_from(net, Path(recipe.start))
    if recipe.frozen_blocks:
        net.trunk.freeze(recipe.frozen_blocks)
    schedule = loop.Schedule(
        recipe.minutes,
        recipe.steps,
        rate=1.5e-3 * recipe.pace,
        trunk_rate=6e-4 * recipe.pace,
        weight_decay=0.03,
        averaging=0.999,
    )
    return _train(net, material, folder, recipe, schedule, None, resume, on_progress)


def learn_labels(
    net: nn.Module,
    material: Material,
    folder: Path,
    recipe: Recipe,
    resume: bool = False,
    on_progress: Callable[[str, float], None] | None = None,
) -> nn.Module:
    """The second stage: fewer pseudo-fakes, and labelled forgeries beside them, with their originals where known."""
    _prepare(recipe)
    schedule = loop.Schedule(
        recipe.label_minutes,
        recipe.steps,
        rate=4e-4,
        trunk_rate=1.6e-4,
        weight_decay=0.03,
        averaging=0.998,
        frozen_norms=True,
    )
    known = labelled(material, folder, recipe.pairs, on_progress)
    return _train(net, material, folder, recipe, schedule, known, resume, on_progress)


def labelled(
    material: Material, folder: Path, pairs: int, on_progress: Callable[[str, float], None] | None = None
) -> Labelled | None:
    """Labelled forgeries for batches of so many pairs: half of these with originals, and as many without a partner.

    None where the material has none. Moments of clips and originals are kept in `folder / originals`.
    """
    if not material.has_forgeries:
        return None
    return Labelled(
        material.originals(folder / "originals", on_progress),
        pairs // 2,
        shares(material.store, lambda row: material.trained(row, "real"), LABELLED_CLIPS),
        shares(material.store, lambda row: material.trained(row, "fake"), LABELLED_CLIPS, by="method"),
        reals=pairs // 2,
        fakes=pairs // 2,
    )


def _go_on_from(net: nn.Module, path: Path) -> None:
    """Take over the weights of a file; raises WeightsError if it is not of this net. Counters of batches start anew."""
    missing = net.load_state_dict(export.state(path), strict=False).missing_keys
    wanted = [name for name in missing if not name.endswith("num_batches_tracked")]
    if wanted:
        raise WeightsError(f"start: expected a file of the same net; {path} lacks {', '.join(wanted[:3])}, ...")


def started(recipe: Recipe) -> str:
    """What a run starts from, in words."""
    if recipe.start == "imagenet":
        return "ImageNet weights of EfficientNet-Lite0 (Apache-2.0)"
    return f"the weights of {Path(recipe.start).name}, SHA-256 {export.sha256(Path(recipe.start))}"


def _prepare(recipe: Recipe) -> None:
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    torch.set_flush_denormal(True)


def _train(
    net: nn.Module,
    material: Material,
    folder: Path,
    recipe: Recipe,
    schedule: loop.Schedule,
    labelled: Labelled | None,
    resume: bool,
    on_progress: Callable[[str, float], None] | None,
) -> nn.Module:
    net = net.to(recipe.device, memory_format=torch.channels_last)
    drawn = shares(material.store, lambda row: material.trained(row, "real"))

    def batches(first: int) -> Iterator[Batch]:
        pairs = PairSet(
            material.store, drawn, recipe.families, VIEW, recipe.pairs, first, recipe.seed, material.donors, labelled
        )
        return stream(pairs, recipe.workers)

    @cache
    def pairs() -> list[verify.Forged]:
        families = tuple(recipe.families)
        return verify.held_out_pairs(material.store, material.held_out, material.donors, families, most=240)

    def probe(average: nn.Module) -> dict[str, float]:
        return {
            "held_out_pairs_auc": verify.pair_auc(average, pairs()),
            "held_out_forgeries_auc": verify.forgery_auc(average, material.store, material.held_out),
        }

    trunk = net.trunk if isinstance(net.trunk, nn.Module) else net
    trained = loop.run(net, trunk, batches, _loss(recipe), schedule, folder, resume, on_progress, probe)
    verify.draw_curves(folder)
    return trained


def _loss(recipe: Recipe) -> loop.Loss[Batch]:
    def loss(net: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        batch = Batch(*(part.to(recipe.device) for part in batch))
        rgb = batch.pictures.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
        with torch.autocast(recipe.device, torch.bfloat16, enabled=recipe.bfloat16):
            answer = net(rgb)
        answer = Answer(*(part.float() for part in answer))
        parts = losses(answer, batch)
        if recipe.weights["second look"]:
            with torch.autocast(recipe.device, torch.bfloat16, enabled=recipe.bfloat16):
                parts["second look"] = _second_look(net, rgb[: 2 * len(batch.masks)], answer.attention)
        total = torch.stack([recipe.weights[name] * part for name, part in parts.items()]).sum()
        return total, {**{name: part.item() for name, part in parts.items()}, **rates(answer, batch)}

    return loss


def losses(answer: Answer, batch: Batch) -> dict[str, Tensor]:
    """Class, order within each pair, mask, artefacts, region, quality, and where attention lies.

    Reals have an empty mask; labelled pictures without a partner have none at all and count by their class alone.
    """
    half = len(batch.masks)
    both, fake = slice(0, 2 * half), slice(half, 2 * half)
    nowhere = torch.full_like(batch.region, len(fakes.REGIONS))
    region = torch.where(batch.told, batch.region, UNKNOWN)
    return {
        "class": F.binary_cross_entropy_with_logits(answer.logit, labels(batch) * 0.96 + 0.02),
        "order": F.softplus(answer.logit[:half] - answer.logit[fake]).mean(),
        "mask": _mask_loss(answer.mask[both], batch.masks),
        "artefacts": F.binary_cross_entropy_with_logits(
            answer.artefacts[fake][batch.told], batch.artefacts[batch.told]
        ),
        "region": F.cross_entropy(answer.region[both], torch.cat([nowhere, region]), ignore_index=UNKNOWN),
        "quality": F.mse_loss(answer.quality[both], batch.quality.repeat(2, 1)),
        "attention": _attention_loss(answer.attention[fake], batch.masks),
    }


def labels(batch: Batch) -> Tensor:
    """(2 B + L,) of all pictures, 1 for a fake."""
    reals = batch.labels.new_zeros(len(batch.masks))
    return torch.cat([reals, reals + 1.0, batch.labels])


def rates(answer: Answer, batch: Batch) -> dict[str, float]:
    """How often the fake of a pair has the higher logit and a logit the right sign; AUC of labelled pictures."""
    half, truth = len(batch.masks), labels(batch)
    found = {
        "ordered": (answer.logit[half : 2 * half] > answer.logit[:half]).float().mean().item(),
        "accuracy": ((answer.logit > 0) == (truth > 0)).float().mean().item(),
    }
    if len(batch.labels) and 0 < batch.labels.sum() < len(batch.labels):
        found["labelled_auc"] = metrics.auc(
            answer.logit[2 * half :].detach().cpu().numpy(), batch.labels.cpu().numpy() > 0
        )
    return found


def _second_look(net: nn.Module, pairs: Tensor, attention: Tensor) -> Tensor:
    """Class of a part of the pairs (2 B, 3, S, S), cropped to or without what was looked at in the fake."""
    half = len(pairs) // 2
    chosen = torch.randperm(half, device=pairs.device)[: max(1, half // 2)]
    both, looked = torch.cat([chosen, half + chosen]), attention[half + chosen]
    again = attended.cropped if torch.rand(()) < 0.5 else attended.dropped
    with torch.random.fork_rng(devices=[]):
        real = again(pairs[chosen], looked)
    fake = again(pairs[half + chosen], looked)  # the same draws as for its partner
    logits = net(torch.cat([real, fake]).contiguous(memory_format=torch.channels_last)).logit.float()
    return F.binary_cross_entropy_with_logits(logits, (both >= half).float())


def _mask_loss(found: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy at each cell of reals and fakes, and overlap (Dice) of the fakes."""
    wanted = torch.cat([torch.zeros_like(masks), masks])
    inside = found[len(masks) :].sigmoid()
    overlap = 2.0 * (inside * masks).sum(dim=(1, 2)) + 1.0
    dice = 1.0 - overlap / (inside.sum(dim=(1, 2)) + masks.sum(dim=(1, 2)) + 1.0)
    return F.binary_cross_entropy_with_logits(found, wanted) + 0.5 * dice.mean()


def _attention_loss(attention: Tensor, masks: Tensor) -> Tensor:
    """How little of the attention on a fake lies on what was pasted, as a negative logarithm."""
    cells = F.adaptive_avg_pool2d(masks[:, None], attention.shape[-2:])[:, 0]
    on_it = (attention.mean(dim=1) * cells).sum(dim=(1, 2))
    return -torch.log(on_it + 0.02).mean()
