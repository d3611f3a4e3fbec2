"""A report as a few lines for a terminal of 80 columns."""

from collections.abc import Iterator

from rich.cells import cell_len

from unforge.evidence import Evidence
from unforge.explain import finding_words, vocabulary, words
from unforge.explain.roles import of_role
from unforge.explain.vocabulary import Said, joined, lane, signed
from unforge.report import Report
from unforge.verdict import Verdict

WIDTH = 80

_ODDS = {
    "en": "probability {p} (95% interval {low} to {high}) at a prior of {prior}",
    "zh": "伪造的概率 {p}（95% 区间 {low} 至 {high}），先验概率 {prior}",
}
_NOT_EXAMINED = {"en": "Not examined", "zh": "未能检验"}
_NAMES, _LEANING = 15, 12  # columns


def lines(report: Report, language: str) -> Iterator[str]:
    """One file: its name, the verdict in words, the probability with its prior, who said what, what can be checked.

    Why somebody could not judge is told where nobody could; else it stands in the report.
    """
    yield middle(report.exhibit.path, WIDTH)
    if report.error is not None:
        yield from wrapped("  ", f"{_NOT_EXAMINED[language]} ({report.error.code}): {report.error.message}")
    if report.verdict is not None:
        yield from wrapped("  ", getattr(vocabulary.BANDS[report.verdict.band], language))
        yield from _odds(report.verdict, language)
    for answer in (*of_role(report.evidence, "counted"), *of_role(report.evidence, "shown")):
        yield from _answer(answer, language)
    for told in _could_not_judge(report):
        yield from wrapped("  ", getattr(told, language))
    is_film = report.exhibit.media == "video"
    for finding in report.findings:
        yield from wrapped("  ", getattr(finding_words.short(finding, is_film), language))


def middle(text: str, width: int) -> str:
    """The text with its middle left out where it is wider than `width` columns: both ends tell most."""
    text = "".join(sign if sign.isprintable() else "?" for sign in text)
    if cell_len(text) <= width:
        return text
    half = (width - 1) // 2
    return f"{_fitting(text, half)}…{_fitting(text[::-1], half)[::-1]}"


def _odds(verdict: Verdict, language: str) -> Iterator[str]:
    if verdict.probability is None or verdict.interval is None:
        return
    p, low, high, prior = map(vocabulary.percent, (verdict.probability, *verdict.interval, verdict.prior))
    yield from wrapped("  ", _ODDS[language].format(p=p, low=low, high=high, prior=prior))


def _answer(answer: Evidence, language: str) -> Iterator[str]:
    name = middle(getattr(lane(answer.source).name, language), _NAMES)
    leaning = getattr(_leaning(answer), language)
    note = words.note_zh(answer) if language == "zh" else answer.note
    yield from wrapped(f"  {_padded(name, _NAMES)} {_padded(leaning, _LEANING)}  ", note)


def _leaning(answer: Evidence) -> Said:
    """Which way an answer counts, with its log-likelihood ratio."""
    if not of_role([answer], "counted"):
        return Said("for context", "仅供参考")
    llr = signed(answer.llr)
    if abs(answer.llr) < vocabulary.STRENGTHS[1].llr:
        return Said(f"neither {llr}", f"中性 {llr}")
    return Said(f"for {llr}", f"支持 {llr}") if answer.llr > 0 else Said(f"against {llr}", f"不支持 {llr}")


def _could_not_judge(report: Report) -> Iterator[Said]:
    """The names of those who abstained; with their reasons where nobody else spoke."""
    if not of_role(report.evidence, "counted"):
        yield from words.could_not_judge(report.exhibit.media, report.evidence)
        return
    names = joined([lane(answer.source).name for answer in words.unable(report.exhibit.media, report.evidence)])
    if names.en:
        yield Said(f"Could not judge: {names.en}", f"无法判断：{names.zh}")


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def wrapped(head: str, text: str) -> Iterator[str]:
    """`head` and the text after it, in lines of at most WIDTH columns that begin below the end of `head`."""
    line, indent = head, " " * cell_len(head)
    for piece in _pieces(text, WIDTH - len(indent)):
        if cell_len(line) + cell_len(piece.rstrip()) > WIDTH:
            yield line.rstrip()
            line = indent
        line += piece
    yield line.rstrip()


def _pieces(text: str, width: int) -> Iterator[str]:
    """Parts between which a line may end: after blanks, and after any sign that is two columns wide."""
    piece = ""
    for sign in text:
        if cell_len(piece) + cell_len(sign) > width:
            yield piece
            piece = ""
        piece += sign
        if sign.isspace() or cell_len(sign) > 1:
            yield piece
            piece = ""
    yield piece


def _fitting(text: str, width: int) -> str:
    """The longest beginning of the text that is at most `width` columns wide."""
    end, used = 0, 0
    for sign in text:
        used += cell_len(sign)
        if used > width:
            break
        end += 1
    return text[:end]
