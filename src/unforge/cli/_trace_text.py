"""An investigation as a few lines for a terminal of 80 columns."""

from collections.abc import Iterator

from unforge.cli._text import WIDTH, middle, wrapped
from unforge.explain import trace_words
from unforge.explain.vocabulary import Said
from unforge.report import Investigation, ScreenMark

_WORDS = {
    "failed": Said("Not examined", "未能检验"),
    "odds": Said("Probability of an error: ", "误报概率："),
    "user": Said("user", "使用者"),
    "place": Said("place", "地点"),
    "time": Said("time", "时间"),
    "key": Said("key", "密钥"),
}


def lines(found: Investigation, language: str) -> Iterator[str]:
    """One photograph: its name, and of every screen in it who, where, when and how sure."""
    yield middle(found.path, WIDTH)
    if found.error is not None:
        failed = getattr(_WORDS["failed"], language)
        yield from wrapped("  ", f"{failed} ({found.error.code}): {found.error.message}")
    for screen in found.screens:
        yield from _screen(screen, language)
    if found.best is not None and found.best.grade in ("confirmed", "probable"):
        yield from wrapped("  ", getattr(trace_words.meaning(found.best)[1], language))


def _screen(screen: ScreenMark, language: str) -> Iterator[str]:
    yield from wrapped("  ", getattr(trace_words.headline(screen), language))
    facts = ", ".join(f"{getattr(_WORDS[name], language)} {value}" for name, value in _facts(screen))
    if facts:
        yield from wrapped("    ", facts)
    if screen.owner is not None and screen.owner.status in trace_words.STATUS:
        yield from wrapped("    ", getattr(trace_words.STATUS[screen.owner.status], language))
    if screen.error_probability is not None:
        odds = getattr(trace_words.odds(screen.error_probability), language)
        yield from wrapped("    ", f"{getattr(_WORDS['odds'], language)}{odds}")
    yield from wrapped("    ", screen.reason_zh if language == "zh" else screen.reason)


def _facts(screen: ScreenMark) -> Iterator[tuple[str, str]]:
    owner = screen.owner
    if owner is not None and owner.user:
        yield "user", owner.user
    if owner is not None and owner.place:
        yield "place", owner.place
    elif screen.place is not None:
        yield "place", str(screen.place)
    if screen.start is not None:
        yield "time", screen.start
    if screen.key is not None:
        yield "key", screen.key
