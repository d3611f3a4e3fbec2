"""`sounds`: pinyin with sounds that are mixed up in the south or by ear written alike. Undoes near homophones."""

import re
from functools import lru_cache

from unforge.moderate.traced import Traced
from unforge.moderate.views import Change

OF = "pinyin"
_SYLLABLE = re.compile("[a-z]+ ")
# Input methods' fuzzy pinyin: flat for curled tongue, one nasal for the other, h for f, l for n and r; and ei for ai.
_ALIKE = (
    (r"^([zcs])h", r"\1"),
    (r"([aei])ng ", r"\1n "),
    (r"^h(?=u)", "f"),
    (r"^[nr](?=[aeiouv])", "l"),
    ("ei ", "ai "),
)


def load() -> Change:
    return lambda seen: seen.rewritten(_pieces(seen))


def _pieces(seen: Traced) -> list[tuple[int, int, str]]:
    pieces, at = [], 0
    for found in _SYLLABLE.finditer(seen.text):
        pieces += [(at, found.start(), seen.text[at : found.start()]), (*found.span(), _folded(found.group()))]
        at = found.end()
    return [*pieces, (at, len(seen.text), seen.text[at:])]


@lru_cache(4096)
def _folded(syllable: str) -> str:
    for pattern, like in _ALIKE:
        syllable = re.sub(pattern, like, syllable)
    return syllable
