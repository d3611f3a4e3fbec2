"""`confusables`: letters of other alphabets as the Latin letters that they look like. Source: Unicode Standard 39."""

from functools import lru_cache
from typing import Any

from unforge.errors import UsageError
from unforge.moderate.traced import Traced
from unforge.moderate.views import Change

OF = "base"


def load() -> Change:
    try:
        from confusable_homoglyphs import confusables
    except ImportError as cause:
        raise UsageError("look-alike letters: pip install 'unforge[moderate]'") from cause
    table: dict[str, list[dict[str, Any]]] = confusables.confusables_data

    @lru_cache(4096)
    def latin(letter: str) -> str:
        if letter.isascii() or not letter.isalpha():
            return letter
        likes = (str(one["c"]) for one in table.get(letter, ()))
        return next((like.lower() for like in likes if len(like) == 1 and like.isascii() and like.isalpha()), letter)

    def change(seen: Traced) -> Traced:
        return seen if seen.text.isascii() else seen.each(latin)

    return change
