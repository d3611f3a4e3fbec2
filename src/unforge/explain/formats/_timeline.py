"""Evidence over the seconds as inline SVG, with its labels in HTML so that they stay legible on a phone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from unforge.evidence import Evidence, Region
from unforge.explain import locate
from unforge.explain.formats._markup import both, visible
from unforge.explain.vocabulary import Said, clock, face_name, signed
from unforge.report import Face, Report

COLOURS = 8  # distinct lines; further faces are told from their blocks
_UNIT = 1000  # the drawing is _UNIT x _UNIT and stretched to its box; lines keep their width
_LLR_STEPS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
_TIME_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_MOST_TICKS = 6


@dataclass(frozen=True, slots=True)
class _Line:
    """What one face says over time: points (time_s, llr) in order of time."""

    colour: int
    name: Said
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class _Axes:
    """What the edges of the drawing stand for."""

    start_s: float
    end_s: float
    low: float
    high: float

    def x(self, time_s: float) -> float:
        """Share of the width, from the left."""
        return (time_s - self.start_s) / (self.end_s - self.start_s)

    def y(self, llr: float) -> float:
        """Share of the height, from the top."""
        return (self.high - llr) / (self.high - self.low)


def timeline(report: Report, lang: str) -> str:
    """The figure, or nothing for a still or where no face was judged."""
    lines = _lines(report)
    if report.exhibit.media != "video" or not lines:
        return ""
    levels = thresholds(report.evidence)
    axes = _axes(report, lines, levels)
    return (
        f'<figure class="timeline"><div class="plot">{_y_labels(axes)}'
        f'<div class="canvas">{_drawing(axes, lines, levels, lang)}</div>'
        f"{_x_labels(axes)}</div>{_legend(lines, levels)}{_caption()}</figure>"
    )


def thresholds(evidence: Sequence[Evidence]) -> dict[str, float]:
    """The llr from which on the bands "manipulated" (up) and "no_evidence" (down) hold, where known."""
    spoke = [answer for answer in evidence if not answer.abstained]
    upper = [float(answer.facts["llr_manipulated"]) for answer in spoke if "llr_manipulated" in answer.facts]
    lower = [float(answer.facts["llr_no_evidence"]) for answer in spoke if "llr_no_evidence" in answer.facts]
    levels = {"manipulated": max(upper, default=math.inf), "no_evidence": min(lower, default=-math.inf)}
    return {band: llr for band, llr in levels.items() if math.isfinite(llr)}


def colour_of(faces: Sequence[Face]) -> dict[int, int]:
    """Number of the colour by track, loudest face first; faces beyond the last colour have none."""
    judged = sorted((face for face in faces if face.llr is not None), key=lambda f: (-(f.llr or 0.0), f.track))
    return {face.track: n for n, face in enumerate(judged[:COLOURS])}


def _lines(report: Report) -> list[_Line]:
    colours = colour_of(report.faces)
    lines = []
    for track, colour in colours.items():
        points = tuple(_middle(region) for region in locate.of_track(report.evidence, track))
        if points:
            lines.append(_Line(colour, face_name(track), points))
    return lines


def _middle(region: Region) -> tuple[float, float]:
    return (region.start_s + region.end_s) / 2.0, region.llr


def _axes(report: Report, lines: list[_Line], levels: dict[str, float]) -> _Axes:
    times_s = [time_s for line in lines for time_s, _ in line.points]
    values = [llr for line in lines for _, llr in line.points] + list(levels.values())
    start_s, end_s = min(0.0, *times_s), max(report.exhibit.duration_s or 0.0, *times_s)
    low, high = min(-1.0, *values), max(1.0, *values)
    rim = 0.08 * (high - low)
    return _Axes(start_s, end_s if end_s > start_s else start_s + 1.0, low - rim, high + rim)


def _ticks(low: float, high: float, steps: Sequence[float]) -> tuple[list[float], float]:
    step = next((step for step in steps if (high - low) / step <= _MOST_TICKS), steps[-1])
    return [n * step for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)], step


def _drawing(axes: _Axes, lines: list[_Line], levels: dict[str, float], lang: str) -> str:
    title, description = _told(lines, axes, lang)
    parts = [
        f'<svg role="img" aria-labelledby="timeline-title timeline-desc" viewBox="0 0 {_UNIT} {_UNIT}" '
        'preserveAspectRatio="none" focusable="false">',
        f'<title id="timeline-title">{visible(title)}</title><desc id="timeline-desc">{visible(description)}</desc>',
    ]
    if "manipulated" in levels:
        parts.append(_area("above", 0.0, axes.y(levels["manipulated"])))
    if "no_evidence" in levels:
        parts.append(_area("below", axes.y(levels["no_evidence"]), 1.0))
    parts += [_level("grid", axes.y(llr)) for llr in _ticks(axes.low, axes.high, _LLR_STEPS)[0] if llr]
    parts.append(_level("zero", axes.y(0.0)))
    parts += [_level(f"level {band}", axes.y(llr)) for band, llr in levels.items()]
    parts += [_curve(axes, line) for line in reversed(lines)]
    return "".join(parts) + "</svg>"


def _told(lines: list[_Line], axes: _Axes, lang: str) -> tuple[str, str]:
    """Title and description for those who do not see the drawing."""
    peaks = [(line.name, max(line.points, key=lambda point: point[1])) for line in lines]
    if lang == "zh":
        told = "；".join(f"{name.zh} 在 {clock(at)} 达到最高 {signed(llr)}" for name, (at, llr) in peaks)
        return "证据随时间的变化", f"{clock(axes.start_s)} 至 {clock(axes.end_s)} 的对数似然比。{told}。"
    told = "; ".join(f"{name.en} peaks at {clock(at)} with {signed(llr)}" for name, (at, llr) in peaks)
    return (
        "Evidence over time",
        f"Log-likelihood ratio from {clock(axes.start_s)} to {clock(axes.end_s)}. {told}.",
    )


def _area(name: str, top: float, bottom: float) -> str:
    height = max(0.0, bottom - top) * _UNIT
    return f'<rect class="{name}" x="0" y="{top * _UNIT:.1f}" width="{_UNIT}" height="{height:.1f}"/>'


def _level(name: str, y: float) -> str:
    return f'<path class="{name}" d="M0 {y * _UNIT:.1f}H{_UNIT}"/>'


def _curve(axes: _Axes, line: _Line) -> str:
    """The line with its points; it breaks where the face was out of sight."""
    at = [(axes.x(time_s) * _UNIT, axes.y(llr) * _UNIT) for time_s, llr in line.points]
    broken = _breaks([time_s for time_s, _ in line.points])
    path = "".join(f"{'M' if n in broken else 'L'}{x:.1f} {y:.1f}" for n, (x, y) in enumerate(at))
    # A stroke of no length with round ends is a dot that stays round however the drawing is stretched.
    dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in at)
    return f'<path class="line c{line.colour}" d="{path}"/><path class="dots c{line.colour}" d="{dots}"/>'


def _breaks(times_s: list[float]) -> set[int]:
    steps = sorted(later - earlier for earlier, later in pairwise(times_s))
    usual = steps[len(steps) // 2] if steps else 0.0
    return {0} | {
        n for n, (earlier, later) in enumerate(pairwise(times_s), 1) if later - earlier > max(1.0, 3.0 * usual)
    }


def _y_labels(axes: _Axes) -> str:
    ticks, _ = _ticks(axes.low, axes.high, _LLR_STEPS)
    shown = (f'<i style="top:{100 * axes.y(llr):.2f}%">{signed(llr)}</i>' for llr in ticks)
    return f'<div class="y" aria-hidden="true">{"".join(shown)}</div>'


def _x_labels(axes: _Axes) -> str:
    ticks, step = _ticks(axes.start_s, axes.end_s, _TIME_STEPS_S)
    shown = (
        f'<i style="left:{100 * axes.x(time_s):.2f}%">{clock(time_s) if step < 1 else clock(time_s)[:-2]}</i>'
        for time_s in ticks
    )
    return f'<div class="x" aria-hidden="true">{"".join(shown)}</div>'


def _legend(lines: list[_Line], levels: dict[str, float]) -> str:
    thresholds_said = {
        "manipulated": Said("from here up: strong evidence", "此线以上：证据充分"),
        "no_evidence": Said("from here down: none found", "此线以下：未发现"),
    }
    items = [f'<li><i class="swatch c{line.colour}"></i>{both(line.name)}</li>' for line in lines]
    items += [f'<li><i class="dash {band}"></i>{both(thresholds_said[band])}</li>' for band in levels]
    return f'<ul class="legend">{"".join(items)}</ul>'


def _caption() -> str:
    said = Said(
        "Each dot is one look at a face: how much it speaks by itself for manipulation (above 0) or "
        "against it "
        "(below 0), as natural-log likelihood ratio (LLR). The verdict weighs all looks together; a "
        "single dot "
        "beyond a threshold decides nothing.",
        "每个点是对人脸的一次观察：单独来看支持伪造（高于 0）或不支持伪造（低于 0）的程度，"
        "以自然对数似然比（LLR）表示。"
        "结论综合所有观察；单个点越过阈值不能说明问题。",
    )
    return f"<figcaption>{both(said)}</figcaption>"
