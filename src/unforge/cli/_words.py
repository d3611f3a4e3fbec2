"""A report as a few lines for a terminal of 80 columns."""

from collections.abc import Iterator
from pathlib import Path

from rich.cells import cell_len, split_graphemes

from unforge.evidence import Evidence
from unforge.report import Report
from unforge.verdict import Verdict

WIDTH = 80

_BANDS = {
    "en": {
        "manipulated": "Signs of manipulation",
        "inconclusive": "Inconclusive",
        "no_evidence": "No evidence of manipulation found (this is not proof that it is genuine)",
        "not_assessable": "Cannot be assessed",
    },
    "zh": {
        "manipulated": "发现伪造迹象",
        "inconclusive": "无法确定",
        "no_evidence": "未发现伪造证据（不代表真实）",
        "not_assessable": "无法评估",
    },
}
_ODDS = {
    "en": "probability {p}, 95 % interval {low} to {high}, at a prior of {prior}",
    "zh": "伪造概率 {p}，95% 区间 {low} 至 {high}，先验概率 {prior}",
}
_ABSTAINED = {"en": "abstained", "zh": "弃权"}
_NOT_EXAMINED = {"en": "Not examined", "zh": "未能检验"}


def lines(report: Report, language: str) -> Iterator[str]:
    """The result of one file: its name, the verdict in words, the probability with its prior, who said what."""
    yield middle(report.exhibit.path, WIDTH)
    if report.error is not None:
        yield from _wrapped(f"{_NOT_EXAMINED[language]} ({report.error.code}): {report.error.message}", "  ")
        return
    if report.verdict is not None:
        yield from _wrapped(_BANDS[language][report.verdict.band], "  ")
        yield from _odds(report.verdict, language)
    for answer in report.evidence:
        yield from _answer(answer, language)


def middle(text: str, width: int) -> str:
    """The text with its middle left out where it is wider than `width` columns: both ends tell most."""
    if cell_len(text) <= width:
        return text
    left = (width - 1) // 2
    return f"{_cells(text, left)}…{_cells(text, width - 1 - left, from_end=True)}"


def percent(probability: float) -> str:
    """Whole percent, but never a certainty that rounding made up."""
    if probability < 0.01:
        return "< 1 %"
    if probability > 0.99:
        return "> 99 %"
    return f"{100 * probability:.0f} %"


def _odds(verdict: Verdict, language: str) -> Iterator[str]:
    if verdict.probability is None or verdict.interval is None:
        return
    low, high = verdict.interval
    said = _ODDS[language].format(
        p=percent(verdict.probability), low=percent(low), high=percent(high), prior=percent(verdict.prior)
    )
    yield from _wrapped(said, "  ")


def _answer(answer: Evidence, language: str) -> Iterator[str]:
    strength = _ABSTAINED[language] if answer.abstained else f"{answer.llr:+.1f}"
    head = f"  {answer.source:<12} {strength:>9}  "
    yield from _wrapped(answer.note, head)


def _wrapped(text: str, head: str) -> Iterator[str]:
    """Lines of at most WIDTH columns, the first after `head`, the others below its end; signs may be two wide."""
    indent = " " * cell_len(head)
    line = head
    fresh = True
    for word in _words(text):
        if not fresh and cell_len(line) + cell_len(word.rstrip()) > WIDTH:
            yield line.rstrip()
            line, fresh = indent, True
        line += word.lstrip() if fresh else word
        fresh = False
    yield line.rstrip()


def _words(text: str) -> Iterator[str]:
    """Pieces between which a line may end: after blanks, and after any sign that is two columns wide."""
    word = ""
    for sign in text:
        word += sign
        if sign.isspace() or cell_len(sign) == 2 or len(word) >= WIDTH // 2:
            yield word
            word = ""
    if word:
        yield word
