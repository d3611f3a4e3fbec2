"""How far stated probabilities can be believed: bins for a record, and the diagram drawn from them.

Source: DeGroot and Fienberg, The Statistician 32 (1983), for the diagram.
"""

import numpy as np

from unforge import metrics
from unforge.bench import figures
from unforge.bench.figures import Flags, Floats
from unforge.bench.record import Record, Value

ROW = "stated "
BINS = 5
_SIDE, _RIM = 300.0, 44.0  # of the diagram and around it


def rows(chances: Floats, fakes: Flags, prior: float) -> dict[str, dict[str, Value]]:
    """A row for each bin of probability (N,) that has members: the mean that was stated, and the share of fakes.

    Reals and fakes are weighed to the prior that the probabilities assume.
    """
    place = np.minimum((chances * BINS).astype(int), BINS - 1)
    found = {}
    for n in range(BINS):
        if (place == n).any():
            name = f"{ROW}{100 * n // BINS}-{100 * (n + 1) // BINS} %"
            found[name] = _bin(chances, fakes, place == n, prior)
    return found


def _bin(chances: Floats, fakes: Flags, inside: Flags, prior: float) -> dict[str, Value]:
    def mean_of(values: Floats) -> Value:
        def statistic(drawn: figures.Indices) -> float:
            weights = np.asarray(metrics.balance(fakes[drawn], prior)) * inside[drawn]
            return float((weights * values[drawn]).sum() / weights.sum()) if weights.sum() else float("nan")

        whole = figures.bootstrapped(statistic, fakes)
        return Value(whole.value, whole.low, whole.high, int(inside.sum()))

    return {"stated": mean_of(chances), "observed": mean_of(fakes.astype(np.float64))}


def svg(record: Record) -> str | None:
    """The diagram of a record, or None where it has no such rows. Bars are 95 % intervals; areas follow numbers."""
    bins = [row for name, row in record.rows.items() if name.startswith(ROW)]
    if not bins:
        return None
    whole = sum(row["stated"].n for row in bins)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIDE + 1.5 * _RIM:.0f} {_SIDE + 2 * _RIM:.0f}" '
            'font-family="sans-serif" font-size="11" role="img" '
            f'aria-label="Reliability of {record.name}: observed share of forgeries by stated probability">',
            '<rect width="100%" height="100%" fill="#fff"/>',
            f'<text x="{_RIM}" y="20" font-size="13">{record.name}: {whole} clips, {record.date}</text>',
            *_axes(),
            *(mark for row in bins for mark in _point(row["stated"], row["observed"], whole)),
            "</svg>",
            "",
        ]
    )


def _x(share: float) -> float:
    return _RIM + _SIDE * share


def _y(share: float) -> float:
    return _RIM + _SIDE * (1.0 - share)


def _axes() -> list[str]:
    ticks = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    return [
        f'<rect x="{_RIM}" y="{_RIM}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#888"/>',
        f'<path d="M{_x(0):.1f} {_y(0):.1f} L{_x(1):.1f} {_y(1):.1f}" stroke="#888" stroke-dasharray="4 3"/>',
        *(f'<text x="{_x(t):.1f}" y="{_y(0) + 15:.1f}" text-anchor="middle">{t:.1f}</text>' for t in ticks),
        *(f'<text x="{_RIM - 6}" y="{_y(t) + 4:.1f}" text-anchor="end">{t:.1f}</text>' for t in ticks),
        f'<text x="{_x(0.5):.1f}" y="{_y(0) + 32:.1f}" text-anchor="middle">stated probability of manipulation</text>',
        f'<text transform="translate(12 {_y(0.5):.1f}) rotate(-90)" text-anchor="middle">share of forgeries</text>',
    ]


def _point(stated: Value, observed: Value, whole: int) -> list[str]:
    if stated.value is None or observed.value is None:
        return []
    x, radius = _x(stated.value), 2.0 + 14.0 * (stated.n / whole) ** 0.5
    bar = []
    if observed.low is not None and observed.high is not None:
        line = f'x1="{x:.1f}" y1="{_y(observed.low):.1f}" x2="{x:.1f}" y2="{_y(observed.high):.1f}"'
        bar = [f'<line {line} stroke="#b4234b" stroke-width="1.5"/>']
    circle = f'<circle cx="{x:.1f}" cy="{_y(observed.value):.1f}" r="{radius:.1f}" fill="#b4234b" fill-opacity="0.6">'
    return [*bar, f"{circle}<title>{stated.n} clips</title></circle>"]
