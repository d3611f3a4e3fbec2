"""`seam`: a compact net that learns blending seams from real faces alone."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unforge.nets.lite0 import imagenet_weights
from unforge.nets.seam import SeamNet
from unforge.train import crops, datasets, loop
from unforge.train.pairs import PairSet, View, stream

VIEW = View(size_px=144, margin_low=1.2, margin_high=1.45)
SHARE_OF_CLIPS = 0.35  # of the pairs: clips are few, but they look like what will be examined
HELD_OUT = 3  # every third real training clip is kept for calibration


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run may be told."""

    minutes: float = 40.0
    steps: int = 10**9  # bound on batches
    pairs: int = 24  # per batch
    seed: int = 1
    workers: int = 1
    threads: int = 1
    bfloat16: bool = True


def train(
    data: Path,
    out: Path,
    recipe: Recipe,
    resume: bool = False,
    on_progress: Callable[[float, str], None] | None = None,
) -> nn.Module:
    """Train on the reals of the training split of the data set in `data`; work files go to `out`."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    torch.set_flush_denormal(True)
    store = crops.build(datasets.index("manifest", data), out / "store")
    net = SeamNet()
    net.trunk.start_from(imagenet_weights())
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    shares = sampling(store)

    def batches(first: int) -> Iterator[loop.Batch]:
        pairs = PairSet(store, shares, "self_blend", VIEW, recipe.pairs, first, recipe.seed)
        return stream(pairs, recipe.workers)

    schedule = loop.Schedule(
        recipe.minutes, recipe.steps, rate=2e-3, trunk_rate=6e-4, weight_decay=0.03, averaging=0.998
    )
    return loop.run(net, net.trunk, batches, _loss(recipe), schedule, out, resume, on_progress)


def held_out(row: dict[str, str]) -> bool:
    """Whether a real training clip is kept from training, for calibration; a function of its name alone."""
    name = "/".join(Path(row["path"]).parts[-2:])
    return row["kind"] == "video" and hashlib.sha256(name.encode()).digest()[0] % HELD_OUT == 0


def sampling(store: crops.Store) -> NDArray[np.float64]:
    """How often each row of the store is drawn: reals of the training split, data sets by the root of their size."""
    usable = [row["label"] == "real" and row["split"] == "train" and not held_out(row) for row in store.rows]
    shares = np.zeros(len(store.rows))
    for kind, part in (("video", SHARE_OF_CLIPS), ("image", 1.0 - SHARE_OF_CLIPS)):
        groups: dict[str, list[int]] = {}
        for n, row in enumerate(store.rows):
            if usable[n] and row["kind"] == kind:
                groups.setdefault(row["dataset"], []).append(n)
        total = sum(len(group) ** 0.5 for group in groups.values())
        for group in groups.values():
            shares[group] = part * len(group) ** 0.5 / total / len(group)
    return shares / shares.sum()


def _loss(recipe: Recipe) -> loop.Loss:
    def loss(net: nn.Module, batch: loop.Batch) -> tuple[Tensor, dict[str, float]]:
        pictures, masks = batch
        rgb = pictures.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
            logits, found = net(rgb)
        return losses(logits.float(), found.float(), masks)

    return loss


def losses(logits: Tensor, found: Tensor, masks: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Class, mask and order within each pair.

    logits: (2 B,), reals first; found: (2 B, h, w) mask logits; masks: (B, h, w), of the fakes; reals have none.
    """
    half = len(masks)
    labels = torch.cat([torch.zeros(half), torch.ones(half)])
    smooth = labels * 0.96 + 0.02
    wanted = torch.cat([torch.zeros_like(masks), masks])
    class_loss = F.binary_cross_entropy_with_logits(logits, smooth)
    order_loss = F.softplus(logits[:half] - logits[half:]).mean()
    mask_loss = F.binary_cross_entropy_with_logits(found, wanted)
    inside = found[half:].sigmoid()
    overlap = 2.0 * (inside * masks).sum(dim=(1, 2)) + 1.0
    dice_loss = (1.0 - overlap / (inside.sum(dim=(1, 2)) + masks.sum(dim=(1, 2)) + 1.0)).mean()
    right = ((logits > 0) == (labels > 0)).float().mean()
    ordered = (logits[half:] > logits[:half]).float().mean()
    parts = {
        "class": class_loss.item(),
        "mask": mask_loss.item(),
        "dice": dice_loss.item(),
        "accuracy": right.item(),
        "ordered": ordered.item(),
    }
    return class_loss + 0.5 * order_loss + mask_loss + 0.5 * dice_loss, parts
