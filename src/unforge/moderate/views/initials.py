"""`initials`: letters that are the initials of a word of our lists as that word. Undoes wx for 微信, txl for 同性恋."""

import re

from unforge.moderate import tables
from unforge.moderate.traced import Traced
from unforge.moderate.views import Change, of
from unforge.moderate.views.base import is_chinese

OF = "emoji"
_LETTERS = re.compile("(?<![a-z0-9])[a-z]{2,6}(?![a-z0-9])")


def load() -> Change:
    words = _words()

    def change(seen: Traced) -> Traced:
        pieces, at = [], 0
        for found in _LETTERS.finditer(seen.text):
            pieces += [(at, found.start(), seen.text[at : found.start()])]
            pieces += [(*found.span(), words.get(found.group(), found.group()))]
            at = found.end()
        return seen.rewritten([*pieces, (at, len(seen.text), seen.text[at:])])

    return change


def _words() -> dict[str, str]:
    """Words by their initials, those of messengers first."""
    found: dict[str, str] = {}
    names = [words for kind, _, words in tables.rows("contact") if kind == "name"]
    for word in " ".join([*names, *(words for _, words in tables.rows("topics"))]).split():
        if len(word) > 1 and all(map(is_chinese, word)):
            found.setdefault("".join(one[0] for one in of(word, ("pinyin",))["pinyin"].text.split()), word)
    return found
