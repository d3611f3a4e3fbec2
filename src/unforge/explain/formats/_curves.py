"""What an examiner measured along time, frequency or delay, as small figures: one per person and axis."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from unforge.evidence import Curve, Evidence
from unforge.explain.formats._facts import value_of
from unforge.explain.formats._markup import alternative, both
from unforge.explain.formats._plot import (
    COLOURS,
    UNIT,
    Axes,
    breaks,
    decimal_steps,
    level,
    polyline,
    ticks,
    upright,
    x_labels,
    y_labels,
)
from unforge.explain.formats._timeline import clock_labels
from unforge.explain.vocabulary import Said, curve_name, face_name

MOST_POINTS = 600  # of a curve are drawn: a figure has no more pixels
_MOST_X_TICKS, _MOST_Y_TICKS = 5, 4
_RIM = 0.06  # of the height, above and below a line

_AXES: Mapping[str, Said] = {
    "s": Said("minutes and seconds", "时间（分:秒）"),
    "bpm": Said("beats a minute", "每分钟次数"),
    "ms": Said("milliseconds", "毫秒"),
    "Hz": Said("hertz", "赫兹"),
}
_Y_UNITS: Mapping[str, Said] = {
    "a.u.": Said("arbitrary unit", "任意单位"),
    "share": Said("share", "占比"),
    "correlation": Said("correlation", "相关系数"),
    "dB": Said("dB", "分贝"),
    "nose lengths": Said("nose lengths", "以鼻长为单位"),
    "share of eye distance": Said("share of the distance between the eyes", "相对于两眼间距"),
    "cosine": Said("cosine", "余弦"),
    "ratio": Said("ratio", "比值"),
    "llr": Said("LLR", "对数似然比"),
}
_LINE_AT: Mapping[str, float] = {
    "pulse_trace": 0.0,
    "lip_voice_offset": 0.0,
    "temporal_score": 0.0,
    "warp_residual": 1.0,  # the face changes as what surrounds it
}
_FROM_ZERO = ("pulse_spectrum", "landmark_jitter", "mouth_opening", "eye_opening", "warp_residual")
_MARKED_BY: Mapping[str, str] = {"pulse_spectrum": "pulse_bpm", "lip_voice_offset": "offset_ms"}  # fact by curve


class _Mark(NamedTuple):
    """A place on the x axis that a fact tells."""

    x: float
    said: Said


def curves(answer: Evidence, colours: Mapping[int, int]) -> str:
    """All figures of one examiner, or nothing. colours: number of the colour by track, as in the timeline."""
    figures = []
    drawn = [curve for curve in answer.curves if len(curve.x) > 1 and curve.x[-1] > curve.x[0]]
    for unit in dict.fromkeys(curve.x_unit for curve in drawn):
        same = [curve for curve in drawn if curve.x_unit == unit]
        people: list[int | None] = [*sorted({curve.track for curve in same if curve.track is not None})]
        figures += [_figure(answer, same, track, colours) for track in people or [None]]
    return f'<div class="curves">{"".join(figures)}</div>' if figures else ""


def _figure(answer: Evidence, same: Sequence[Curve], track: int | None, colours: Mapping[int, int]) -> str:
    """The curves of one person over one axis, one above the other, with those that belong to nobody.

    All people have the same axes, so that they can be compared.
    """
    left, right = min(curve.x[0] for curve in same), max(curve.x[-1] for curve in same)
    several = len({curve.track for curve in answer.curves} - {None}) > 1
    whose = both(face_name(track), "h4") if track is not None and several else ""
    panels = ""
    for curve in same:
        if curve.track in (track, None):
            low, high = _range([other for other in same if other.name == curve.name])
            colour = "all" if curve.track is None else f"c{colours.get(curve.track, curve.track % COLOURS)}"
            panels += _panel(curve, Axes(left, right, low, high), _mark(answer, curve), colour)
    return f'<figure class="curve">{whose}{panels}{_below(Axes(left, right, 0.0, 1.0), same[0].x_unit)}</figure>'


def _panel(curve: Curve, axes: Axes, mark: _Mark | None, colour: str) -> str:
    values, step = ticks(axes.low, axes.high, decimal_steps(axes.high - axes.low), _MOST_Y_TICKS)
    name = curve_name(curve.name)
    unit = _Y_UNITS.get(curve.y_unit, Said(curve.y_unit, curve.y_unit))
    title = f"<p>{both(name)} <small>{both(unit)}</small></p>"
    labels = y_labels(axes, values, lambda value: _label(value, step))
    drawing = _drawing(curve, axes, values, mark, colour, _described(name, curve, mark))
    return f'{title}<div class="plot">{labels}<div class="canvas">{drawing}{_flag(axes, mark)}</div></div>'


def _range(same: Sequence[Curve]) -> tuple[float, float]:
    """What a drawing must hold: curves of one name, and the value that they are read against."""
    name = same[0].name
    against = [_LINE_AT[name]] if name in _LINE_AT else []
    against += [0.0] if name in _FROM_ZERO else []
    values = [*against, *(y for curve in same for y in curve.y)]
    low, high = min(values), max(values)
    rim = _RIM * (high - low) or 1.0
    return low - rim, high + rim


def _drawing(
    curve: Curve, axes: Axes, values: Sequence[float], mark: _Mark | None, colour: str, described: Said
) -> str:
    parts = [
        f'<svg role="img" aria-label="{alternative(described)}" viewBox="0 0 {UNIT} {UNIT}" '
        'preserveAspectRatio="none" focusable="false">'
    ]
    parts += [level("grid", axes.y(value)) for value in values]
    if curve.name in _LINE_AT:
        parts.append(level("zero", axes.y(_LINE_AT[curve.name])))
    if curve.x_unit == "ms" and axes.left < 0.0 < axes.right:
        parts.append(upright("zero", axes.x(0.0)))
    if mark is not None:
        parts.append(upright("mark", axes.x(mark.x)))
    points = _thinned(tuple(zip(curve.x, curve.y, strict=True)))
    again = breaks([x for x, _ in points]) if curve.x_unit == "s" else {0}
    return "".join(parts) + polyline(f"line {colour}", axes, points, again) + "</svg>"


def _described(name: Said, curve: Curve, mark: _Mark | None) -> Said:
    """The drawing for those who do not see it."""
    low, high = (f"{value:.3g}" for value in (min(curve.y), max(curve.y)))
    en, zh = f"{name.en}: {low} to {high}", f"{name.zh}：{low} 至 {high}"
    return Said(f"{en}, marked at {mark.said.en}", f"{zh}，标记于 {mark.said.zh}") if mark else Said(en, zh)


def _mark(answer: Evidence, curve: Curve) -> _Mark | None:
    """Where the fact that belongs to a curve lies; of several people, each has its own."""
    fact = _MARKED_BY.get(curve.name, "")
    own = [region.facts for region in answer.regions if region.track == curve.track and fact in region.facts]
    alone = len({one.track for one in answer.curves if one.name == curve.name}) == 1
    value = own[0][fact] if own else answer.facts.get(fact) if alone else None
    if not isinstance(value, int | float) or not curve.x[0] <= value <= curve.x[-1]:
        return None
    return _Mark(float(value), value_of(fact, round(float(value))))


def _flag(axes: Axes, mark: _Mark | None) -> str:
    """The marked value beside its line: on the side away from zero where there is room."""
    if mark is None:
        return ""
    share = axes.x(mark.x)
    is_right = share < (0.6 if mark.x >= 0.0 else 0.3)
    side = f"left:{100 * share:.2f}%" if is_right else f"right:{100 * (1.0 - share):.2f}%"
    return f'<b class="flag" style="{side}">{both(mark.said)}</b>'


def _below(axes: Axes, unit: str) -> str:
    """The x axis with its labels and what it counts."""
    named = both(_AXES.get(unit, Said(unit, unit)))
    if unit == "s":
        labels = clock_labels(axes, _MOST_X_TICKS)
    else:
        values, step = ticks(axes.left, axes.right, decimal_steps(axes.right - axes.left), _MOST_X_TICKS)
        labels = x_labels(axes, values, lambda value: _label(value, step))
    return f'<div class="plot">{labels}</div><figcaption>{named}</figcaption>'


def _label(value: float, step: float) -> str:
    """As many digits as the step between two labels needs."""
    digits = max(0, len(f"{step:.10f}".rstrip("0").partition(".")[2]))
    return f"{value + 0.0:,.{digits}f}".replace("-", "−")


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """The lowest and the highest point of every stretch where there are more than can be seen: no peak gets lost."""
    if len(points) <= MOST_POINTS:
        return points
    stretches = MOST_POINTS // 2
    ends = [round(n * len(points) / stretches) for n in range(stretches + 1)]
    kept = []
    for start, end in pairwise(ends):
        part = range(start, end)
        low, high = (choose(part, key=lambda n: points[n][1]) for choose in (min, max))
        kept += sorted({low, high})
    return [points[n] for n in kept]
