"""What the training of every target is told."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from unforge.train import loop


@dataclass(frozen=True, slots=True)
class Run:
    """One network's training: its seed, the bounds on its time and its batches, where it is kept."""

    seed: int
    minutes: float
    steps: int
    folder: Path
    resume: bool = False
    bfloat16: bool = True
    on_progress: Callable[[str, float], None] | None = None

    def schedule(self, rate: float, trunk_rate: float) -> loop.Schedule:
        """At these rates; without decay, and with a short average, since the runs are short."""
        return loop.Schedule(self.minutes, self.steps, rate, trunk_rate, weight_decay=0.0, averaging=0.99)
