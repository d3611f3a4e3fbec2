"""A finding in sentences: where, what kind of trace, what was measured, whether the mark holds; nothing else."""

from collections.abc import Iterable, Sequence
from itertools import starmap

from unforge.explain import measure
from unforge.explain.vocabulary import (
    MEASURES,
    TRACES,
    WHOLE_FACE,
    Said,
    clock,
    face_name,
    joined,
    part_name,
    percent,
    signed,
)
from unforge.report import Finding, Hidden

LIKELY = 0.5  # probability from which on a kind of trace is named
NAMED = 0.1  # share of the mark from which on a part is named
MAIN = 0.4  # share from which on one part stands for the mark
MOST_PARTS = 3


def sentences(finding: Finding, is_film: bool) -> Iterable[Said]:
    """Everything that is said of one finding."""
    yield _where(finding, is_film)
    yield from _traces(finding)
    yield from _measured(finding)
    yield from disagreements(finding)
    if finding.hidden is not None:
        yield tested(finding.hidden)


def name(finding: Finding, is_film: bool) -> Said:
    """Whose face, and when: "Face 1 at 00:03.5"."""
    face, time = face_name(finding.track), clock(finding.time_s)
    return Said(f"{face.en} at {time}", f"{face.zh}（{time}）") if is_film else face


def main_part(finding: Finding) -> Said | None:
    """The place that stands for the mark; None where nothing is marked."""
    if not finding.parts:
        return None
    (part, share), *others = sorted(finding.parts.items(), key=lambda item: -item[1])
    if share >= MAIN or not others:
        return part_name(part)
    if finding.marked >= measure.MOST_OF_FACE:
        return WHOLE_FACE
    first, second = part_name(part), part_name(others[0][0])
    return Said(f"{first.en} and {second.en}", f"{first.zh}和{second.zh}")


def short(finding: Finding, is_film: bool) -> Said:
    """One line for a terminal: where, the likeliest trace, the test."""
    place, test = main_part(finding) or Said("nothing marked", "没有标记"), finding.hidden
    said = [name(finding, is_film), place]
    said += [
        Said(f"{TRACES[trace].en} {percent(p)}", f"{TRACES[trace].zh} {percent(p)}") for trace, p in likely(finding)[:1]
    ]
    if test is not None:
        marked, result = signed(test.llr_marked), confirmed(test)
        said.append(Said(f"hidden {marked}, {result.en}", f"遮住后 {marked}，{result.zh}"))
    return Said("; ".join(one.en for one in said), "；".join(one.zh for one in said))


def likely(finding: Finding) -> list[tuple[str, float]]:
    """The kinds of trace that are named, likeliest first."""
    known = [(trace, p) for trace, p in finding.artefacts.items() if p >= LIKELY and trace in TRACES]
    return sorted(known, key=lambda item: -item[1])


def confirmed(test: Hidden) -> Said:
    """The result of the test in a word or two."""
    return Said("confirmed", "已证实") if test.confirmed else Said("not confirmed", "未证实")


def outcome(test: Hidden) -> Said:
    """What follows from the test."""
    if test.confirmed:
        return Said(
            "The mark is confirmed: hiding it takes away more than hiding other places.",
            "标记得到证实：遮住它比遮住其他位置更能削弱证据。",
        )
    if min(test.llr_random) > test.llr_before:
        return Said(
            "The mark is not confirmed: this examiner takes hiding as such for a trace here, so the test cannot tell.",
            "标记未得到证实：该检测器在此把遮挡本身当作痕迹，因此检验无法判断。",
        )
    return Said(
        "The mark is not confirmed: hiding it does not clearly take away more than hiding other places.",
        "标记未得到证实：遮住它并不比遮住其他位置明显更能削弱证据。",
    )


def tested(test: Hidden) -> Said:
    """Both numbers of the test, and what follows from them."""
    before, marked = signed(test.llr_before), signed(test.llr_marked)
    low, high = signed(min(test.llr_random)), signed(max(test.llr_random))
    change = (
        Said(f"stays at {before}", f"仍为 {before}")
        if before == marked
        else Said(f"goes from {before} to {marked}", f"由 {before} 变为 {marked}")
    )
    follows = outcome(test)
    return Said(
        f"Test: with the marked region hidden, the LLR of this look {change.en}; with random regions of the same size "
        f"hidden, it lies between {low} and {high}. {follows.en}",
        f"检验：遮住标记区域后，此画面的对数似然比{change.zh}；遮住同样大小的随机区域后，"
        f"为 {low} 至 {high}。{follows.zh}",
    )


def measurements(finding: Finding, trace: str) -> list[Said]:
    """What was measured of a kind of trace, each with what untouched faces show."""
    return [
        Said(f"{said.en} ({usual.en})", f"{said.zh}（{usual.zh}）")
        for said, usual in (
            (measurement(key, finding.measured[key]), untouched(key, finding.marked))
            for key in MEASURES.get(trace, ())
            if key in finding.measured
        )
    ]


