"""`decoder`: a small autoencoder of faces, for forgeries with a real up-sampling fingerprint.

Data: the reals of the training split that are not held out. Each step trains the encoder with
one of the three decoders, drawn by the step; the stills of the validation split measure the reconstruction.
"""

from collections.abc import Callable, Iterator
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

from unforge import metrics
from unforge.faces import align, quality
from unforge.nets.autoencoder import DECODERS, AutoEncoder
from unforge.train import card, crops, datasets, export, loop
from unforge.train.sample import Sample
from unforge.train.sampling import HeldOut, shares

SIZE_PX = 112
LEARNED_PX = 64  # a part of such a square teaches as much, in a third of the time
SIDES = (0.5, 1.35)  # of a square of SIZE_PX over the longer side of the mesh: a mouth alone up to a whole face
VERSION = "decoder-1"

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run may be told."""

    minutes: float = 10.0
    steps: int = 10**9  # bound on batches
    pictures: int = 8  # per batch
    seed: int = 1
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
    """Train, export and measure; returns the folder with `decoder.onnx` and its card `decoder.toml`.

    data: a folder with a `manifest.csv`. minutes: of training, 10 if None. resume: go on from the last checkpoint.
    """
    recipe = Recipe(seed=seed) if minutes is None else Recipe(minutes=minutes, seed=seed)
    net = train(data, out, recipe, resume, on_progress)
    finish(net, open_store(data, out)[0], work(out))
    return work(out)


def work(out: Path) -> Path:
    """Where this recipe writes, beside its store of crops."""
    return out / "decoder"


def train(
    data: Path,
    out: Path,
    recipe: Recipe,
    resume: bool = False,
    on_progress: Callable[[str, float], None] | None = None,
) -> nn.Module:
    """Train on the reals of the training split of the data set in `data`."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    torch.set_flush_denormal(True)
    store, held_out = open_store(data, out, on_progress)
    net = AutoEncoder().to(memory_format=torch.channels_last)
    drawn = shares(store, lambda row: row["label"] == "real" and row["split"] == "train" and not held_out(row))

    def stream(first: int) -> Iterator[Batch]:
        return batches(store, drawn, recipe, first)

    schedule = loop.Schedule(recipe.minutes, recipe.steps, rate=3e-3, trunk_rate=3e-3, weight_decay=0.0, averaging=0.99)
    return loop.run(net, net.encoder, stream, _loss(recipe), schedule, work(out), resume, on_progress)


def open_store(
    data: Path, out: Path, on_progress: Callable[[str, float], None] | None = None
) -> tuple[crops.Store, HeldOut]:
    """The crops of all real faces, the stills of the validation split among them, and who is held out."""
    samples = [sample for sample in datasets.index("manifest", data) if _allowed(sample)]
    tell = None if on_progress is None else lambda share: on_progress("finding faces", share)
    return crops.build(samples, out / "reals", tell), HeldOut(samples)


def _allowed(sample: Sample) -> bool:
    return sample.label == "real" and (sample.split == "train" or sample.kind == "image")


def batches(store: crops.Store, drawn: NDArray[np.float64], recipe: Recipe, first: int) -> Iterator[Batch]:
    """Pictures (B, LEARNED_PX, LEARNED_PX, 3) uint8 and the number of the decoder; functions of (seed, step) alone."""
    rows, step = np.flatnonzero(drawn), first
    while True:
        rng = np.random.default_rng([recipe.seed, step])
        chosen = rng.choice(rows, recipe.pictures, p=drawn[rows])
        pictures = np.stack([square(store.crops[n], store.landmarks_px[n], rng) for n in chosen])
        yield torch.from_numpy(pictures), torch.tensor(step % len(DECODERS))
        step += 1


