"""What the record of `adversarial` looks like: ranking against budget, as read plainly and after a light blur.

`python -m unforge.bench._adversarial_plots` draws it anew from `results/adversarial-val.json`.
"""

from collections.abc import Sequence
from pathlib import Path

from unforge.bench.record import Record, Value
from unforge.media.write import atomic_write

RECORD = Path("results/adversarial-val.json")
COLOURS = {"white box": "#b4234b", "transfer, other plan": "#2b6cb0", "transfer, same plan": "#2f855a"}
FAINT = "#888"
BUDGETS = (0, 1, 2, 4, 8)

_WIDTH, _HEIGHT, _RIM = 320.0, 240.0, 48.0


def curves_svg(record: Record, network: str = "finegrained") -> str:
    """AUC of a network against the budget of each attack, with intervals; dashed: after a light blur."""
    marks = [*_frame()]
    for n, (attack, colour) in enumerate(COLOURS.items()):
        for figure, dash in (("auc", ""), ("hardened_auc", ' stroke-dasharray="5 4"')):
            points = _points(record, network, attack, figure)
            marks += [
                _line(points, colour, dash),
                *(_bar(budget, value, colour) for budget, value in points if not dash),
            ]
        marks.append(f'<text x="{_RIM + _WIDTH + 12:.0f}" y="{_RIM + 16 + 18 * n:.0f}" fill="{colour}">{attack}</text>')
    marks.append(
        f'<text x="{_RIM + _WIDTH + 12:.0f}" y="{_RIM + 78:.0f}" fill="{FAINT}">dashed: after a light blur</text>'
    )
    title = f"AUC of {network} against the budget of an attack"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH + 4 * _RIM:.0f} {_HEIGHT + 2 * _RIM:.0f}" '
            f'font-family="sans-serif" font-size="11" role="img" aria-label="{title}">',
            '<rect width="100%" height="100%" fill="#fff"/>',
            f'<text x="16" y="22" font-size="13">{title}</text>',
            *marks,
            "</svg>",
            "",
        ]
    )


def main() -> None:
    """Draw it anew."""
    record = Record.from_json(RECORD.read_text("utf-8"))
    atomic_write(RECORD.with_name(f"{record.name}-curves.svg"), curves_svg(record).encode())


def _points(record: Record, network: str, attack: str, figure: str) -> list[tuple[int, Value]]:
    rows = {0: f"{network}: nobody"} | {budget: f"{network}: {attack}, {budget}/255" for budget in BUDGETS[1:]}
    return [(budget, record.rows[row][figure]) for budget, row in rows.items() if figure in record.rows.get(row, {})]


def _x(budget: float) -> float:
    return _RIM + _WIDTH * budget / BUDGETS[-1]


def _y(auc: float) -> float:
    return _RIM + _HEIGHT * (1.0 - auc)


def _line(points: Sequence[tuple[int, Value]], colour: str, dash: str) -> str:
    steps = " L".join(f"{_x(budget):.1f} {_y(value.value or 0.0):.1f}" for budget, value in points)
    return f'<path d="M{steps}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>' if points else ""


def _bar(budget: int, value: Value, colour: str) -> str:
    low, high = (_y(bound or 0.0) for bound in (value.low, value.high))
    return (
        f'<path d="M{_x(budget):.1f} {low:.1f} L{_x(budget):.1f} {high:.1f}" stroke="{colour}" stroke-opacity="0.5"/>'
    )


def _frame() -> list[str]:
    return [
        f'<rect x="{_RIM}" y="{_RIM}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="{FAINT}"/>',
        f'<path d="M{_RIM} {_y(0.5):.1f} L{_RIM + _WIDTH} {_y(0.5):.1f}" stroke="{FAINT}" stroke-dasharray="2 3"/>',
        *(f'<text x="{_x(n):.1f}" y="{_RIM + _HEIGHT + 15:.0f}" text-anchor="middle">{n}</text>' for n in BUDGETS),
        *(f'<text x="{_RIM - 6:.0f}" y="{_y(auc) + 4:.1f}" text-anchor="end">{auc:g}</text>' for auc in (0, 0.5, 1)),
        f'<text x="{_x(4):.1f}" y="{_RIM + _HEIGHT + 32:.0f}" text-anchor="middle">grey levels of 255</text>',
    ]


if __name__ == "__main__":
    main()
