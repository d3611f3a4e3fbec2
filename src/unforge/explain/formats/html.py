"""The report as one HTML file: nothing is fetched, nothing is run, both languages are in it.

The switch between the languages is a pair of radio buttons and two lines of style: it works without scripts.
"""

from collections.abc import Iterator
from importlib.resources import files

from unforge.errors import UsageError
from unforge.explain.formats import _pictures
from unforge.explain.formats._examiners import examiners
from unforge.explain.formats._faces import faces
from unforge.explain.formats._findings import findings
from unforge.explain.formats._markup import HTML_LANG, both, listed, section, visible
from unforge.explain.formats._method import foot, method
from unforge.explain.formats._timeline import timeline
from unforge.explain.formats._verdict import failure, verdict_block
from unforge.explain.vocabulary import BANDS, LANGUAGES, MEANING, NOT_MEANING, Said
from unforge.report import Report
from unforge.verdict import Verdict

SUFFIX = ".html"

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def render(report: Report, lang: str = "en") -> bytes:
    """The report as UTF-8 HTML; `lang`, "en" or "zh", is shown first.

    Raises UsageError for another language.
    """
    if lang not in LANGUAGES:
        raise UsageError(f"language: expected one of {', '.join(LANGUAGES)}; got {lang!r}")
    body = "".join(_sections(report, lang))
    style = files("unforge.explain.formats").joinpath("report.css").read_text("utf-8")
    style = style.replace("var(--heat)", _pictures.legend_css())
    title = visible(_title(report, lang))
    page = (
        f'<!doctype html>\n<html lang="{HTML_LANG[lang]}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{_switch(lang)}\n"
        f'<div class="page">{body}</div>\n</body>\n</html>\n'
    )
    return page.encode("utf-8", "replace")


def _title(report: Report, lang: str) -> str:
    name = report.exhibit.path.replace("\\", "/").rsplit("/", 1)[-1]
    what = Said("Not examined", "未能检验") if report.verdict is None else BANDS[report.verdict.band]
    return f"{name} · {getattr(what, lang)} · unforge"


def _switch(lang: str) -> str:
    """The state of the language switch, in front of everything that depends on it."""
    return "".join(
        f'<input class="switch" type="radio" name="lang" id="lang-{code}" aria-label="{label}"'
        f"{' checked' if code == lang else ''}>"
        for code, label in (("en", "English"), ("zh", "中文"))
    )


def _sections(report: Report, lang: str) -> Iterator[str]:
    yield _masthead()
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


def _masthead() -> str:
    kicker = both(Said("Media examination report", "媒体检验报告"))
    return (
        f'<header class="masthead"><p><b>unforge</b> <span class="kicker">{kicker}</span></p>'
        '<p class="languages"><label for="lang-en" lang="en">English</label>'
        '<label for="lang-zh" lang="zh-Hans">中文</label></p></header>'
    )


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
