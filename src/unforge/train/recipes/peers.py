"""`peers`: published detectors, made again and trained on what ours is trained on, one after the other.

The same reals, the same people held out, the same ways of forging and degrading, the same labelled forgeries, the same
minutes for each: a table then compares nets and not data sets. They learn by cross-entropy alone, and from labelled
forgeries from the first batch on, as published; what they lack in comparison is a start from ImageNet, which their
papers do not have or which was made for another width.
The validation split is never opened.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unforge import metrics
from unforge.detect import finegrained as detector
from unforge.faces import align
from unforge.nets import mesonet, xception
from unforge.train import calibrate, card, datasets, export, fakes, loop
from unforge.train.batches import Batch, PairSet, stream
from unforge.train.material import Material, allowed
from unforge.train.pairs import Pair, View, make_pair
from unforge.train.recipes import finegrained
from unforge.train.recipes.finegrained import FAMILIES
from unforge.train.sampling import shares

MARGIN = 1.3  # as the bench shows faces
MARGINS = (1.15, 1.5)
BATCH = 32
XCEPTION_WIDTH = 0.375  # 3.0 M parameters: what two cores can train in the time that ours gets
XCEPTION_PX = 160


@dataclass(frozen=True, slots=True)
class Kind:
    """One published net: how it is made, the side of its pictures, its rate of learning, and where it comes from."""

    make: Callable[[], nn.Module]
    size_px: int
    rate: float
    source: str


KINDS: Mapping[str, Kind] = {
    "mesonet4": Kind(
        mesonet.meso4, mesonet.SIZE_PX, 1e-3, "Meso-4 of Afchar et al., MesoNet, WIFS 2018 (nets/mesonet.py)"
    ),
    "mesoinception4": Kind(
        mesonet.mesoinception4,
        mesonet.SIZE_PX,
        1e-3,
        "MesoInception-4 of Afchar et al., MesoNet, WIFS 2018 (nets/mesonet.py)",
    ),
    "xception": Kind(
        lambda: xception.Xception(XCEPTION_WIDTH),
        XCEPTION_PX,
        1e-3,
        f"Xception of Chollet, CVPR 2017, {XCEPTION_WIDTH} times as wide (nets/xception.py)",
    ),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run may be told."""

    minutes: float = 40.0  # for each net
    steps: int = 10**9  # bound on batches of each net
    pairs: int = 16  # per batch
    seed: int = 1
    workers: int = 1
    threads: int = 1
    bfloat16: bool = True
    families: Mapping[str, float] = field(default_factory=lambda: dict(FAMILIES))
    names: tuple[str, ...] = tuple(KINDS)


