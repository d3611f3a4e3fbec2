"""The most telling looks, each beside what can be checked about it: place, kind of trace, measurements, the test."""

from unforge.explain import finding_words, magnify
from unforge.explain.formats import _pictures
from unforge.explain.formats._markup import alternative, both, section, visible
from unforge.explain.vocabulary import MEASURES, TRACES, Said, part_name, percent, signed
from unforge.report import Finding, FindingImage, Hidden, Report

_MOST_PARTS = 6  # further ones are summed up
_MAPPED = Said(
    "marked: the scale is the same in all pictures, the white line encloses what is marked by more than half",
    "标记的位置：所有图片使用同一色标，白线圈出标记超过一半的区域",
)
_LOOKED = Said(
    "where the network looked, its strongest place in full colour: looking is not finding, and proves nothing",
    "网络关注的位置，最受关注处为最深颜色：关注不等于发现，也不能证明任何事",
)
_LENS = Said(
    f"the framed place enlarged, differences from its surroundings exaggerated {magnify.GAIN} times: not a photograph",
    f"方框处的放大图，与周围的差异夸大了 {magnify.GAIN} 倍：并非照片原貌",
)


def findings(report: Report) -> str:
    """One block per finding, loudest first; nothing where nobody is suspected."""
    if not report.findings:
        return ""
    is_film = report.exhibit.media == "video"
    intro = Said(
        "The looks that speak loudest for manipulation, with what can be checked about each. Readings are a neural "
        "network's; measurements are made without one on the same pixels, and stand beside what 90% of untouched faces "
        "show. Where both disagree, or where hiding the mark changes no more than hiding other places, trust the mark "
        "less.",
        "以下是最支持“存在伪造”的画面，以及每一处可供核对的内容。判读来自神经网络；测量不使用神经网络，基于相同的像素，"
        "并附上 90% 的未改动人脸所显示的范围。若两者不一致，或遮住标记与遮住其他位置的影响相当，则应降低对标记的信任。",
    )
    blocks = "".join(_finding(finding, is_film) for finding in report.findings)
    heading = Said("The evidence looked at closely", "仔细查看证据")
    return section(heading, f'<p class="intro">{both(intro)}</p>{blocks}', "findings")


def _finding(finding: Finding, is_film: bool) -> str:
    name = finding_words.name(finding, is_film)
    told = Said(f"LLR {signed(finding.llr)} · {finding.source}", f"对数似然比 {signed(finding.llr)} · {finding.source}")
    views = "" if finding.image is None else _views(finding.image, name)
    return (
        f'<article class="finding"><h3>{both(name)} <small>{both(told)}</small></h3>{views}'
        f'<div class="told">{_parts(finding)}{_traces(finding)}{_test(finding.hidden)}</div></article>'
    )


def _views(image: FindingImage, name: Said) -> str:
    """The look as it is, with its mark, through the magnifier, and where the examiner looked."""
    side_px = image.rgb.shape[0]
    x0, y0, x1, y1 = (100.0 * v / side_px for v in image.magnified_px)
    frame = f'<i style="left:{x0:.1f}%;top:{y0:.1f}%;width:{x1 - x0:.1f}%;height:{y1 - y0:.1f}%"></i>'
    shown = [
        (_pictures.data_uri(image.rgb), Said("as it is", "原样"), frame),
        (_pictures.data_uri(_pictures.overlay(image.rgb, image.heat)), _MAPPED, ""),
        (_pictures.data_uri(image.magnified), _LENS, ""),
    ]
    if image.attention is not None:
        shown.append((_pictures.data_uri(_pictures.overlay(image.rgb, image.attention)), _LOOKED, ""))
    figures = (
        f'<figure><div><img src="{address}" alt="{_alternative(name, said)}">{over}</div>'
        f"<figcaption>{both(said)}</figcaption></figure>"
        for address, said, over in shown
    )
    return f'<div class="views">{"".join(figures)}</div>'


def _alternative(name: Said, said: Said) -> str:
    return alternative(Said(f"{name.en}: {said.en}", f"{name.zh}：{said.zh}"))


