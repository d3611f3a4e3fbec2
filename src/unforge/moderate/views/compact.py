"""`compact`: letters, digits and Chinese alone. Undoes signs strewn into words."""

from unforge.moderate.views import Change

OF = "joined"


def load() -> Change:
    return lambda seen: seen.each(lambda character: character if character.isalnum() else "")
