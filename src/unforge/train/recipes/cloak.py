"""`cloak`: the network that draws cloaks, against face detectors and an editor trained here.

Data: the real stills of the training split, each in a square window of random width around the central face, because
programs look at whole pictures made small. Each step lays the cloaks, sends the pictures through a channel, and asks
what is missing for one target to fail (protect/objective.py); what can be seen of the cloak is held down beside that.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unforge.faces import find, mesh
from unforge.nets.cloak import CloakNet
from unforge.protect import placing, targets
from unforge.protect.objective import Look, Objective, cropped, laid, smoothed
from unforge.protect.transit import WAYS, Transit
from unforge.train import card, datasets, export, loop
from unforge.train.sample import Sample
from unforge.train.sampling import HeldOut

VERSION = "cloak-1"
EPSILON = 6.4  # grey levels: 0.05 on [-1, 1], what published cloaks are compared at
LOUDNESS = 2.7  # root mean square over the square, grey levels, up to which nothing is held down: 38 dB on the face
LOUD = 4.0  # what it costs to be louder
FACE_SHARE = (0.3, 0.75)  # of the window's side, the longer side of the mesh
STRENGTHS = (1.0, 2.0)  # a cloak is laid as it is drawn, or stronger, up to EPSILON
SHARES = {"editor": 0.5, "detector": 0.5}  # of the steps; other kinds are measured, and pulled at for nothing
TARGETS = Path("runs/targets")

Pictures = NDArray[np.uint8]
Batch = tuple[Tensor, Sequence[NDArray[np.float32]], int]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run may be told."""

    minutes: float = 40.0
    steps: int = 10**9  # bound on batches
    pictures: int = 6  # per batch
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
    """Train, export and measure; returns the folder with `cloak.onnx` and its card `cloak.toml`.

    data: a folder with a `manifest.csv`. Targets trained here are taken from runs/targets, where they are. minutes: of
    training, 40 if None. resume: go on from the last checkpoint.
    """
    recipe = Recipe(seed=seed) if minutes is None else Recipe(minutes=minutes, seed=seed)
    windows = build(data, out, on_progress)
    known = targets.all_targets(TARGETS if TARGETS.exists() else None)
    against = [target for target in known if target.may_train and target.kind in SHARES]
    net = train(windows, out, recipe, Objective(against), resume, on_progress)
    return finish(net, out, [target.name for target in against])


@dataclass(frozen=True, slots=True)
class Windows:
    """Square windows (N, 224, 224, 3) around faces, with their meshes (N, 468, 2) in pixels of the window."""

    rgb: Pictures
    meshes_px: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rgb)


def build(data: Path, out: Path, on_progress: Callable[[str, float], None] | None = None) -> Windows:
    """The windows of the training split, cut once and kept in `out`."""
    file = out / "windows.npz"
    if not file.exists():
        samples = [sample for sample in datasets.index("manifest", data) if _allowed(sample)]
        held_out = HeldOut(samples)
        cut = list(_cut([sample for sample in samples if not held_out.of(sample)], on_progress))
        out.mkdir(parents=True, exist_ok=True)
        np.savez(file, rgb=np.stack([rgb for rgb, _ in cut]), meshes_px=np.stack([points for _, points in cut]))
    with np.load(file) as kept:
        return Windows(kept["rgb"], kept["meshes_px"])


def _allowed(sample: Sample) -> bool:
    return sample.label == "real" and sample.split == "train" and sample.kind == "image"


def _cut(
    samples: Sequence[Sample], on_progress: Callable[[str, float], None] | None
) -> Iterator[tuple[Pictures, NDArray[np.float32]]]:
    for n, sample in enumerate(samples):
        rng = np.random.default_rng([7, n])
        found = _face(sample)
        if found is not None:
            yield placing.window(*found, float(rng.uniform(*FACE_SHARE)), rng)
        if on_progress is not None and n % 50 == 0:
            on_progress("finding faces", n / len(samples))


def _face(sample: Sample) -> tuple[Pictures, NDArray[np.float32]] | None:
    """The picture and the mesh of its largest face. The collection is known: no process of its own decodes it."""
    bgr = cv2.imread(str(sample.path), cv2.IMREAD_COLOR)
    if bgr is None:
        return None
    rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
    found = find.find(rgb)
    if not len(found):
        return None
    sizes = (found.boxes_px[:, 2:] - found.boxes_px[:, :2]).max(axis=1)
    n = int(sizes.argmax())
    points = mesh.mesh(rgb, found.boxes_px[n], found.eyes_px[n])
    return None if points is None else (rgb, points[:, :2])