def measurement(key: str, value: float) -> Said:
    """A measurement with its unit."""
    ratio = f"{value:.2f}"
    return {
        "colour_delta_e": Said(f"colours differ by ΔE\u00a0{value:.1f}", f"内外色差 ΔE\u00a0{value:.1f}"),
        "sharpness_ratio": Said(f"{ratio} times as sharp inside as outside", f"内部清晰度为外部的 {ratio} 倍"),
        "noise_ratio": Said(f"{ratio} times as much noise inside as outside", f"内部噪声为外部的 {ratio} 倍"),
        "edge_ratio": Said(f"{ratio} times as steep on the contour as beside it", f"轮廓处的梯度为两侧的 {ratio} 倍"),
        "blockiness_inside": Said(f"grid of 8-px blocks inside {ratio}", f"内部 8 像素块效应 {ratio}"),
        "blockiness_outside": Said(f"grid of 8-px blocks outside {ratio}", f"外部 8 像素块效应 {ratio}"),
    }[key]


def untouched(key: str, marked: float) -> Said:
    """What 90 % of the untouched faces show."""
    low, high = measure.usual(key, marked)
    if low == 0.0:
        return Said(f"untouched: up to {high:g}", f"未改动：不超过 {high:g}")
    return Said(f"untouched: {low:g} to {high:g}", f"未改动：{low:g} 至 {high:g}")


def _where(finding: Finding, is_film: bool) -> Said:
    whose = name(finding, is_film)
    if not finding.parts:
        return Said(f"{whose.en}: no place on it is marked.", f"{whose.zh}：没有任何位置被标记。")
    ordered = sorted(finding.parts.items(), key=lambda item: -item[1])
    named = [(part, share) for n, (part, share) in enumerate(ordered) if n == 0 or share >= NAMED][:MOST_PARTS]
    told = joined([Said(f"{percent(s)} on {part_name(p).en}", f"{percent(s)} 位于{part_name(p).zh}") for p, s in named])
    whole = percent(finding.marked)
    return Said(
        f"{whose.en}: {whole} of the face is marked; of the mark lie {told.en}.",
        f"{whose.zh}：脸部的 {whole} 被标记；标记中有 {told.zh}。",
    )


def _traces(finding: Finding) -> Iterable[Said]:
    if not finding.artefacts:
        return
    named = list(starmap(_with_probability, likely(finding)))
    if not named:
        yield Said(
            f"{finding.source} reads no kind of trace there that is likelier than not.",
            f"{finding.source} 在此处没有判读出概率过半的痕迹类型。",
        )
        return
    told = joined(named)
    yield Said(
        f"Traces that {finding.source} reads there, if the face is forged: {told.en}.",
        f"若此人脸系伪造，{finding.source} 判读出的痕迹为：{told.zh}。",
    )


def _with_probability(trace: str, probability: float) -> Said:
    return Said(f"{TRACES[trace].en} ({percent(probability)})", f"{TRACES[trace].zh}（{percent(probability)}）")


def _measured(finding: Finding) -> Iterable[Said]:
    """Measurements that stand out, and those of a kind of trace that was read; the report lists them all."""
    if not finding.measured:
        return
    read = [trace for trace, _ in likely(finding)]
    told = [
        said
        for trace in MEASURES
        if trace in read or stands_out(finding, trace)
        for said in measurements(finding, trace)
    ]
    if not told:
        yield Said(
            "Whatever was measured there lies within what untouched faces show.",
            "此处的各项测量值均在未改动人脸的范围之内。",
        )
        return
    yield Said(
        f"Measured on these pixels, without a neural network: {'; '.join(said.en for said in told)}.",
        f"不使用神经网络，对相同像素测得：{'；'.join(said.zh for said in told)}。",
    )


def stands_out(finding: Finding, trace: str) -> bool:
    """Whether a measurement of this kind of trace lies outside what untouched faces show."""
    keys = [key for key in MEASURES.get(trace, ()) if key in finding.measured]
    return any(measure.is_unusual(key, finding.measured[key], finding.marked) for key in keys)


def disagreeing(finding: Finding) -> list[str]:
    """Kinds of trace that were read, but whose measurement is as on untouched faces."""
    return [trace for trace, _ in likely(finding) if measurements(finding, trace) and not stands_out(finding, trace)]


def disagreements(finding: Finding) -> Iterable[Said]:
    """Where what was read and what was measured do not fit."""
    traces: Sequence[str] = disagreeing(finding)
    if traces:
        told = joined([TRACES[trace] for trace in traces])
        yield Said(
            f"Reading and measurement disagree on {told.en}: what was measured is common on untouched faces.",
            f"在{told.zh}上，判读与测量不一致：测量值在未改动的人脸中很常见。",
        )
