"""`base`: one way of writing a character.

Undoes full-width, circled and mathematical letters, marks and characters that are not seen, capitals, and blanks within
Chinese. By Unicode's compatibility forms (NFKC); source: Unicode Standard Annex 15.
"""

import unicodedata
from functools import lru_cache

from unforge.moderate.traced import Traced
from unforge.moderate.views import Change

OF = ""
UNSEEN = ("Mn", "Me", "Cf", "Cc", "Cs", "Co")


def load() -> Change:
    return lambda seen: _without_blanks(seen.each(_plain))


@lru_cache(4096)
def _plain(character: str) -> str:
    """A character without marks, in lower case; what is not seen is nothing, every blank a space."""
    if character.isspace():
        return " "
    taken_apart = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", character))
    kept = "".join(one for one in taken_apart if unicodedata.category(one) not in UNSEEN)
    return unicodedata.normalize("NFC", kept).lower()


def _without_blanks(seen: Traced) -> Traced:
    """Blanks that stand beside Chinese say nothing: there are no words to part."""
    text = f"{seen.text} "
    if " " not in seen.text:
        return seen
    return seen.rewritten(
        (at, at + 1, character)
        for at, character in enumerate(seen.text)
        if character != " " or not (is_chinese(text[at - 1]) or is_chinese(text[at + 1]) or text[at + 1] == " ")
    )


def is_chinese(character: str) -> bool:
    """Whether this is a Han character."""
    return "㐀" <= character <= "鿿" or "\U00020000" <= character <= "\U0003ffff"