def train(
    windows: Windows,
    out: Path,
    recipe: Recipe,
    objective: Objective,
    resume: bool = False,
    on_progress: Callable[[str, float], None] | None = None,
) -> nn.Module:
    """Train on windows against an objective."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    torch.set_flush_denormal(True)
    net = CloakNet(placing.SIDE_PX)

    def stream(first: int) -> Iterator[Batch]:
        return batches(windows, recipe, first)

    schedule = loop.Schedule(recipe.minutes, recipe.steps, rate=4e-3, trunk_rate=4e-2, weight_decay=0.0, averaging=0.99)
    return loop.run(net, net.pattern, stream, _loss(recipe, objective), schedule, out, resume, on_progress)


def batches(windows: Windows, recipe: Recipe, first: int) -> Iterator[Batch]:
    """Pictures (B, 3, 224, 224) in 0..255, their meshes and the step; functions of (seed, step) alone."""
    step = first
    while True:
        rng = np.random.default_rng([recipe.seed, step])
        chosen = rng.choice(len(windows), recipe.pictures, replace=False)
        rgb = np.stack([windows.rgb[n] for n in chosen])
        lit = np.clip(rgb * np.exp(rng.uniform(-0.2, 0.2, (len(chosen), 1, 1, 1))), 0, 255)
        yield torch.from_numpy(lit.astype(np.float32)).permute(0, 3, 1, 2), list(windows.meshes_px[chosen]), step
        step += 1


def _loss(recipe: Recipe, objective: Objective) -> loop.Loss[Batch]:
    transit = Transit()
    known: dict[str, float] = {}  # of every target, what was missing when it was asked last

    def loss(net: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        clean, meshes, step = batch
        rng = np.random.default_rng([recipe.seed, step, 1])
        matrices = [placing.square(points) for points in meshes]
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
            cloaks = EPSILON * net(cropped(clean, matrices, placing.SIDE_PX)).float()
        stronger = (float(rng.uniform(*STRENGTHS)) * cloaks).clamp(-EPSILON, EPSILON)
        cloaked = laid(clean, stronger, matrices)
        way = transit.draw(rng)
        edit = int(rng.integers(1 << 16))  # one edit a step: a third of the time, and steps are what teaches
        missing, parts = objective(Look(clean, meshes), WAYS[way](cloaked, rng), [_asked(objective, rng)], edit)
        transit.learn(way, float(missing.mean().detach()))
        loudness = smoothed(cloaks).square().mean((1, 2, 3))
        loud = torch.relu(loudness / LOUDNESS**2 - 1.0)
        known.update(parts, rms=float(loudness.detach().mean().sqrt()))
        return (missing + LOUD * loud).mean(), dict(known)

    return loss


def _asked(objective: Objective, rng: np.random.Generator) -> int:
    """One target a step: more steps teach more than more targets."""
    kinds = [pull.target.kind for pull in objective.pulls]
    shares = np.array([SHARES[kind] / kinds.count(kind) for kind in kinds])
    return int(rng.choice(len(kinds), p=shares / shares.sum()))


# After training


def finish(net: nn.Module, out: Path, against: Sequence[str]) -> Path:
    """Export and write the card beside the file; `unforge bench protect` measures what it does."""
    path = out / "cloak.onnx"
    shown = torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (2, 3, placing.SIDE_PX, placing.SIDE_PX)))
    difference = export.export(net, path, placing.SIDE_PX, ("cloak",), shown.float())
    parameters = sum(parameter.numel() for parameter in net.parameters())
    card.write(out / "cloak.toml", _card(path, against, difference, parameters))
    return out


def _card(path: Path, against: Sequence[str], difference: float, parameters: int) -> dict[str, Any]:
    return {
        "name": "cloak",
        "version": VERSION,
        "file": path.name,
        "sha256": export.sha256(path),
        "licence": "Apache-2.0 for the weights as such; trained on sets of which some allow research only, see data",
        "origin": "trained by unforge (train/recipes/cloak.py) from random weights",
        "purpose": "draws a perturbation that is hard to see and makes programs fail which find, know or change faces",
        "feed": f"(N, 3, {placing.SIDE_PX}, {placing.SIDE_PX}) float32 RGB in 0..255, the level square around a face "
        f"(protect/placing.py); output cloak of the same shape in (-1, 1), times {EPSILON} grey levels",
        "size_px": placing.SIDE_PX,
        "epsilon_levels": EPSILON,
        "parameters": parameters,
        "against": list(against),
        "data": "Real stills of the training split: OpenForensics, UTKFace, YouTube Faces, FFHQ, London and Canada "
        "faces, conference and portrait pages. UTKFace and YouTube Faces are for research only.",
        "cannot": "promise that a program it was not trained against fails; an attacker who retrains on cloaked faces, "
        "or has the original, is not stopped",
        "trained": datetime.now(UTC).date().isoformat(),
        "numbers": {"onnx_torch_difference": difference},
    }
