"""`targets`: small manipulators and an identity encoder, made here to measure what cloaks do to their kind.

Data: real faces of the training split; stills and clips of the validation split measure. Each kind is trained with two
seeds, one to optimise cloaks against and one that is held out. The networks are never shipped, and what they make is
seen by nobody.
"""

import csv
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from unforge.protect.targets import ALIGNED_PX
from unforge.train import export
from unforge.train.targets.faces import Faces, fed, gather
from unforge.train.targets.run import Run

RECORD = "targets.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """One network: its kind, the number behind its name, its share of the time, and its batches."""

    kind: str
    number: int
    weight: float
    steps: int
    output: str = "made"

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.number}"


PLANS = (
    Plan("editor", 1, 16.0, 3000),
    Plan("identity", 1, 6.0, 1500, "vector"),
    Plan("swap", 1, 6.0, 4000),
    Plan("editor", 2, 16.0, 3000),
    Plan("fader", 1, 5.0, 2000),
    Plan("fader", 2, 5.0, 2000),
    Plan("swap", 2, 6.0, 4000),
)


def main(
    data: Path,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 1,
    on_progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Train, export and measure what is not finished in `out`; returns `out` with NAME.onnx and `targets.json`.

    data: a folder with a `manifest.csv`. minutes: for all networks together; None until the batches of each are done.
    resume: go on from the last checkpoint of a network that was begun.
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    faces, total = gather(data, out, on_progress), sum(plan.weight for plan in PLANS)
    for plan in PLANS:
        if not is_finished(out, plan, seed):
            share = math.inf if minutes is None else minutes * plan.weight / total
            run = Run(seed + plan.number - 1, share, plan.steps, out / plan.name, resume, on_progress=on_progress)
            make(faces, plan, run, out)
    return out


def make(faces: Faces, plan: Plan, run: Run, out: Path) -> None:
    """Train one network, write its file, and note how good it is."""
    torch.manual_seed(run.seed)
    kind = _kind(plan)
    net = kind.learn(faces, run)
    path = out / f"{plan.name}.onnx"
    difference = write(net, path, plan.output, faces)
    entry = {
        "kind": plan.kind,
        "file": path.name,
        "sha256": export.sha256(path),
        "seed": run.seed,
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "onnx_torch_difference": difference,
        "training": _last(run.folder),
        "quality": kind.measure(_session(path), faces, run),
    }
    _note(out, plan.name, entry)


def write(net: nn.Module, path: Path, output: str, faces: Faces) -> float:
    """The network as ONNX; returns how far the file is from torch on real faces."""
    shape_like = torch.zeros(2, 3, ALIGNED_PX, ALIGNED_PX)
    return export.export_from(net, path, "rgb", shape_like, [output], fed(faces.measured[:8]))


def is_finished(out: Path, plan: Plan, seed: int) -> bool:
    """Whether the record tells of this network with this seed, and its file is the one it tells of."""
    entry, path = record(out).get(plan.name), out / f"{plan.name}.onnx"
    if entry is None or not path.is_file():
        return False
    return bool(entry["seed"] == seed + plan.number - 1 and entry["sha256"] == export.sha256(path))


def record(out: Path) -> dict[str, Any]:
    """What is known of every finished network in `out`, by name."""
    path = out / RECORD
    if not path.is_file():
        return {}
    known: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return known


def _note(out: Path, name: str, entry: dict[str, Any]) -> None:
    written = out / f"{RECORD}.part"
    written.write_text(json.dumps(record(out) | {name: entry}, indent=2, allow_nan=False) + "\n", "utf-8")
    written.replace(out / RECORD)


def _kind(plan: Plan) -> ModuleType:
    return import_module(f"unforge.train.targets.{plan.kind}")


def _last(folder: Path) -> dict[str, float]:
    """The last row of the log: batches, time, and the parts of the loss as they ended."""
    with (folder / "log.csv").open(newline="", encoding="utf-8") as lines:
        row = list(csv.DictReader(lines))[-1]
    return {name: float(value) for name, value in row.items()}


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
