"""The report as one HTML file: nothing is fetched, nothing is run, both languages are in it."""

from collections.abc import Iterator

from unforge.explain.formats._examiners import examiners
from unforge.explain.formats._faces import faces
from unforge.explain.formats._findings import findings
from unforge.explain.formats._markup import listed, section
from unforge.explain.formats._method import foot, method
from unforge.explain.formats._page import check_language, masthead, page
from unforge.explain.formats._timeline import timeline
from unforge.explain.formats._verdict import failure, verdict_block
from unforge.explain.vocabulary import BANDS, MEANING, NOT_MEANING, Said
from unforge.report import Report
from unforge.verdict import Verdict

SUFFIX = ".html"


def render(report: Report, lang: str = "en") -> bytes:
    """The report as UTF-8 HTML; `lang`, "en" or "zh", is shown first.

    Raises UsageError for another language.
    """
    check_language(lang)
    return page("".join(_sections(report, lang)), _title(report, lang), lang)


def _title(report: Report, lang: str) -> str:
    name = report.exhibit.path.replace("\\", "/").rsplit("/", 1)[-1]
    what = Said("Not examined", "未能检验") if report.verdict is None else BANDS[report.verdict.band]
    return f"{name} · {getattr(what, lang)} · unforge"


def _sections(report: Report, lang: str) -> Iterator[str]:
    yield masthead(Said("Media examination report", "媒体检验报告"))
    yield '<main id="report">'
    if report.error is not None or report.verdict is None:
        yield failure(report)
    else:
        yield verdict_block(report, report.verdict)
        yield _reasons(report, report.verdict)
        yield section(Said("Evidence over time", "证据随时间的变化"), timeline(report, lang))
        yield findings(report)
        yield faces(report)
        yield examiners(report)
        yield _limits(report)
    yield method(report)
    yield "</main>"
    yield foot(report)


def _reasons(report: Report, verdict: Verdict) -> str:
    """The explanation but for the two sentences that already stand in the box above."""
    told = {
        MEANING[verdict.band].en,
        NOT_MEANING[verdict.band].en,
        MEANING[verdict.band].zh,
        NOT_MEANING[verdict.band].zh,
    }
    return section(Said("Why", "理由"), listed(report.explanation, told))


def _limits(report: Report) -> str:
    return section(Said("What this cannot tell", "无法判断的内容"), listed(report.limits), "limits")
