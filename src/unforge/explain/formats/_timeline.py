"""Evidence over the seconds: what each face says look by look, and the thresholds of the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

from unforge.evidence import Region
from unforge.explain import locate
from unforge.explain.formats._markup import both, visible
from unforge.explain.formats._plot import (
    COLOURS,
    MOST_TICKS,
    TIME_STEPS_S,
    UNIT,
    Axes,
    area,
    breaks,
    dots,
    level,
    polyline,
    ticks,
    x_labels,
    y_labels,
)
from unforge.explain.roles import of_role
from unforge.explain.vocabulary import Said, clock, face_name, signed
from unforge.report import Face, Report
from unforge.verdict import Verdict

_LLR_STEPS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
_TOGETHER = Said("Everybody, by quick looks", "所有人（快速观察）")


@dataclass(frozen=True, slots=True)
class _Line:
    """What one face says over time: points (time_s, llr) in order of time."""

    colour: str
    name: Said
    points: tuple[tuple[float, float], ...]


def timeline(report: Report, lang: str) -> str:
    """The figure, or nothing for a still or where no face was judged."""
    lines = _lines(report)
    if report.exhibit.media != "video" or not lines:
        return ""
    levels = thresholds(report.verdict)
    axes = _axes(report, lines, levels)
    values, _ = ticks(axes.low, axes.high, _LLR_STEPS)
    return (
        f'<figure class="timeline"><div class="plot">{y_labels(axes, values, signed)}'
        f'<div class="canvas">{_drawing(axes, lines, levels, lang)}</div>'
        f"{clock_labels(axes)}</div>{_legend(lines, levels)}{_caption()}</figure>"
    )


def thresholds(verdict: Verdict | None) -> dict[str, float]:
    """The llr from which on the bands "manipulated" (up) and "no_evidence" (down) hold, where that was measured."""
    if verdict is None:
        return {}
    levels = {"manipulated": verdict.llr_manipulated, "no_evidence": verdict.llr_no_evidence}
    return {band: llr for band, llr in levels.items() if llr is not None}


def colour_of(faces: Sequence[Face]) -> dict[int, int]:
    """Number of the colour by track, loudest face first; faces beyond the last colour have none."""
    judged = sorted((face for face in faces if face.llr is not None), key=lambda f: (-(f.llr or 0.0), f.track))
    return {face.track: n for n, face in enumerate(judged[:COLOURS])}


def clock_labels(axes: Axes, most: int = MOST_TICKS) -> str:
    """The seconds below a drawing."""
    values, step = ticks(axes.left, axes.right, TIME_STEPS_S, most)
    return x_labels(axes, values, lambda time_s: clock(time_s) if step < 1 else clock(time_s)[:-2])


def _lines(report: Report) -> list[_Line]:
    counted = of_role(report.evidence, "counted")
    found = [
        _Line(f"c{colour}", face_name(track), _points(locate.of_track(counted, track)))
        for track, colour in colour_of(report.faces).items()
    ]
    together = _points(locate.of_track(counted, None))
    if len(together) > 1:  # of a long film; a single region of everybody is no line
        found.append(_Line("all", _TOGETHER, together))
    return [one for one in found if one.points]


def _points(regions: Sequence[Region]) -> tuple[tuple[float, float], ...]:
    return tuple(((region.start_s + region.end_s) / 2.0, region.llr) for region in regions)


def _axes(report: Report, lines: list[_Line], levels: dict[str, float]) -> Axes:
    times_s = [time_s for line in lines for time_s, _ in line.points]
    values = [llr for line in lines for _, llr in line.points] + list(levels.values())
    start_s, end_s = min(0.0, *times_s), max(report.exhibit.duration_s or 0.0, *times_s)
    low, high = min(-1.0, *values), max(1.0, *values)
    rim = 0.08 * (high - low)
    return Axes(start_s, end_s if end_s > start_s else start_s + 1.0, low - rim, high + rim)


def _drawing(axes: Axes, lines: list[_Line], levels: dict[str, float], lang: str) -> str:
    title, description = _told(lines, axes, lang)
    parts = [
        f'<svg role="img" aria-labelledby="timeline-title timeline-desc" viewBox="0 0 {UNIT} {UNIT}" '
        'preserveAspectRatio="none" focusable="false">',
        f'<title id="timeline-title">{visible(title)}</title><desc id="timeline-desc">{visible(description)}</desc>',
    ]
    if "manipulated" in levels:
        parts.append(area("above", 0.0, axes.y(levels["manipulated"])))
    if "no_evidence" in levels:
        parts.append(area("below", axes.y(levels["no_evidence"]), 1.0))
    parts += [level("grid", axes.y(llr)) for llr in ticks(axes.low, axes.high, _LLR_STEPS)[0] if llr]
    parts.append(level("zero", axes.y(0.0)))
    parts += [level(f"level {band}", axes.y(llr)) for band, llr in levels.items()]
    for one in reversed(lines):
        again = breaks([time_s for time_s, _ in one.points])
        parts += [polyline(f"line {one.colour}", axes, one.points, again), dots(f"dots {one.colour}", axes, one.points)]
    return "".join(parts) + "</svg>"


def _told(lines: list[_Line], axes: Axes, lang: str) -> tuple[str, str]:
    """Title and description for those who do not see the drawing."""
    peaks = [(line.name, max(line.points, key=lambda point: point[1])) for line in lines]
    if lang == "zh":
        told = "；".join(f"{name.zh} 在 {clock(at)} 达到最高 {signed(llr)}" for name, (at, llr) in peaks)
        return "证据随时间的变化", f"{clock(axes.left)} 至 {clock(axes.right)} 的对数似然比。{told}。"
    told = "; ".join(f"{name.en} peaks at {clock(at)} with {signed(llr)}" for name, (at, llr) in peaks)
    return "Evidence over time", f"Log-likelihood ratio from {clock(axes.left)} to {clock(axes.right)}. {told}."


def _legend(lines: list[_Line], levels: dict[str, float]) -> str:
    thresholds_said = {
        "manipulated": Said("from here up: strong evidence", "此线以上：证据充分"),
        "no_evidence": Said("from here down: none found", "此线以下：未发现"),
    }
    items = [f'<li><i class="swatch {line.colour}"></i>{both(line.name)}</li>' for line in lines]
    items += [f'<li><i class="dash {band}"></i>{both(thresholds_said[band])}</li>' for band in levels]
    return f'<ul class="legend">{"".join(items)}</ul>'


def _caption() -> str:
    said = Said(
        "Each dot is one look at a face: how much it speaks by itself for manipulation (above 0) or against it "
        "(below 0), as natural-log likelihood ratio (LLR). The verdict weighs all looks together, and examiners that "
        "do not go by single looks as well; a single dot beyond a threshold decides nothing.",
        "每个点是对人脸的一次观察：单独来看支持伪造（高于 0）或不支持伪造（低于 0）的程度，"
        "以自然对数似然比（LLR）表示。结论综合所有观察以及不以单次观察为依据的检测器；单个点越过阈值不能说明问题。",
    )
    return f"<figcaption>{both(said)}</figcaption>"
