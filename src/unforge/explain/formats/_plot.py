"""Lines over an axis as inline SVG with its labels in HTML, so that they stay legible on a phone and in print."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from unforge.explain.formats._markup import visible

COLOURS = 8  # distinct lines, told apart by colour and dashes
UNIT = 1000  # a drawing is UNIT x UNIT and stretched to its box; lines keep their width
TIME_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
MOST_TICKS = 6
BREAK_S = 1.0  # a line breaks where nothing was seen for longer, and for longer than three usual steps


@dataclass(frozen=True, slots=True)
class Axes:
    """What the edges of a drawing stand for."""

    left: float
    right: float
    low: float
    high: float

    def x(self, value: float) -> float:
        """Share of the width, from the left."""
        return (value - self.left) / (self.right - self.left)

    def y(self, value: float) -> float:
        """Share of the height, from the top."""
        return (self.high - value) / (self.high - self.low)


def ticks(low: float, high: float, steps: Sequence[float], most: int = MOST_TICKS) -> tuple[list[float], float]:
    """Round values in [low, high], as many as fit, and the step between them."""
    step = next((step for step in steps if (high - low) / step <= most), steps[-1])
    return [n * step for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)], step


def decimal_steps(span: float) -> list[float]:
    """1, 2 and 5 times powers of ten, up to the first that is larger than the span."""
    least = math.floor(math.log10(span)) - 2
    return [digit * 10.0**power for power in range(least, least + 4) for digit in (1, 2, 5)]


def level(name: str, y: float) -> str:
    """A line across the drawing at a share of its height."""
    return f'<path class="{name}" d="M0 {y * UNIT:.1f}H{UNIT}"/>'


def upright(name: str, x: float) -> str:
    """A line from top to bottom at a share of the width."""
    return f'<path class="{name}" d="M{x * UNIT:.1f} 0V{UNIT}"/>'


def area(name: str, top: float, bottom: float) -> str:
    """The band between two shares of the height."""
    height = max(0.0, bottom - top) * UNIT
    return f'<rect class="{name}" x="0" y="{top * UNIT:.1f}" width="{UNIT}" height="{height:.1f}"/>'


def polyline(name: str, axes: Axes, points: Sequence[tuple[float, float]], breaks: set[int]) -> str:
    """The points joined, but for those that begin anew."""
    steps = (
        f"{'M' if n in breaks else 'L'}{axes.x(x) * UNIT:.1f} {axes.y(y) * UNIT:.1f}" for n, (x, y) in enumerate(points)
    )
    return f'<path class="{name}" d="{"".join(steps)}"/>'


def dots(name: str, axes: Axes, points: Sequence[tuple[float, float]]) -> str:
    """A dot at each point: a stroke of no length with round ends stays round however the drawing is stretched."""
    steps = (f"M{axes.x(x) * UNIT:.1f} {axes.y(y) * UNIT:.1f}h0" for x, y in points)
    return f'<path class="{name}" d="{"".join(steps)}"/>'


def breaks(times_s: Sequence[float]) -> set[int]:
    """Where a line begins anew: at its start and after the face was out of sight."""
    steps = sorted(later - earlier for earlier, later in pairwise(times_s))
    usual = steps[len(steps) // 2] if steps else 0.0
    return {0} | {
        n for n, (earlier, later) in enumerate(pairwise(times_s), 1) if later - earlier > max(BREAK_S, 3.0 * usual)
    }


def y_labels(axes: Axes, values: Sequence[float], shown: Callable[[float], str]) -> str:
    """Values beside the drawing."""
    labels = (f'<i style="top:{100 * axes.y(value):.2f}%">{visible(shown(value))}</i>' for value in values)
    return f'<div class="y" aria-hidden="true">{"".join(labels)}</div>'


def x_labels(axes: Axes, values: Sequence[float], shown: Callable[[float], str]) -> str:
    """Values below the drawing."""
    labels = (f'<i style="left:{100 * axes.x(value):.2f}%">{visible(shown(value))}</i>' for value in values)
    return f'<div class="x" aria-hidden="true">{"".join(labels)}</div>'
