"""The head of a report: which file, the verdict, its probability, what it means and does not mean."""

from collections.abc import Mapping

from unforge.explain.formats._markup import both, led, quoted, visible
from unforge.explain.vocabulary import BANDS, MEANING, NOT_MEANING, Said, percent
from unforge.report import ErrorFacts, ExhibitFacts, Report
from unforge.verdict import Verdict

_SIGNS = {
    "manipulated": '<path d="M12 3 22.5 21h-21Z"/><path d="M12 9.5v5.5M12 18v.2"/>',
    "inconclusive": '<circle cx="12" cy="12" r="9.5"/><path d="M7.5 10h9M7.5 14h9"/>',
    "no_evidence": '<circle cx="10.5" cy="10.5" r="7.5"/><path d="m16 16 6 6"/>',
    "not_assessable": '<circle cx="12" cy="12" r="9.5"/><path d="m5.5 5.5 13 13"/>',
    "error": '<path d="M5 2.5h9l5 5v14H5Z"/><path d="m9 11 6 6m0-6-6 6"/>',
}

_WHAT_TO_DO: Mapping[str, Said] = {
    "not_found": Said("Check the path: there is no such file.", "请检查路径：没有这个文件。"),
    "no_media": Said("Choose a folder that holds pictures or videos.", "请选择包含图片或视频的文件夹。"),
    "unreadable": Said(
        "The file is damaged, cut off or locked. Get the original again from its source, check that you "
        "may read "
        "it, and try once more.",
        "文件已损坏、不完整或无权读取。请从来源处重新获取原始文件，确认有读取权限后再试。",
    ),
    "not_media": Said(
        "The content is no picture or video, whatever its name says. Ask for the original file.",
        "无论文件名如何，其内容不是图片或视频。请索取原始文件。",
    ),
    "no_picture": Said(
        "There is no picture in the file (sound only, for instance). These examiners need to see faces.",
        "文件中没有画面（例如只有声音）。这些检测器需要看到人脸。",
    ),
    "no_sound": Said("There is no sound in the file.", "文件中没有声音。"),
    "too_large": Said(
        "The picture is larger than can be opened safely. Make a smaller copy without editing it "
        "otherwise, and "
        "say so wherever you quote the result.",
        "画面过大，无法安全打开。请制作一份不作其他改动的较小副本，并在引用结果时注明。",
    ),
    "timeout": Said(
        "Reading took too long; the file may be damaged or made to block readers. Examine a shorter part of it.",
        "读取时间过长；文件可能已损坏，或被刻意制作以阻塞读取。请检验其中较短的一段。",
    ),
    "out_of_memory": Said(
        "The file needs more memory than is safe to give. Examine a smaller or shorter copy.",
        "文件所需内存超出安全限度。请检验较小或较短的副本。",
    ),
}


def verdict_block(report: Report, verdict: Verdict) -> str:
    """The box that is read first."""
    return (
        f'<section class="verdict {verdict.band}">{_file_line(report.exhibit)}'
        f"<div class=headline>{_sign(verdict.band)}<h1>{both(BANDS[verdict.band])}</h1></div>"
        f"{_probability(verdict)}"
        f'<div class="meaning"><p>{led(MEANING[verdict.band])}</p><p>{led(NOT_MEANING[verdict.band])}</p>'
        "</div>"
        "</section>"
    )


def failure(report: Report) -> str:
    """What stands there instead where the file could not be read, with what to do next."""
    return unreadable(_file_line(report.exhibit), report.error or ErrorFacts("error", ""))


