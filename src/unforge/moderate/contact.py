"""Adverts that call readers elsewhere: names of messengers, ways of asking, numbers and handles, close to each other.

None of them says much alone: people write of satellites, aeroplanes and order numbers. Words are looked for in many
views of the text at once (Aho and Corasick 1975).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from unforge.moderate import tables, views
from unforge.moderate.traced import Traced

SPELLED = ("simplified", "emoji", "compact")
SOUNDED = ("pinyin", "sounds")
REACH = 16  # characters between two signs that still belong together
CLOSE = 2
FEWEST_GLUED = 5  # characters of a handle behind the name that it is glued to

# What a sign and two signs together are worth, on a scale that calibration turns into likelihood ratios.
ALONE: Mapping[str, float] = {
    "both": 3.0,
    "address": 2.0,
    "name": 1.0,
    "ask_me": 0.5,
    "number": 0.5,
    "handle": 0.3,
    "perhaps": 0.2,
    "sounds_like": 0.2,
    "ask": 0.2,
}
_TOGETHER: Mapping[str, Mapping[str, float]] = {
    "both": {"address": 4.5, "number": 4.5, "handle": 4.5, "name": 4.0, "sounds_like": 4.0, "perhaps": 3.5},
    "name": {"address": 4.0, "number": 4.0, "handle": 4.0, "ask": 3.5, "ask_me": 4.0, "name": 1.5},
    "sounds_like": {"address": 3.5, "number": 3.5, "handle": 3.5},
    "perhaps": {"address": 3.0, "number": 3.0, "handle": 2.5},
    "ask_me": {"address": 3.5, "number": 3.0, "handle": 3.0},
    "ask": {"address": 3.0, "number": 2.0, "handle": 1.5},
}
_CLOSE_BY: Mapping[str, Mapping[str, float]] = {
    "ask": {"perhaps": 2.5, "sounds_like": 3.5},
    "ask_me": {"perhaps": 3.0, "sounds_like": 3.5},
}

_DIGITS = "0-9零〇一二三四五六七八九幺壹贰叁肆伍陆柒捌玖"
_COUNTED = "(?![元块角分人年月日天号楼万亿千百个件台次米克斤毫厘平度%])"
PATTERNS: Mapping[str, re.Pattern[str]] = {
    "address": re.compile(
        r"(?:https?://|www\.|t\.me/)[a-z0-9./_-]{3,}|[a-z0-9._-]+@[a-z0-9-]+\.[a-z]{2,}"
        r"|(?<![0-9])1[3-9](?:[ ._-]?[0-9]){9}(?![0-9])"
    ),
    "handle": re.compile(
        r"@[a-z0-9_]{4,}|(?<![a-z0-9_])(?=[a-z_-]*[0-9])(?=[0-9_-]*[a-z])[a-z0-9_-]{5,20}(?![a-z0-9])"
    ),
    "number": re.compile(
        rf"(?<![a-z{_DIGITS}])[{_DIGITS}](?:[ ._*-]?[{_DIGITS}]){{4,}}(?![{_DIGITS}]|[ ._*-][{_DIGITS}]){_COUNTED}"
    ),
}


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that such adverts hold, at [start, end) of the original; written: how it stands there."""

    kind: str
    start: int
    end: int
    written: str

    def gap(self, other: "Sign") -> int:
        """Characters between the two; negative where they overlap."""
        return max(self.start, other.start) - min(self.end, other.end)


@dataclass(frozen=True, slots=True)
class Contact:
    """How much a text looks like such an advert, and the signs that say so, in their order."""

    score: float
    signs: tuple[Sign, ...]


def missing() -> str:
    """Why texts cannot be searched here; empty where they can."""
    reasons = [*map(views.missing, (*SPELLED, *SOUNDED)), _no_automaton()]
    return next((reason for reason in reasons if reason), "")


