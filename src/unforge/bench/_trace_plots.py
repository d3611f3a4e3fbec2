"""What the record of `trace` looks like: the tail of false readings, the shares of right messages, and the mark itself.

`python -m unforge.bench._trace_plots` draws all of them anew from `results/trace-val.json`.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.bench import _trace_pages as pages
from unforge.bench import _trace_shots as shots
from unforge.bench.record import Record, Value
from unforge.media.write import atomic_write
from unforge.trace import mark

RECORD = Path("results/trace-val.json")
PICTURE = Path("docs/pictures/trace-marked.png")
INK, FAINT, SECOND = "#b4234b", "#888", "#2b6cb0"
AMPLIFIED = 16
ZOOM = 2

_SIDE, _RIM = 300.0, 50.0
_DECADES = 5


def tail_svg(record: Record) -> str:
    """How often noise fits as well as z, by z, under the bound (dashed); both on a logarithmic scale."""
    kinds = {name: _points(record, name) for name in ("unmarked", "hybrid, other keys")}
    bound = [(level, math.exp(-level * level / 2.0)) for level in np.arange(0.5, 4.75, 0.25).tolist()]
    drawn = max((value.n for points in kinds.values() for _, value in points), default=0)
    lines = [_path(bound, FAINT, dashed=True)]
    for (name, points), colour in zip(kinds.items(), (INK, SECOND), strict=True):
        seen = [(level, value.value) for level, value in points if value.value]
        lines += [_path(seen, colour), *(_bar(level, value, colour) for level, value in points if value.value)]
        lines.append(
            f'<text x="{_RIM + 12}" y="{_y(4e-5 if colour == INK else 2e-5):.1f}" fill="{colour}">{name}</text>'
        )
    lines.append(f'<text x="{_RIM + 12}" y="{_y(8e-5):.1f}" fill="{FAINT}">bound exp(-z²/2)</text>')
    return _svg(
        _SIDE + 1.5 * _RIM, _SIDE + 2 * _RIM, f"Share of noise above z, up to {drawn} draws", [*_frame(), *lines]
    )


def right_svg(record: Record) -> str:
    """A bar a row for the share of right messages, with its interval."""
    rows = [(name, row["right"]) for name, row in record.rows.items() if "right" in row]
    height = 18.0 * len(rows) + 60.0
    bars = []
    for n, (name, value) in enumerate(rows):
        y = 46.0 + 18.0 * n
        bars.append(f'<text x="272" y="{y + 10:.0f}" text-anchor="end">{name}</text>')
        if value.value is None or value.low is None or value.high is None:
            continue
        low, high, middle = 280 + 240 * value.low, 280 + 240 * value.high, y + 6
        bars += [
            f'<rect x="280" y="{y:.0f}" width="{240 * value.value:.1f}" height="12" fill="{INK}" fill-opacity="0.55"/>',
            f'<path d="M{low:.1f} {middle:.0f} L{high:.1f} {middle:.0f}" stroke="#333"/>',
            f'<text x="528" y="{y + 10:.0f}">{100 * value.value:.0f} %</text>',
        ]
    return _svg(580.0, height, "Messages read rightly, with 95 % intervals", bars)


def side_by_side() -> NDArray[np.uint8]:
    """A light and a dark page (rows), unmarked, marked, and sixteen times the difference (columns), enlarged."""
    chips = mark.tile_of(shots.message(np.random.default_rng(1)), shots.ring(), shots.ring().keys[0], 4)
    rows = []
    for name in (pages.WHITE, pages.DARK):
        page = pages.page(name, (480, 270), 2)[:180, :300]
        marked = mark.picture(page, chips)
        change = 128 + AMPLIFIED * (marked.astype(np.int16) - page)
        rows.append(np.hstack([page, marked, np.clip(change, 0, 255).astype(np.uint8)]))
    return np.repeat(np.repeat(np.vstack(rows), ZOOM, axis=0), ZOOM, axis=1)


def main() -> None:
    """Draw everything anew."""
    record = Record.from_json(RECORD.read_text("utf-8"))
    atomic_write(RECORD.with_name(f"{record.name}-tail.svg"), tail_svg(record).encode())
    atomic_write(RECORD.with_name(f"{record.name}-right.svg"), right_svg(record).encode())
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(PICTURE, png(side_by_side()))


def png(rgb: NDArray[np.uint8]) -> bytes:
    """A picture (H, W, 3) as PNG."""
    coded = cv2.imencode(".png", np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    return bytes(coded.tobytes())


def _points(record: Record, kind: str) -> list[tuple[float, Value]]:
    rows = ((name, row) for name, row in record.rows.items() if name.startswith("z of ") and name.endswith(f", {kind}"))
    return [(float(name.removeprefix("z of ").split(",")[0]), row["observed"]) for name, row in rows]


def _x(level: float) -> float:
    return _RIM + _SIDE * level / 4.5


def _y(share: float) -> float:
    return _RIM + _SIDE * min(1.0, -math.log10(max(share, 1e-9)) / _DECADES)


def _path(points: Sequence[tuple[float, float | None]], colour: str, *, dashed: bool = False) -> str:
    steps = " L".join(f"{_x(level):.1f} {_y(share or 0.0):.1f}" for level, share in points)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<path d="M{steps}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>' if points else ""


def _bar(level: float, value: Value, colour: str) -> str:
    low, high = (_y(bound or 0.0) for bound in (value.low, value.high))
    return f'<path d="M{_x(level):.1f} {low:.1f} L{_x(level):.1f} {high:.1f}" stroke="{colour}"/>'


def _frame() -> list[str]:
    return [
        f'<rect x="{_RIM}" y="{_RIM}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="{FAINT}"/>',
        *(f'<text x="{_x(z):.1f}" y="{_RIM + _SIDE + 15}" text-anchor="middle">{z}</text>' for z in range(5)),
        *(
            f'<text x="{_RIM - 6}" y="{_y(10.0**-n) + 4:.1f}" text-anchor="end">{_power(n)}</text>'
            for n in range(_DECADES + 1)
        ),
        f'<text x="{_x(2.25):.1f}" y="{_RIM + _SIDE + 32}" text-anchor="middle">z of a random message</text>',
    ]


def _power(n: int) -> str:
    return f"{10.0**-n:.0e}" if n > 2 else f"{10.0**-n:g}"


def _svg(width: float, height: float, title: str, marks: Sequence[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif" '
            f'font-size="11" role="img" aria-label="{title}">',
            '<rect width="100%" height="100%" fill="#fff"/>',
            f'<text x="16" y="22" font-size="13">{title}</text>',
            *(one for one in marks if one),
            "</svg>",
            "",
        ]
    )


if __name__ == "__main__":
    main()
