"""`pinyin`: how it sounds, syllable by syllable, without tones. Undoes homophones and words written in pinyin.

Every character has its most usual reading, whatever the word: who replaces characters does not keep to words. Letters
that can be read as syllables throughout are read so, and a digit by itself is its name. Source of the readings: the
tables of pypinyin.
"""

import re
from functools import lru_cache

from unforge.errors import UsageError
from unforge.moderate.traced import Traced
from unforge.moderate.views import Change
from unforge.moderate.views.base import is_chinese

OF = "joined"
LONGEST = 6  # zhuang
MOST_LETTERS = 64  # of a run that somebody may have meant as syllables
DIGITS = "零一二三四五六七八九"
_TOKENS = re.compile("[a-z]+|[0-9]+|[^ ]")
_COMMON = range(0x4E00, 0x9FA6)
_HUMMED = frozenset(("m", "n", "hm", "ei", "o", "yo", "lo"))  # syllables that letters are hardly meant as


def load() -> Change:
    try:
        from pypinyin import lazy_pinyin
        from pypinyin.constants import PINYIN_DICT
    except ImportError as cause:
        raise UsageError("pinyin: pip install 'unforge[moderate]'") from cause

    @lru_cache(16384)
    def syllable(character: str) -> str:
        return lazy_pinyin(character, errors="default")[0]

    @lru_cache(1)
    def syllables() -> frozenset[str]:
        return frozenset(syllable(chr(code)) for code in _COMMON if code in PINYIN_DICT) - _HUMMED

    @lru_cache(4096)
    def read(letters: str) -> tuple[str, ...]:
        return divided(letters, syllables()) if len(letters) <= MOST_LETTERS else (letters,)

    def change(seen: Traced) -> Traced:
        pieces = []
        for token in _TOKENS.finditer(seen.text):
            start, end, found = token.start(), token.end(), token.group()
            if found[0].isascii() and found.isalpha():
                for part in read(found):
                    pieces.append((start, start + len(part), f"{part} "))
                    start += len(part)
            elif len(found) == 1 and found.isdecimal():
                pieces.append((start, end, f"{syllable(DIGITS[int(found)])} "))
            else:
                pieces.append((start, end, f"{syllable(found) if is_chinese(found) else found} "))
        return seen.rewritten(pieces)

    return change


def divided(letters: str, syllables: frozenset[str]) -> tuple[str, ...]:
    """Letters in as few syllables as will do; the letters as they are where that leaves some over."""
    best: list[tuple[str, ...] | None] = [()]
    for end in range(1, len(letters) + 1):
        found: tuple[str, ...] | None = None
        for start in range(max(0, end - LONGEST), end):
            before, last = best[start], letters[start:end]
            if before is not None and last in syllables and (found is None or len(before) + 1 < len(found)):
                found = (*before, last)
        best.append(found)
    return best[-1] or (letters,)