def look(text: str) -> Contact:
    """The two signs that together say most, or the one; nothing scores 0."""
    signs = sorted(set(_signs(text)), key=lambda sign: (sign.start, sign.end, sign.kind))
    found: list[tuple[float, tuple[Sign, ...]]] = [(ALONE[sign.kind], (sign,)) for sign in signs]
    for first, second in _neighbours(signs):
        worth = _together(first, second)
        if worth:
            found.append((worth, (first, second)))
    return Contact(*max(found, key=lambda one: one[0], default=(0.0, ())))


def _neighbours(signs: Sequence[Sign]) -> Iterator[tuple[Sign, Sign]]:
    """Pairs within reach of each other; signs in the order of their beginnings."""
    for at, first in enumerate(signs):
        for second in signs[at + 1 :]:
            if second.start > first.end + REACH:
                break
            if _apart(first, second):
                yield first, second


def _together(first: Sign, second: Sign) -> float:
    scales = [_TOGETHER] + [_CLOSE_BY] * (first.gap(second) <= CLOSE)
    pairs = ((first.kind, second.kind), (second.kind, first.kind))
    return max(scale.get(one, {}).get(other, 0.0) for scale in scales for one, other in pairs)


def _signs(text: str) -> list[Sign]:
    """What is found in any view, without what is part of an ordinary word."""
    seen = views.of(text, (*SPELLED, *SOUNDED))
    words = [sign for name in SPELLED for sign in _words(seen[name], "spelling", text)]
    ordinary = [sign for sign in words if sign.kind == "ordinary"]
    sounds = [sign for name in SOUNDED for sign in _words(seen[name], "sound", text)]
    found = [sign for sign in (*words, *sounds) if not any(_within(sign, other) for other in ordinary)]
    return [*found, *_patterns(seen["emoji"], text)]


def _apart(first: Sign, second: Sign) -> bool:
    """Whether they are two: neither lies in the other, but for a name that a handle begins with."""
    longer, shorter = sorted((first, second), key=lambda sign: sign.start - sign.end)
    glued = shorter.kind in ("name", "both") and longer.kind == "handle" and longer.end - shorter.end >= FEWEST_GLUED
    return glued or not _within(shorter, longer)


def _within(sign: Sign, other: Sign) -> bool:
    return other.start <= sign.start and sign.end <= other.end


def _words(seen: Traced, found_by: str, text: str) -> Iterator[Sign]:
    """Words of our list in a view, the longest where several begin or overlap."""
    for last, (length, kind) in _automaton(found_by).iter_long(seen.text):
        first = last + 1 - length
        if _stands_alone(seen.text, first, last + 1, found_by):
            start, end = seen.span(first, last + 1)
            yield Sign(kind, start, end, text[start:end])


def _stands_alone(text: str, start: int, end: int, found_by: str) -> bool:
    """Whether it is no end of a longer word: by spelling of letters, by sound of a syllable."""
    before = text[start - 1 : start]
    if found_by == "sound":
        return before in ("", " ")
    if not text[start].isascii() or not text[start].isalpha() or not before.isascii():
        return True
    return not (before.isalnum() if end - start == 1 else before.isalpha())


def _patterns(seen: Traced, text: str) -> Iterator[Sign]:
    for kind, pattern in PATTERNS.items():
        for found in pattern.finditer(seen.text):
            start, end = seen.span(*found.span())
            yield Sign(kind, start, end, text[start:end])


@cache
def _automaton(found_by: str) -> Any:
    import ahocorasick

    words = ahocorasick.Automaton()
    for word, kind in _listed(found_by):
        if not words.exists(word):
            words.add_word(word, (len(word), kind))
    words.make_automaton()
    return words


def _listed(found_by: str) -> Iterable[tuple[str, str]]:
    """Words with their kinds, written as the views write them."""
    for kind, how, line in tables.rows("contact"):
        for word in line.split():
            if found_by == "spelling":
                yield views.of(word, ("base",))["base"].text, kind
            elif how == "sound":
                for name in SOUNDED:
                    yield views.of(word, (name,))[name].text, "sounds_like" if kind == "name" else kind


@cache
def _no_automaton() -> str:
    try:
        import ahocorasick  # noqa: F401
    except ImportError:
        return "many words at once: pip install 'unforge[moderate]'"
    return ""
