"""The page that every HTML report is: its head, its style, and the switch between the languages.

The switch is a pair of radio buttons and two lines of style: it works without scripts.
"""

from importlib.resources import files

from unforge.errors import UsageError
from unforge.explain.formats import _pictures
from unforge.explain.formats._markup import HTML_LANG, both, visible
from unforge.explain.vocabulary import LANGUAGES, Said

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def check_language(lang: str) -> None:
    """Raises UsageError for a language that reports are not written in."""
    if lang not in LANGUAGES:
        raise UsageError(f"language: expected one of {', '.join(LANGUAGES)}; got {lang!r}")


def page(body: str, title: str, lang: str, styles: tuple[str, ...] = ("report.css",)) -> bytes:
    """One self-contained file, UTF-8. body: HTML. styles: names of style sheets in this folder."""
    folder = files("unforge.explain.formats")
    style = "".join(folder.joinpath(name).read_text("utf-8") for name in styles)
    style = style.replace("var(--heat)", _pictures.legend_css())
    whole = (
        f'<!doctype html>\n<html lang="{HTML_LANG[lang]}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{visible(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{_switch(lang)}\n"
        f'<div class="page">{body}</div>\n</body>\n</html>\n'
    )
    return whole.encode("utf-8", "replace")


def masthead(kicker: Said) -> str:
    """The line on top: what kind of report it is, and the languages."""
    return (
        f'<header class="masthead"><p><b>unforge</b> <span class="kicker">{both(kicker)}</span></p>'
        '<p class="languages"><label for="lang-en" lang="en">English</label>'
        '<label for="lang-zh" lang="zh-Hans">中文</label></p></header>'
    )


def _switch(lang: str) -> str:
    """The state of the language switch, in front of everything that depends on it."""
    return "".join(
        f'<input class="switch" type="radio" name="lang" id="lang-{code}" aria-label="{label}"'
        f"{' checked' if code == lang else ''}>"
        for code, label in (("en", "English"), ("zh", "中文"))
    )
