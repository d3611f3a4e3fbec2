"""Text on its way into HTML: escaped, in both languages, with nothing invisible left in it."""

import unicodedata
from collections.abc import Container, Mapping
from html import escape

from unforge.explain.vocabulary import LANGUAGES, Said

HTML_LANG = {"en": "en", "zh": "zh-Hans"}


def visible(text: str) -> str:
    """Text from a file as HTML, with control and direction marks spelled out.

    File names are hostile: besides markup they may hold characters that turn what stands behind them around.
    """
    shown = (f"\\u{ord(c):04x}" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in text)
    return escape("".join(shown))


def quoted(text: str) -> str:
    """Text that is the same in both languages: a path, a hash, an examiner's own words."""
    return f"<bdi>{visible(text)}</bdi>"


def both(said: tuple[str, str], tag: str = "span") -> str:
    """One sentence in both languages; the switch shows one, without style both are read."""
    en, zh = said
    return f'<{tag} class="en" lang="en">{visible(en)}</{tag}><{tag} class="zh" lang="zh-Hans">{visible(zh)}</{tag}>'


def led(said: Said) -> str:
    """A sentence whose lead, up to its colon, stands out."""
    shown = ((lead, colon, rest) for lead, colon, rest in (said.en.partition(":"), said.zh.partition("：")))
    en, zh = (f"<b>{visible(lead + colon)}</b>{visible(rest)}" for lead, colon, rest in shown)
    return f'<span class="en" lang="en">{en}</span><span class="zh" lang="zh-Hans">{zh}</span>'


def alternative(said: Said) -> str:
    """An attribute value, which no switch can reach: both languages at once."""
    return visible(f"{said.en} / {said.zh}")


def rows(pairs: list[tuple[str, str]]) -> str:
    """A list of terms with their values, both already HTML."""
    return "<dl>" + "".join(f"<div><dt>{term}</dt><dd>{value}</dd></div>" for term, value in pairs) + "</dl>"


def section(heading: Said, content: str, name: str = "") -> str:
    """A part of the report under its heading; nothing where there is no content."""
    return f'<section class="{name}">{both(heading, "h2")}{content}</section>' if content else ""


def listed(sentences: Mapping[str, tuple[str, ...]], without: Container[str] = ()) -> str:
    """Sentences of a report by language, as a list for each."""
    shown = {lang: [s for s in sentences.get(lang, ()) if s not in without] for lang in LANGUAGES}
    items = {lang: "".join(f"<li>{visible(s)}</li>" for s in said) for lang, said in shown.items()}
    return "".join(
        f'<ul class="{lang} sentences" lang="{HTML_LANG[lang]}">{said}</ul>' for lang, said in items.items() if said
    )
