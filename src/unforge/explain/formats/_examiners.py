"""What each examiner saw: strength, note and facts, or why it abstained."""

from collections.abc import Mapping

from unforge.evidence import Evidence
from unforge.explain import words
from unforge.explain.formats._markup import both, quoted, rows, section, visible
from unforge.explain.vocabulary import Said, percent, signed, strength
from unforge.report import Report

LOUDEST = 7.0  # llr at the ends of an examiner's bar; about a thousand to one

_FACTS: Mapping[str, Said] = {
    "faces": Said("faces found", "发现的人脸"),
    "faces_judged": Said("faces judged", "已判断的人脸"),
    "looks_judged": Said("looks judged", "已判断的观察次数"),
    "llr_low": Said("LLR, low end of the 95% interval", "对数似然比，95% 区间下限"),
    "llr_high": Said("LLR, high end of the 95% interval", "对数似然比，95% 区间上限"),
    "llr_manipulated": Said("LLR needed for “strong evidence”", "判为“证据充分”所需的对数似然比"),
    "llr_no_evidence": Said("LLR at or below which “none found” holds", "判为“未发现”的对数似然比上限"),
    "threshold_fpr": Said("false-positive rate at that threshold", "该阈值上的误报率"),
    "calibration_reals": Said("untouched samples it was calibrated on", "校准所用的未改动样本"),
    "calibration_fakes": Said("manipulated samples it was calibrated on", "校准所用的伪造样本"),
    "max_abs_llr": Said("largest LLR this calibration supports", "该校准支持的最大对数似然比"),
}

_SHARES = ("threshold_fpr",)

_HIDDEN_FACTS = ("note_zh",)


def examiners(report: Report) -> str:
    """One block per examiner, in the order in which they answered."""
    blocks = "".join(_examiner(answer) for answer in report.evidence)
    return section(Said("What each examiner saw", "各检测器的发现"), blocks, "examiners")


def _examiner(answer: Evidence) -> str:
    if answer.abstained:
        said, bar = both(Said("could not judge", "无法判断")), ""
    else:
        said = both(strength(answer.llr)) + f' <span class="llr">LLR {signed(answer.llr)}</span>'
        share = 50.0 * min(1.0, abs(answer.llr) / LOUDEST)
        left = 50.0 if answer.llr >= 0 else 50.0 - share
        side = "for" if answer.llr >= 0 else "against"
        ends = both(Said("against manipulation", "不支持伪造")), both(Said("for manipulation", "支持伪造"))
        bar = (
            f'<div class="lean" aria-hidden="true"><div><i class="{side}" '
            f'style="left:{left:.2f}%;width:{share:.2f}%">'
            f"</i></div><p><span>{ends[0]}</span><span>{ends[1]}</span></p></div>"
        )
    chinese = words.note_zh(answer)
    # An examiner's own words stay as they are where it has none in Chinese.
    note = quoted(answer.note) if chinese == answer.note else both((answer.note, chinese))
    return (
        f'<article class="examiner"><h3>{quoted(answer.source)} <small>{said}</small></h3>{bar}'
        f'<p class="note">{note}</p>{_fact_rows(answer)}</article>'
    )


def _fact_rows(answer: Evidence) -> str:
    facts = [(key, value) for key, value in answer.facts.items() if key not in _HIDDEN_FACTS]
    return rows([(_fact_name(key), _fact_value(key, value)) for key, value in facts]) if facts else ""


def _fact_name(key: str) -> str:
    return both(_FACTS[key]) if key in _FACTS else f"<code>{visible(key)}</code>"


def _fact_value(key: str, value: float | str) -> str:
    if isinstance(value, str):
        return quoted(value)
    if key.startswith("llr_"):
        return signed(value)
    return visible(percent(value) if key in _SHARES else f"{value:,.4g}")