def square(crop: NDArray[np.uint8], landmarks_px: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """(LEARNED_PX, LEARNED_PX, 3) on the face, of random size, place, turn and light: one net serves face and parts."""
    low, high = landmarks_px.min(axis=0), landmarks_px.max(axis=0)
    face_px = float(np.max(high - low))
    share = rng.uniform(*SIDES) * LEARNED_PX / SIZE_PX
    room = max(0.08, 1.1 - share) / 2.0
    centre = (low + high) / 2.0 + rng.uniform(-room, room, 2) * face_px
    angle = np.radians(rng.uniform(-12, 12))
    eyes = np.array([[0.0, 0.0], [np.cos(angle), np.sin(angle)]])
    picture = align.warp(crop, align.level_square(centre, share * face_px, eyes, LEARNED_PX), LEARNED_PX)
    lit = picture * np.exp(rng.uniform(-0.06, 0.06, 3) + rng.uniform(-0.25, 0.25))
    lit = np.clip(np.round(lit), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(lit[:, ::-1] if rng.random() < 0.5 else lit)


def _loss(recipe: Recipe) -> loop.Loss[Batch]:
    def loss(net: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        pictures, which = batch
        rgb = pictures.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
            decoded = net.through(rgb, DECODERS[int(which)])
        return losses(decoded.float(), rgb)

    return loss


def losses(decoded: Tensor, wanted: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Grey levels, and their steps at two scales: without the steps, fine detail is not worth its while.

    Squares beside the absolute values: most places hold no detail, and a median of nothing teaches nothing.
    decoded, wanted: (N, 3, H, W) in 0..255.
    """
    error = decoded - wanted
    fine, coarse = _steps(error), _steps(F.avg_pool2d(error, 2))
    flat = error.abs().mean()
    squares = error.square().mean() / 400.0 + (fine[0].square().mean() + fine[1].square().mean()) / 200.0
    absolute = (flat + 1.5 * _size(fine) + 0.75 * _size(coarse)) / 127.5
    return absolute + squares, {"error": flat.item(), "fine": _size(fine).item(), "coarse": _size(coarse).item()}


def _steps(error: Tensor) -> tuple[Tensor, Tensor]:
    return error.diff(dim=3), error.diff(dim=2)


def _size(steps: tuple[Tensor, Tensor]) -> Tensor:
    return steps[0].abs().mean() + steps[1].abs().mean()


# After training


def finish(net: nn.Module, store: crops.Store, out: Path) -> None:
    """Export, measure on validation stills, and write the card beside the file."""
    import onnxruntime

    shown = torch.from_numpy(_fed([_plain(store, n) for n in range(0, len(store.rows), max(1, len(store.rows) // 8))]))
    path = out / "decoder.onnx"
    difference = export.export(net, path, SIZE_PX, DECODERS, shown)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    parameters = sum(parameter.numel() for parameter in net.parameters())
    card.write(out / "decoder.toml", _card(path, measure(session, store), difference, parameters))


def _plain(store: crops.Store, n: int) -> NDArray[np.uint8]:
    """A whole face as the family feeds it."""
    return align.warp(store.crops[n], align.face_square(store.landmarks_px[n], 1.2, SIZE_PX), SIZE_PX)


def _fed(pictures: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    return np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2), np.float32)


def measure(session: Any, store: crops.Store, most: int = 300) -> dict[str, Any]:
    """Error in grey levels and share of sharpness that is left, by decoder, on stills that were not trained on.

    Beside them stands the plain way to lose detail: made half as large and large again.
    """
    rows = store.where(label="real", split="val", kind="image")
    pictures = [_plain(store, n) for n in rows[:: max(1, len(rows) // most)].tolist()]
    made = {kind: _decoded(session, pictures, kind) for kind in DECODERS} | {"halved": [_halved(p) for p in pictures]}
    return {"stills": len(pictures)} | {kind: _compared(got, pictures) for kind, got in made.items()}


def _decoded(session: Any, pictures: list[NDArray[np.uint8]], kind: str) -> list[NDArray[np.uint8]]:
    batches = [session.run([kind], {"rgb": _fed(pictures[n : n + 32])})[0] for n in range(0, len(pictures), 32)]
    levels = np.clip(np.round(np.concatenate(batches)), 0, 255).astype(np.uint8)
    return list(levels.transpose(0, 2, 3, 1))


def _halved(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    small = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def _compared(made: list[NDArray[np.uint8]], pictures: list[NDArray[np.uint8]]) -> dict[str, Any]:
    errors = np.array([np.abs(a.astype(float) - b).mean() for a, b in zip(made, pictures, strict=True)])
    kept = [quality.sharpness(a) / max(quality.sharpness(b), 1e-3) for a, b in zip(made, pictures, strict=True)]
    low, high = metrics.interval(lambda rows: float(errors[rows].mean()), np.zeros(len(errors)))
    return {
        "error_grey_levels": float(errors.mean()),
        "error_interval": [low, high],
        "sharpness_kept": float(np.median(kept)),
    }


def _card(path: Path, numbers: dict[str, Any], difference: float, parameters: int) -> dict[str, Any]:
    return {
        "name": "decoder",
        "version": VERSION,
        "file": path.name,
        "sha256": export.sha256(path),
        "licence": "Apache-2.0 for the weights as such; trained on sets of which some allow research only, see data",
        "origin": "trained by unforge (train/recipes/decoder.py) from random weights",
        "purpose": "reconstructs the same face with an up-sampling fingerprint; makes training forgeries only "
        "(train/fakes/decoder.py), no examiner runs it, and it cannot put one person's face on another",
        "feed": f"(N, 3, {SIZE_PX}, {SIZE_PX}) float32 RGB in 0..255, a level square on a face or on a part of it; "
        f"outputs {', '.join(DECODERS)}, each of the same shape and range",
        "size_px": SIZE_PX,
        "parameters": parameters,
        "data": "Real faces only: public stills (OpenForensics, UTKFace, YouTube Faces, "
        "FFHQ, London and Canada faces, conference and portrait pages) and real clips (FaceForensics++ originals, "
        "GRID, others). FaceForensics++, UTKFace and YouTube Faces are for research only.",
        "cannot": "invent or swap a face, draw detail finer than its squares",
        "trained": datetime.now(UTC).date().isoformat(),
        "numbers": {**numbers, "onnx_torch_difference": difference},
    }