def main(
    data: Path,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 1,
    on_progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Train, export and calibrate each; returns the folder with NAME.onnx and NAME.toml of all.

    data: a folder with a `manifest.csv`. minutes: of training for each net, 40 if None. resume: go on from the last
    checkpoints; a net that has had its minutes is only exported again. `unforge bench` looks for the files in
    `results/peers`.
    """
    recipe = Recipe(seed=seed) if minutes is None else Recipe(minutes=minutes, seed=seed)
    return run(data, out, recipe, resume, on_progress)


def run(
    data: Path,
    out: Path,
    recipe: Recipe,
    resume: bool = False,
    on_progress: Callable[[str, float], None] | None = None,
) -> Path:
    """The whole recipe; checkpoints go to a folder for each net below `out`, the face crops to `out / store`."""
    samples = [sample for sample in datasets.index("manifest", data) if allowed(sample)]
    material = Material.of(samples, out / "store", on_progress)
    for n, name in enumerate(recipe.names):

        def tell(what: str, share: float, n: int = n, name: str = name) -> None:
            if on_progress is not None:
                on_progress(f"{name}: {what}", (n + share) / len(recipe.names))

        net = train(name, material, out / name, recipe, resume, tell)
        finish(name, net, material, out)
    return out


def train(
    name: str,
    material: Material,
    folder: Path,
    recipe: Recipe,
    resume: bool = False,
    on_progress: Callable[[str, float], None] | None = None,
) -> nn.Module:
    """Train one net on the reals that are not held out, and their forgeries."""
    kind = KINDS[name]
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    torch.set_flush_denormal(True)
    net = kind.make().to(memory_format=torch.channels_last)
    drawn = shares(material.store, lambda row: material.trained(row, "real"))
    view, labelled = View(kind.size_px, *MARGINS), finegrained.labelled(material, folder, recipe.pairs)

    def batches(first: int) -> Iterator[Batch]:
        pairs = PairSet(
            material.store, drawn, recipe.families, view, recipe.pairs, first, recipe.seed, material.donors, labelled
        )
        return stream(pairs, recipe.workers)

    schedule = loop.Schedule(
        recipe.minutes, recipe.steps, rate=kind.rate, trunk_rate=kind.rate, weight_decay=0.03, averaging=0.998
    )
    return loop.run(net, net, batches, _loss(recipe), schedule, folder, resume, on_progress)


def _loss(recipe: Recipe) -> loop.Loss[Batch]:
    def loss(net: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        rgb = batch.pictures.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
            (logits,) = net(rgb)
        return losses(logits.float(), finegrained.labels(batch))

    return loss


def losses(logits: Tensor, labels: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy of logits (N,) and labels (N,), 1 for a fake."""
    class_loss = F.binary_cross_entropy_with_logits(logits, labels)
    rate = ((logits > 0) == (labels > 0)).float().mean().item()
    return class_loss, {"class": class_loss.item(), "accuracy": rate}


# After training


class Judge:
    """The exported file of one net, asked for logits."""

    def __init__(self, path: Path, size_px: int) -> None:
        import onnxruntime

        self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self.size_px = size_px

    def __call__(self, views: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """(N,) of views (size_px, size_px, 3)."""
        scores = [np.empty(0, np.float32)]
        for start in range(0, len(views), BATCH):
            fed = np.stack(views[start : start + BATCH]).transpose(0, 3, 1, 2).astype(np.float32)
            scores += self.session.run(["logit"], {"rgb": fed})
        return np.concatenate(scores).astype(np.float64)

    def of_rows(self, material: Material, rows: Sequence[int]) -> NDArray[np.float64]:
        """(N,) of rows of the store."""
        return self([_view(material, n, self.size_px) for n in rows])


def finish(name: str, net: nn.Module, material: Material, out: Path) -> None:
    """Export, measure on held-out pairs, calibrate, and write the card beside the file."""
    kind, rows = KINDS[name], range(0, len(material.store.rows), max(1, len(material.store.rows) // 8))
    example = np.stack([_view(material, n, kind.size_px) for n in rows]).transpose(0, 3, 1, 2).astype(np.float32)
    path = out / f"{name}.onnx"
    difference = export.export(net, path, kind.size_px, ("logit",), torch.from_numpy(example))
    judge, pairs = Judge(path, kind.size_px), held_out_pairs(material, kind.size_px)
    reals, forged = judge([pair.real for pair in pairs]), judge([pair.fake for pair in pairs])
    scores, labels = np.concatenate([reals, forged]), np.repeat([False, True], len(pairs))
    low, high = metrics.interval(lambda drawn: metrics.auc(scores[drawn], labels[drawn]), labels)
    numbers = {
        "self_blend_auc": metrics.auc(scores, labels),
        "self_blend_auc_interval": [low, high],
        "self_blend_pairs": len(pairs),
        "onnx_torch_difference": difference,
    }
    calibration = calibrate.fit(scored(judge, material, forged))
    parameters = sum(parameter.numel() for parameter in net.parameters())
    card.write(
        out / f"{name}.toml",
        {**_words(name, path, parameters), "numbers": numbers, "calibration": asdict(calibration)},
    )


def held_out_pairs(material: Material, size_px: int, most: int = 700) -> list[Pair]:
    """One self-blend of each held-out real still; always the same ones."""
    store, family, view = material.store, fakes.load("self_blend"), View(size_px, MARGIN, MARGIN)
    rows = _held_out(material, kind="image", label="real")[:most]
    return [make_pair(store.crops[n], store.landmarks_px[n], family, view, np.random.default_rng([7, n])) for n in rows]


def scored(judge: Judge, material: Material, forged: NDArray[np.float64]) -> list[calibrate.Scored]:
    """Raw scores of everything that calibrates; a clip counts once, by its mean, as a peer scores a person."""
    return [
        calibrate.Scored("held-out stills", False, judge.of_rows(material, _held_out(material, "image", "real"))),
        calibrate.Scored("held-out clips", False, _clips(judge, material, "real")),
        calibrate.Scored("self-blends", True, forged),
        calibrate.Scored("face-swapped stills", True, judge.of_rows(material, _held_out(material, "image", "fake"))),
        calibrate.Scored("forged clips", True, _clips(judge, material, "fake")),
    ]


def _clips(judge: Judge, material: Material, label: str) -> NDArray[np.float64]:
    by_clip: dict[str, list[int]] = {}
    for n in _held_out(material, "video", label):
        by_clip.setdefault(material.store.rows[n]["path"], []).append(n)
    return np.array([judge.of_rows(material, rows).mean() for rows in by_clip.values()], np.float64)


def _held_out(material: Material, kind: str, label: str) -> list[int]:
    """Held-out rows of the store that an examiner would judge."""
    rows = [
        n for n in material.store.where(kind=kind, label=label).tolist() if material.held_out(material.store.rows[n])
    ]
    return [n for n in rows if float(material.store.rows[n]["size_px"]) >= detector.MIN_FACE_PX]


def _view(material: Material, row: int, size_px: int) -> NDArray[np.uint8]:
    """What the bench shows a peer of a crop."""
    matrix = align.face_square(material.store.landmarks_px[row], MARGIN, size_px)
    return align.warp(material.store.crops[row], matrix, size_px)


def _words(name: str, path: Path, parameters: int) -> dict[str, Any]:
    kind = KINDS[name]
    return {
        "name": name,
        "version": f"{name}-1",
        "file": path.name,
        "sha256": export.sha256(path),
        "licence": "Apache-2.0 for the weights as such; trained on sets of which some allow research only, see data",
        "origin": f"trained by unforge (train/recipes/peers.py) from random weights: {kind.source}",
        "purpose": "a published net to compare with; not part of the program",
        "feed": f"(N, 3, {kind.size_px}, {kind.size_px}) float32 RGB in 0..255, level square of {MARGIN} x the mesh",
        "size_px": kind.size_px,
        "margin": MARGIN,
        "parameters": parameters,
        "data": "The same real faces of the training split as for our own nets, forged by the same code (train/fakes).",
        "trained": datetime.now(UTC).date().isoformat(),
    }
