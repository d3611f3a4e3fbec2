"""`seam`: a compact net that learns blending seams from real faces alone.

Data: the reals of the training split, stills and clips. Every third real clip, the fakes of the training split and the
stills of the validation split are kept for calibration. The clips of the validation split are never opened: they are
what `unforge bench clips` measures.
"""

import hashlib
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
from unforge.detect import seam as detector
from unforge.nets.lite0 import imagenet_weights
from unforge.nets.seam import SeamNet
from unforge.train import calibrate, card, crops, datasets, export, fakes, loop
from unforge.train.batches import Batch, PairSet, stream
from unforge.train.pairs import Pair, View, make_pair
from unforge.train.sample import Sample
from unforge.train.verify import ellipse_iou
from unforge.weights.calibration import Calibration

VIEW = View(size_px=144, margin_low=1.2, margin_high=1.45)
SHARE_OF_CLIPS = 0.35  # of the pairs: clips are few, but they look like what will be examined
PLAIN_VIEW = View(size_px=144, margin_low=1.3, margin_high=1.3)  # as the examiner looks
VERSION = "seam-1"
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


def main(
    data: Path,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 1,
    on_progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Train, export, measure and calibrate; returns the folder with `seam.onnx` and its card `seam.toml`.

    data: a folder with a `manifest.csv`. minutes: of training, 40 if None. resume: go on from the last checkpoint.
    """
    recipe = Recipe(seed=seed) if minutes is None else Recipe(minutes=minutes, seed=seed)
    net = train(data, out, recipe, resume, on_progress)
    finish(net, open_store(data, out), out)
    return out


def open_store(data: Path, out: Path, on_progress: Callable[[str, float], None] | None = None) -> crops.Store:
    """The face crops of everything that this recipe may see."""
    samples = [sample for sample in datasets.index("manifest", data) if _allowed(sample)]
    tell = None if on_progress is None else lambda share: on_progress("finding faces", share)
    return crops.build(samples, out / "store", tell)


def _allowed(sample: Sample) -> bool:
    return sample.split == "train" or (sample.kind == "image" and sample.label == "real")


def train(
    data: Path,
    out: Path,
    recipe: Recipe,
    resume: bool = False,
    on_progress: Callable[[str, float], None] | None = None,
) -> nn.Module:
    """Train on the reals of the training split of the data set in `data`; work files go to `out`."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    torch.set_flush_denormal(True)
    store = open_store(data, out, on_progress)
    net = SeamNet()
    net.trunk.start_from(imagenet_weights())
    net = net.to(memory_format=torch.channels_last)
    shares = sampling(store)

    def batches(first: int) -> Iterator[Batch]:
        pairs = PairSet(store, shares, {"self_blend": 1.0}, VIEW, recipe.pairs, first, recipe.seed)
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
    return np.asarray(shares / shares.sum(), np.float64)


def _loss(recipe: Recipe) -> loop.Loss[Batch]:
    def loss(net: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        rgb = batch.pictures.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
            logits, found = net(rgb)
        return losses(logits.float(), found.float(), batch.masks)

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


# After training


def finish(net: nn.Module, store: crops.Store, out: Path) -> None:
    """Export, measure on held-out self-blends, calibrate, and write the card beside the file."""
    import onnxruntime

    some = range(0, len(store.rows), max(1, len(store.rows) // 8))
    example = torch.from_numpy(np.stack([_view(store, n) for n in some]))
    path = out / "seam.onnx"
    difference = export.export(net, path, VIEW.size_px, ("logit", "mask"), example)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    threshold = mask_threshold(session, store)
    pairs = held_out_pairs(store)
    numbers = measure(session, pairs, threshold) | {"self_blend_auc_by_cue": by_cue(session, store, threshold)}
    calibration = calibrate.fit(material(session, store, pairs))
    parameters = sum(parameter.numel() for parameter in net.parameters())
    card.write(out / "seam.toml", _card(path, calibration, threshold, numbers, difference, parameters))


def _view(store: crops.Store, n: int) -> NDArray[np.float32]:
    return detector.network_view(store.crops[n], store.landmarks_px[n], PLAIN_VIEW.margin_low, PLAIN_VIEW.size_px)


def held_out_pairs(store: crops.Store, cue: str | None = None, most: int = 700) -> list[Pair]:
    """Self-blends of the validation stills, made once for all measurements; `cue` forces the injected one."""
    return self_blends(store, store.where(label="real", split="val", kind="image")[:most], cue)


def self_blends(store: crops.Store, rows: NDArray[np.int64], cue: str | None = None) -> list[Pair]:
    """One pair of each row, always the same ones."""
    family = fakes.load("self_blend") if cue is None else OneCue(cue)
    return [
        make_pair(store.crops[n], store.landmarks_px[n], family, PLAIN_VIEW, np.random.default_rng([7, n]))
        for n in rows.tolist()
    ]


@dataclass(frozen=True, slots=True)
class OneCue:
    """The self-blend with a single injected cue: a probe of what the net has learned."""

    cue: str

    def make(
        self,
        rgb: NDArray[np.uint8],
        landmarks_px: NDArray[np.float32],
        rng: np.random.Generator,
        donors: fakes.Donors | None = None,
    ) -> fakes.Fake:
        from unforge.train.fakes import self_blend

        return self_blend.make(rgb, landmarks_px, rng, cue=self.cue)


def run_on(session: Any, pictures: list[NDArray[np.uint8]]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Raw scores (N,) and mask logits (N, h, w) of pictures that already are in the network's view."""
    scores, masks = [], []
    for start in range(0, len(pictures), 32):
        fed = np.stack(pictures[start : start + 32]).transpose(0, 3, 1, 2).astype(np.float32)
        logits, found = session.run(["logit", "mask"], {"rgb": fed})
        scores.append(logits)
        masks.append(found)
    return np.concatenate(scores).astype(np.float64), np.concatenate(masks)


def mask_threshold(session: Any, store: crops.Store, most: int = 300) -> float:
    """The mask logit from which on a place counts as marked: best pooled F1 over reals and self-blends.

    Taken on training stills, so that the held-out figures stay held out. Forged places are few, so it lies below 0.
    """
    rows = store.where(label="real", split="train", kind="image")
    pairs = self_blends(store, rows[:: max(1, len(rows) // most)])
    found = np.concatenate(
        [run_on(session, [pair.fake for pair in pairs])[1], run_on(session, [p.real for p in pairs])[1]]
    )
    truth = np.stack([pair.mask > 0.5 for pair in pairs])
    truth = np.concatenate([truth, np.zeros_like(truth)])
    thresholds = np.linspace(-2.0, 1.0, 31)
    f1 = [2.0 * (truth & (found > t)).sum() / (truth.sum() + (found > t).sum()) for t in thresholds]
    return float(thresholds[int(np.argmax(f1))])


def measure(session: Any, pairs: list[Pair], threshold: float) -> dict[str, Any]:
    """Ranking and mask on held-out pairs, with 95 % bootstrap intervals over the pairs."""
    real, calm = run_on(session, [pair.real for pair in pairs])
    fake, found = run_on(session, [pair.fake for pair in pairs])
    labels = np.repeat([False, True], len(pairs))
    scores = np.concatenate([real, fake])
    clear = [n for n, pair in enumerate(pairs) if (pair.mask > 0.5).any()]
    ious = np.array([metrics.iou((found[n] > threshold).astype(float), pairs[n].mask) for n in clear])
    low, high = metrics.interval(lambda rows: metrics.auc(scores[rows], labels[rows]), labels)
    iou_low, iou_high = metrics.interval(lambda rows: float(ious[rows].mean()), np.zeros(len(ious)))
    return {
        "self_blend_auc": metrics.auc(scores, labels),
        "self_blend_auc_interval": [low, high],
        "self_blend_pairs": len(pairs),
        "mask_iou": float(ious.mean()),
        "mask_iou_interval": [iou_low, iou_high],
        "mask_iou_of_a_fixed_ellipse": ellipse_iou([pairs[n].mask for n in clear]),
        "mask_share_marked_on_reals": float((calm > threshold).mean()),
        "mask_share_marked_on_fakes": float((found > threshold).mean()),
    }


def by_cue(session: Any, store: crops.Store, threshold: float, most: int = 200) -> dict[str, float]:
    """AUC with one injected cue at a time: a net that has learned one cue only shows here."""
    found = {}
    for cue in ("colour", "sharpness", "compression", "geometry"):
        found[cue] = float(measure(session, held_out_pairs(store, cue, most), threshold)["self_blend_auc"])
    return found


def material(session: Any, store: crops.Store, pairs: list[Pair]) -> list[calibrate.Scored]:
    """Raw scores of everything that calibrates; a clip counts once, by its mean, as the examiner scores a person."""
    return [
        calibrate.Scored("validation stills", False, _stills(session, store, label="real", split="val")),
        calibrate.Scored("held-out clips", False, _clips(session, store, label="real")),
        calibrate.Scored("self-blends", True, run_on(session, [pair.fake for pair in pairs])[0]),
        calibrate.Scored("face-swapped stills", True, _stills(session, store, label="fake", split="train")),
        calibrate.Scored("forged clips", True, _clips(session, store, label="fake")),
    ]


def _stills(session: Any, store: crops.Store, **wanted: str) -> NDArray[np.float64]:
    return _scores(session, store, store.where(kind="image", **wanted))


def _clips(session: Any, store: crops.Store, label: str) -> NDArray[np.float64]:
    rows = store.where(kind="video", split="train", label=label)
    kept = np.array([n for n in rows.tolist() if label == "fake" or held_out(store.rows[n])], np.int64)
    scores, names = _scores(session, store, kept), [store.rows[n]["path"] for n in kept.tolist()]
    return np.array([scores[[other == name for other in names]].mean() for name in dict.fromkeys(names)])


def _scores(session: Any, store: crops.Store, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Scores of the looks that the examiner would judge."""
    kept = np.array([n for n in rows.tolist() if float(store.rows[n]["size_px"]) >= detector.MIN_FACE_PX], np.int64)
    scores, _ = detector.score(
        session, store.crops[kept], store.landmarks_px[kept], PLAIN_VIEW.margin_low, PLAIN_VIEW.size_px, 0.0
    )
    return scores.astype(np.float64)


def _card(
    path: Path,
    calibration: Calibration,
    threshold: float,
    numbers: dict[str, Any],
    difference: float,
    parameters: int,
) -> dict[str, Any]:
    return {
        "name": "seam",
        "version": VERSION,
        "file": path.name,
        "sha256": export.sha256(path),
        "licence": "Apache-2.0 for the weights as such; trained on sets of which some allow research only, see data",
        "origin": "trained by unforge (train/recipes/seam.py) from ImageNet weights of EfficientNet-Lite0 (Apache-2.0)",
        "purpose": "tells a face with something blended into it from an untouched one, and where",
        "feed": "(N, 3, 144, 144) float32 RGB in 0..255, level square of 1.3 x the face mesh",
        "size_px": PLAIN_VIEW.size_px,
        "margin": PLAIN_VIEW.margin_low,
        "mask_threshold": threshold,
        "parameters": parameters,
        "data": "Real faces only: public stills (OpenForensics, UTKFace, YouTube Faces, FFHQ, London and Canada faces, "
        "conference and portrait pages) and real clips (FaceForensics++ originals, GRID, others), forged by "
        "self-blending (train/fakes/self_blend.py). FaceForensics++, UTKFace and YouTube Faces are for research only.",
        "cannot": "faces generated or animated as a whole, edits of the mouth alone, faces under 64 px, strong blur",
        "trained": datetime.now(UTC).date().isoformat(),
        "numbers": {**numbers, "onnx_torch_difference": difference},
        "calibration": asdict(calibration),
    }