def _parts(finding: Finding) -> str:
    """Shares of the mark as bars."""
    heading = both(Said("Where the mark lies", "标记的分布"), "h4")
    if not finding.parts:
        return f"<div>{heading}<p>{both(Said('No place is marked.', '没有任何位置被标记。'))}</p></div>"
    ordered = sorted(finding.parts.items(), key=lambda item: -item[1])
    bars = [_bar(part_name(part), share) for part, share in ordered[:_MOST_PARTS]]
    rest = sum(share for _, share in ordered[_MOST_PARTS:])
    if rest >= 0.005:
        bars.append(_bar(Said("elsewhere", "其他位置"), rest))
    whole = percent(finding.marked)
    told = both(Said(f"{whole} of the face is marked; of that:", f"脸部的 {whole} 被标记，其中："))
    return f'<div>{heading}<p>{told}</p><ul class="bars">{"".join(bars)}</ul></div>'


def _bar(name: Said, share: float) -> str:
    width = f'<b><i style="width:{100 * share:.1f}%"></i></b>'
    return f"<li><span>{both(name)}</span>{width}<span>{visible(percent(share))}</span></li>"


def _traces(finding: Finding) -> str:
    """Kinds of trace: what was read beside what was measured."""
    ordered = sorted(TRACES, key=lambda trace: -finding.artefacts.get(trace, -1.0))
    rows = "".join(_trace(finding, trace) for trace in ordered)
    if not rows:
        return ""
    heads = [Said("kind of trace", "痕迹类型"), Said("measured, inside against outside the mark", "测量：标记内外对比")]
    if finding.artefacts:
        heads.insert(1, Said("read, if forged", "判读（若系伪造）"))
    head = "".join(f"<th scope=col>{both(said)}</th>" for said in heads)
    heading = both(Said("What kind of trace", "痕迹的类型"), "h4")
    return (
        f'<div class="traces">{heading}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        f"{_disagreement(finding)}</div>"
    )


def _trace(finding: Finding, trace: str) -> str:
    measured = [_measured(finding, key) for key in MEASURES.get(trace, ()) if key in finding.measured]
    if trace not in finding.artefacts and not measured:
        return ""
    cells = [both(TRACES[trace])]
    if finding.artefacts:
        probability = finding.artefacts.get(trace)
        cells.append("–" if probability is None else visible(percent(probability)))
    cells.append("<br>".join(measured) or "–")
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _measured(finding: Finding, key: str) -> str:
    return (
        f"{both(finding_words.measurement(key, finding.measured[key]))} "
        f"<small>{both(finding_words.untouched(key, finding.marked))}</small>"
    )


def _disagreement(finding: Finding) -> str:
    return "".join(f'<p class="warn">{both(said)}</p>' for said in finding_words.disagreements(finding))


def _test(test: Hidden | None) -> str:
    """What the examiner says with the mark hidden, beside what it says with other places hidden."""
    heading = both(Said("Does the mark hold?", "标记是否成立？"), "h4")
    if test is None:
        not_tested = Said("This look was not tested.", "此画面未作检验。")
        return f'<div>{heading}<p class="soft">{both(not_tested)}</p></div>'
    shown = (
        (Said("as it is", "原样"), signed(test.llr_before)),
        (Said("marked region hidden", "遮住标记区域"), signed(test.llr_marked)),
        (Said("random regions as large hidden", "遮住同样大小的随机区域"), ", ".join(map(signed, test.llr_random))),
    )
    rows = "".join(f"<tr><td>{both(said)}</td><td>{value}</td></tr>" for said, value in shown)
    head = f"<tr><th>{both(Said('what is shown', '展示的画面'))}</th><th>{both(Said('LLR', '对数似然比'))}</th></tr>"
    state = "held" if test.confirmed else "warn"
    return (
        f'<div>{heading}<table class="test"><thead>{head}</thead><tbody>{rows}</tbody></table>'
        f'<p class="{state}">{both(finding_words.outcome(test))}</p></div>'
    )
