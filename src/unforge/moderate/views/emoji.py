"""`emoji`: emoji as the characters that they are read as. Source: our own table."""

from unforge.moderate import tables
from unforge.moderate.views import Change

OF = "simplified"


def load() -> Change:
    readings = {row[0]: row[1] for row in tables.rows("emoji")}
    return lambda seen: seen.each(lambda character: readings.get(character, character))
