"""`simplified`: traditional characters and regional variants in simplified ones. Source: the tables of OpenCC."""

from functools import lru_cache

from unforge.errors import UsageError
from unforge.moderate.views import Change

OF = "confusables"


def load() -> Change:
    try:
        from opencc import OpenCC
    except ImportError as cause:
        raise UsageError("traditional characters: pip install 'unforge[moderate]'") from cause
    converter = OpenCC("t2s")

    @lru_cache(16384)
    def simplified(character: str) -> str:
        return str(converter.convert(character))

    return lambda seen: seen.each(simplified)
