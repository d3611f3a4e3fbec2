"""What each examiner saw: one card each, with its strength, its note, its curves and its facts."""

from collections.abc import Mapping

from unforge.evidence import Evidence
from unforge.explain import words
from unforge.explain.formats import _facts
from unforge.explain.formats._curves import curves
from unforge.explain.formats._labels import CALIBRATION
from unforge.explain.formats._markup import both, quoted, section, visible
from unforge.explain.formats._timeline import colour_of
from unforge.explain.roles import role, strongest_first
from unforge.explain.vocabulary import Said, lane, signed, strength
from unforge.report import Report

LOUDEST = 7.0  # llr at the ends of an examiner's bar; about a thousand to one


def examiners(report: Report) -> str:
    """One card per examiner: those that counted first, the strongest of them on top."""
    colours = colour_of(report.faces)
    cards = "".join(_card(answer, colours) for answer in strongest_first(report.evidence))
    return section(Said("What each examiner saw", "各检测器的发现"), cards, "examiners")


def _card(answer: Evidence, colours: Mapping[int, int]) -> str:
    told = lane(answer.source)
    title = quoted(answer.source) if told.title.en == answer.source else both(told.title)
    purpose = f'<p class="purpose">{both(told.purpose)}</p>' if told.purpose.en else ""
    bar = _bar(answer.llr) if role(answer) == "counted" else ""
    return (
        f'<article class="examiner {role(answer)}"><h3>{title} <small>{_status(answer)}</small></h3>{purpose}{bar}'
        f'<p class="note">{_note(answer)}</p>{curves(answer, colours)}{_table(answer)}</article>'
    )


def _status(answer: Evidence) -> str:
    """How strongly it speaks, or why it does not count."""
    if role(answer) == "counted":
        llr = signed(answer.llr)
        told = both(Said(f"LLR {llr}", f"对数似然比 {llr}"))
        return f'{both(strength(answer.llr))} · <span class="llr">{told}</span>'
    if role(answer) == "abstained":
        return both(Said("could not judge", "无法判断"))
    if answer.llr:
        return both(
            Said(
                f"shown, not counted; by itself LLR {signed(answer.llr)}",
                f"仅供参考，不计入结论；单独的对数似然比 {signed(answer.llr)}",
            )
        )
    return both(Said("context only, not counted", "仅供参考，不计入结论"))


def _bar(llr: float) -> str:
    share = 50.0 * min(1.0, abs(llr) / LOUDEST)
    left, side = (50.0, "for") if llr >= 0 else (50.0 - share, "against")
    ends = both(Said("against manipulation", "不支持伪造")), both(Said("for manipulation", "支持伪造"))
    return (
        f'<div class="lean" aria-hidden="true"><div><i class="{side}" style="left:{left:.2f}%;width:{share:.2f}%"></i>'
        f"</div><p><span>{ends[0]}</span><span>{ends[1]}</span></p></div>"
    )


def _note(answer: Evidence) -> str:
    """An examiner's own words; they stay as they are where it has none in Chinese."""
    chinese = words.note_zh(answer)
    return quoted(answer.note) if chinese == answer.note else both((answer.note, chinese))


def _table(answer: Evidence) -> str:
    """Its facts, folded away."""
    rows = "".join(
        f'<tr class="{"calibration" if name in CALIBRATION else "measured"}">'
        f"<th scope=row>{both(_facts.label_of(name))}</th><td>{both(_facts.value_of(name, value))}</td></tr>"
        for name, value in _facts.in_order(answer.facts)
    )
    source = f"<code>{visible(answer.source)}</code>"
    if not rows:
        return f'<p class="source">{source}</p>'
    summary = f"<summary>{both(Said('Numbers', '数值'))} · {source}</summary>"
    return f"<details>{summary}<table><tbody>{rows}</tbody></table></details>"