def unreadable(file_line: str, error: ErrorFacts) -> str:
    """The box of a file that could not be read. file_line: HTML that names it."""
    heading = both(Said("This file could not be examined", "此文件未能检验"))
    told = [f'<p class="note">{quoted(error.message)} <code>{visible(error.code)}</code></p>'] if error.message else []
    if error.code in _WHAT_TO_DO:
        told.append(f"<p>{both(_WHAT_TO_DO[error.code])}</p>")
    nothing = Said(
        "It does not mean: anything about the content, neither for it nor against it.",
        "这不意味着：对内容的任何判断，既非肯定也非否定。",
    )
    return (
        f'<section class="verdict not_assessable">{file_line}<div '
        f"class=headline>{_sign('error')}"
        f'<h1>{heading}</h1></div><div class="meaning">{"".join(told)}<p>{led(nothing)}</p></div></section>'
    )


def _file_line(exhibit: ExhibitFacts) -> str:
    """The file's name in full, and what it is in a few words."""
    told = _what(exhibit)
    facts = f'<p class="facts">{both(told)}</p>' if told.en else ""
    return f'<p class="file">{quoted(exhibit.path)}</p>{facts}'


def _what(exhibit: ExhibitFacts) -> Said:
    en, zh = [], []

    def tell(said_en: str, said_zh: str) -> None:
        en.append(said_en)
        zh.append(said_zh)

    if exhibit.media is not None:
        tell(*{"video": ("video", "视频"), "image": ("picture", "图片")}[exhibit.media])
    if exhibit.size_wh is not None:
        tell(*[f"{exhibit.size_wh[0]} × {exhibit.size_wh[1]} px"] * 2)
    if exhibit.duration_s is not None:
        tell(f"{exhibit.duration_s:.1f} s", f"{exhibit.duration_s:.1f} 秒")
    if exhibit.rate_hz is not None:
        tell(f"{exhibit.rate_hz:.3g} frames per second", f"每秒 {exhibit.rate_hz:.3g} 帧")
    if exhibit.media == "video" and exhibit.has_sound is not None:
        tell(*(("with sound", "有声音") if exhibit.has_sound else ("without sound", "无声音")))
    if exhibit.bytes is not None:
        tell(*[_bytes(exhibit.bytes)] * 2)
    return Said(" · ".join(en), " · ".join(zh))


def _bytes(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def _sign(kind: str) -> str:
    return f'<svg class="sign" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{_SIGNS[kind]}</svg>'


def _probability(verdict: Verdict) -> str:
    if verdict.probability is None or verdict.llr is None:
        return ""
    value, prior = percent(verdict.probability), percent(verdict.prior)
    told = both(Said(f"probability of manipulation, at a prior of {prior}", f"伪造的概率（先验概率 {prior}）"))
    return (
        f'<div class="probability"><p class="number"><b>{visible(value)}</b> <span>{told}</span></p>'
        f"{_scale(verdict, verdict.probability)}</div>"
    )


def _scale(verdict: Verdict, probability: float) -> str:
    """Probability, interval and prior on one line from 0 to 100 %."""
    marks, key = "", [f'<li><i class="dot"></i>{both(Said("probability", "概率"))}</li>']
    if verdict.interval is not None:
        low, high = verdict.interval
        marks += f'<i class="interval" style="left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"></i>'
        spread = f"{percent(low)}–{percent(high)}"
        told = Said(f"95% interval, {spread}", f"95% 区间，{spread}")
        key.append(f'<li><i class="interval"></i>{both(told)}</li>')
    marks += f'<i class="prior" style="left:{100 * verdict.prior:.2f}%"></i>'
    marks += f'<i class="dot" style="left:{100 * probability:.2f}%"></i>'
    prior = Said(
        f"prior, assumed before looking: {percent(verdict.prior)}",
        f"先验概率，检验之前的假定：{percent(verdict.prior)}",
    )
    key.append(f'<li><i class="prior"></i>{both(prior)}</li>')
    return (
        f'<div class="scale" aria-hidden="true"><div class="track">{marks}</div>'
        '<div class="ends"><span>0%</span><span>50%</span><span>100%</span></div></div><ul '
        f'class="key">{"".join(key)}</ul>'
    )
