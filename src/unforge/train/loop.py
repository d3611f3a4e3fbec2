"""One training run: resumable, seeded, logged."""

import copy
import csv
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

Batch = TypeVar("Batch")
Loss = Callable[[nn.Module, Batch], tuple[Tensor, dict[str, float]]]
Probe = Callable[[nn.Module], dict[str, float]]
LOGS = ("log.csv", "probe.csv")
LOG_EVERY = 20  # steps


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to learn; the rate rises over the warm-up and falls as a cosine to nothing.

    minutes: training time over all resumed parts; steps: a bound on the batches, for short runs.
    """

    minutes: float
    steps: int
    rate: float
    trunk_rate: float
    weight_decay: float
    averaging: float  # of the weights, per step
    warm_up: float = 0.03
    checkpoint_every_s: float = 120.0
    probe_every_s: float = 300.0
    frozen_norms: bool = False  # normalise by what was seen before: for short stages with other material


@dataclass(slots=True)
class Progress:
    """Where a run stands."""

    step: int = 0
    elapsed_s: float = 0.0

    def share(self, schedule: Schedule) -> float:
        return min(1.0, max(self.elapsed_s / (60.0 * schedule.minutes), self.step / schedule.steps))


def run(
    net: nn.Module,
    trunk: nn.Module,
    batches: Callable[[int], Iterator[Batch]],
    loss: Loss[Batch],
    schedule: Schedule,
    folder: Path,
    resume: bool,
    on_progress: Callable[[str, float], None] | None = None,
    probe: Probe | None = None,
) -> nn.Module:
    """Train `net` and return the running average of its weights.

    batches: gives the batches from a step on. A checkpoint is written every two minutes and at the end; with
    `resume` the run goes on from it. The log is `folder / log.csv`; what `probe` says of the averaged net now and
    then is kept in `folder / probe.csv`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pt"
    if not resume:
        for name in LOGS:
            (folder / name).unlink(missing_ok=True)
    optimiser = _optimiser(net, trunk, schedule)
    average, progress = copy.deepcopy(net).eval(), Progress()
    if resume and checkpoint.is_file():
        progress = _restore(checkpoint, net, average, optimiser)
    source, saved, started = batches(progress.step), time.monotonic(), time.monotonic() - progress.elapsed_s
    probed = started + progress.elapsed_s
    log: dict[str, float] = {}
    while progress.share(schedule) < 1.0:
        _set_rate(optimiser, _rate(progress.share(schedule), schedule.warm_up))
        log = _mixed(log, _step(net, next(source), loss, optimiser, schedule.frozen_norms))
        progress.step, progress.elapsed_s = progress.step + 1, time.monotonic() - started
        _average(average, net, min(schedule.averaging, (1 + progress.step) / (10 + progress.step)))
        if progress.step % LOG_EVERY == 0 or progress.share(schedule) >= 1.0:
            _write(folder / "log.csv", {"step": progress.step, "elapsed_s": round(progress.elapsed_s, 1), **log})
            if on_progress:
                told = ", ".join(f"{name} {value:.3f}" for name, value in log.items())
                on_progress(told, progress.share(schedule))
        if time.monotonic() - saved > schedule.checkpoint_every_s:
            _save(checkpoint, net, average, optimiser, progress)
            saved = time.monotonic()
        if probe is not None and time.monotonic() - probed > schedule.probe_every_s:
            _write(folder / "probe.csv", {"step": progress.step, **probe(average)})
            probed = time.monotonic()
    if probe is not None:
        _write(folder / "probe.csv", {"step": progress.step, **probe(average)})
    _save(checkpoint, net, average, optimiser, progress)
    return average


def _optimiser(net: nn.Module, trunk: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    inside = {id(parameter) for parameter in trunk.parameters()}
    learning = [parameter for parameter in net.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in learning if id(p) in inside], "base": schedule.trunk_rate},
        {"params": [p for p in learning if id(p) not in inside], "base": schedule.rate},
    ]
    return torch.optim.AdamW(groups, lr=schedule.rate, weight_decay=schedule.weight_decay)


def _rate(share: float, warm_up: float) -> float:
    return min(1.0, (share + 1e-3) / warm_up) * 0.5 * (1.0 + math.cos(math.pi * share))


def _set_rate(optimiser: torch.optim.Optimizer, factor: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = group["base"] * factor


def _step(
    net: nn.Module, batch: Batch, loss: Loss[Batch], optimiser: torch.optim.Optimizer, frozen_norms: bool
) -> dict[str, float]:
    net.train()
    if frozen_norms:
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
    optimiser.zero_grad(set_to_none=True)
    value, parts = loss(net, batch)
    value.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimiser.step()
    return parts


@torch.no_grad()
def _average(average: nn.Module, net: nn.Module, keep: float) -> None:
    for mean, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if mean.dtype.is_floating_point:
            mean.lerp_(new, 1.0 - keep)
        else:
            mean.copy_(new)


def _mixed(log: dict[str, float], parts: dict[str, float]) -> dict[str, float]:
    return {name: 0.98 * log.get(name, value) + 0.02 * value for name, value in parts.items()}


def _write(path: Path, row: dict[str, float]) -> None:
    """One more row; a log that another version began keeps its columns, and what it cannot tell is nan."""
    fresh = not path.is_file()
    columns = list(row)
    if not fresh:
        with path.open(newline="", encoding="utf-8") as lines:
            columns = next(csv.reader(lines))
    with path.open("a", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, columns, restval="nan", extrasaction="ignore")
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def _save(path: Path, net: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer, progress: Progress) -> None:
    state = {
        "net": net.state_dict(),
        "average": average.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": progress.step,
        "elapsed_s": progress.elapsed_s,
    }
    written = path.with_suffix(".part")
    torch.save(state, written)
    written.replace(path)


def _restore(path: Path, net: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer) -> Progress:
    state = torch.load(path, map_location="cpu", weights_only=True)
    net.load_state_dict(state["net"])
    average.load_state_dict(state["average"])
    optimiser.load_state_dict(state["optimiser"])
    return Progress(state["step"], state["elapsed_s"])
