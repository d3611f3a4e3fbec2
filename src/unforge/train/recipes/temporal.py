"""`temporal`: a small net over what changes from frame to frame, learned from real film and its temporal forgeries.

Data: clips of the training split. Real stretches are forged over time (train/temporal_fakes), labelled clips are the
last stage. People who are held out set the thresholds and calibrate.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unforge import metrics
from unforge.errors import UsageError
from unforge.nets.temporal import TemporalNet
from unforge.train import calibrate, card, datasets, export, loop, moves
from unforge.train.material import allowed
from unforge.train.moves import Moves

VERSION = "temporal-1"
FEATURES_NOISE = 0.1  # of a standard deviation, against learning single stretches by heart


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run may be told.

    pairs: pseudo-fakes that are made once; versions: codings of every stretch as it is; minutes: of all learning;
    labelled_share: of them for the last stage, in which labelled clips join the pairs; steps: bound on the batches of
    each stage.
    """

    pairs: int = 900
    versions: int = moves.VERSIONS
    minutes: float = 4.0
    labelled_share: float = 0.3
    batch: int = 32
    seed: int = 1
    steps: int = 10**9
    processes: int = 1


def main(
    data: Path,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 1,
    on_progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Forge, learn, export, measure and calibrate; returns the folder with `temporal.onnx` and its card.

    data: a folder with a `manifest.csv`. minutes: of learning, 4 if None; forging takes about a second a pair and
    goes on where it stopped. resume: go on from the last checkpoint.
    """
    recipe = Recipe(seed=seed) if minutes is None else Recipe(minutes=minutes, seed=seed)
    seen = material(data, out, recipe, on_progress)
    finish(train(seen, out, recipe, resume, on_progress), seen, out)
    return out


def material(data: Path, out: Path, recipe: Recipe, on_progress: Callable[[str, float], None] | None = None) -> Moves:
    """The features of all stretches and their forgeries. Raises UsageError where the data hold no usable clip."""
    samples = [sample for sample in datasets.index("manifest", data) if allowed(sample)]
    found = moves.stretches(samples, out / "stretches", on_progress)
    kinds = {(one.sample.label, one.held_out) for one in found}
    if not {("real", False), ("real", True)} <= kinds:
        raise UsageError(
            "temporal: expected real clips of the split train that show a face for a second or longer, some of them "
            f"held out (about every third person); got {len(found)} stretches"
        )
    return moves.build(moves.jobs(found, out / "moves", recipe.pairs, recipe.versions), recipe.processes, on_progress)


def train(
    seen: Moves,
    out: Path,
    recipe: Recipe,
    resume: bool = False,
    on_progress: Callable[[str, float], None] | None = None,
) -> nn.Module:
    """Learn from pairs, then from pairs and labelled stretches; the logs lie in `out / pairs` and `out / labels`."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(1)
    forged = seen.rows(held_out=False, forged=True)
    flat = torch.from_numpy(seen.features[forged].reshape(-1, seen.features.shape[2]))
    net: nn.Module = TemporalNet(flat.mean(dim=0), flat.std(dim=0) + 1e-3)
    labelled = [seen.rows(held_out=False, label=label, forged=False) for label in ("real", "fake")]
    stages: list[tuple[str, float, list[NDArray[np.int64]] | None]] = [
        ("pairs", 1.0 - recipe.labelled_share if len(labelled[1]) else 1.0, None)
    ]
    if len(labelled[1]):
        stages.append(("labels", recipe.labelled_share, labelled))
    for n, (name, share, extra) in enumerate(stages):
        schedule = loop.Schedule(
            recipe.minutes * share, recipe.steps, 2e-3 / (1 + n), 2e-3 / (1 + n), weight_decay=0.05, averaging=0.998
        )
        batches = _batches(seen, forged, extra, recipe)
        net = loop.run(net, nn.Identity(), batches, _loss, schedule, out / name, resume, on_progress)
    return net


Batch = tuple[Tensor, int]
"""Features, untouched ones first, and how many pairs lead each half."""


def _batches(
    seen: Moves, forged: NDArray[np.int64], labelled: list[NDArray[np.int64]] | None, recipe: Recipe
) -> Callable[[int], Iterator[Batch]]:
    def source(first: int) -> Iterator[Batch]:
        step = first
        while True:
            rng = np.random.default_rng([recipe.seed, step, 0 if labelled is None else 1])
            pairs = recipe.batch // (1 if labelled is None else 2)
            fakes = rng.choice(forged, pairs)
            reals = seen.partner[fakes]
            if labelled is not None:
                reals = np.concatenate([reals, rng.choice(labelled[0], recipe.batch - pairs)])
                fakes = np.concatenate([fakes, rng.choice(labelled[1], recipe.batch - pairs)])
            rows = torch.from_numpy(seen.features[np.concatenate([reals, fakes])])
            if rng.random() < 0.5:
                rows = rows.flip(1)  # film run backwards moves as plausibly
            yield rows, pairs
            step += 1

    return source


def _loss(net: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    rows, pairs = batch
    deviation: Tensor = net.deviation
    logits = net(rows + FEATURES_NOISE * deviation * torch.randn_like(rows))
    half = len(rows) // 2
    labels = torch.cat([torch.zeros(half), torch.ones(half)])
    class_loss = F.binary_cross_entropy_with_logits(logits, labels * 0.9 + 0.05)
    order_loss = F.softplus(logits[:pairs] - logits[half : half + pairs]).mean()
    ordered = (logits[half : half + pairs] > logits[:pairs]).float().mean()
    right = ((logits > 0) == (labels > 0)).float().mean()
    parts = {"class": class_loss.item(), "accuracy": right.item(), "ordered": ordered.item()}
    return class_loss + 0.5 * order_loss, parts


# After training


def finish(net: nn.Module, seen: Moves, out: Path) -> None:
    """Export, measure on held-out people, calibrate, and write the card beside the file."""
    path = out / "temporal.onnx"
    difference = exported(net, seen, path)
    scores = scored(net, seen.features)
    calibration = calibrate.fit(held_out(seen, scores))
    parameters = sum(parameter.numel() for parameter in net.parameters())
    card.write(
        out / "temporal.toml",
        {
            "name": "temporal",
            "version": VERSION,
            "file": path.name,
            "sha256": export.sha256(path),
            "licence": "Apache-2.0 for the weights as such; trained on sets of which some are for research only, see "
            "data",
            "origin": "trained by unforge (train/recipes/temporal.py) over the frozen embeddings of finegrained",
            "purpose": "tells a face that changes between frames as a forged one from one that moves as one piece",
            "feed": f"(N, 32, {seen.features.shape[2]}) float32: features of 32 frames, see detect/_motion.py",
            "parameters": parameters,
            "data": _data(seen),
            "cannot": "single pictures, fewer than 14 frames a second, forgeries that are steady over time",
            "trained": datetime.now(UTC).date().isoformat(),
            "numbers": {**measured(seen, scores), "onnx_torch_difference": difference},
            "calibration": asdict(calibration),
        },
    )


def exported(net: nn.Module, seen: Moves, path: Path) -> float:
    """Write the net as ONNX: input "features" (N, T, D), output "logit" (N,)."""
    length, columns = seen.features.shape[1:]
    example = torch.from_numpy(seen.features[:8])
    return export.export_from(net, path, "features", torch.zeros(2, length, columns), ("logit",), example)


@torch.no_grad()
def scored(net: nn.Module, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logits (N,) of features (N, T, D)."""
    parts = [net.eval()(torch.from_numpy(part)) for part in np.array_split(features, 1 + len(features) // 256)]
    return np.asarray(torch.cat(parts).numpy(), np.float64)


def held_out(seen: Moves, scores: NDArray[np.float64]) -> list[calibrate.Scored]:
    """What calibrates: untouched clips of held-out people, as they are and coded again, and their forgeries."""
    plain = seen.rows(held_out=True, forged=False)
    alone = np.array([n for n in plain.tolist() if not _is_partner(seen, n)], np.int64)
    paired = np.setdiff1d(plain, alone)
    found = [
        calibrate.Scored("held-out clips", False, _by_clip(seen, scores, alone)),
        calibrate.Scored("held-out stretches", False, scores[paired]),
    ]
    for family in moves.FAMILIES:
        rows = seen.rows(held_out=True, family=family)
        found.append(calibrate.Scored(family, True, scores[rows]))
    labelled = seen.rows(held_out=True, label="fake")
    found.append(calibrate.Scored("forged clips", True, _by_clip(seen, scores, labelled)))
    return found


def _is_partner(seen: Moves, n: int) -> bool:
    return n + 1 < len(seen.partner) and int(seen.partner[n + 1]) == n


def _by_clip(seen: Moves, scores: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """One score for each clip: the mean over its stretches, as the examiner scores a person."""
    names = [str(seen.samples[n].path) for n in rows.tolist()]
    means = [scores[rows[[other == name for other in names]]].mean() for name in dict.fromkeys(names)]
    return np.array(means, np.float64)


def measured(seen: Moves, scores: NDArray[np.float64]) -> dict[str, Any]:
    """Ranking of held-out stretches against their own forgeries, over all and by family, with intervals."""
    found: dict[str, Any] = {}
    for family in ("", *moves.FAMILIES):
        rows = seen.rows(held_out=True, family=family or None, forged=True)
        if len(rows):
            found |= _ranking(family or "all", scores[seen.partner[rows]], scores[rows])
    return found


def _ranking(name: str, reals: NDArray[np.float64], forged: NDArray[np.float64]) -> dict[str, Any]:
    scores, labels = np.concatenate([reals, forged]), np.repeat([False, True], [len(reals), len(forged)])
    low, high = metrics.interval(lambda rows: metrics.auc(scores[rows], labels[rows]), labels)
    return {
        f"held_out_auc_{name}": metrics.auc(scores, labels),
        f"held_out_auc_{name}_interval": [low, high],
        f"held_out_pairs_{name}": len(forged),
    }


def _data(seen: Moves) -> str:
    sets = sorted({sample.dataset for sample in seen.samples})
    return (
        f"Clips of {', '.join(sets)}: real ones forged over time by {', '.join(moves.FAMILIES)} "
        "(train/temporal_fakes), labelled ones of the training split last. FaceForensics++ is for research only."
    )
