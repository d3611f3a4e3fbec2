"""`joined`: characters put together again that were written as their parts. Source: kaifangcidian.com, CC BY 3.0.

The same character twice is a common way to speak, and stays two.
"""

from unforge.moderate import tables
from unforge.moderate.traced import Traced
from unforge.moderate.views import Change

OF = "emoji"


def load() -> Change:
    wholes: dict[str, str] = {}
    for whole, *ways in tables.rows("parts"):
        for parts in ways:
            if len(set(parts)) > 1:
                wholes.setdefault(parts, whole)
    longest = max(map(len, wholes))

    def change(seen: Traced) -> Traced:
        pieces, at = [], 0
        while at < len(seen.text):
            size = next((n for n in range(longest, 1, -1) if seen.text[at : at + n] in wholes), 1)
            piece = seen.text[at : at + size]
            pieces.append((at, at + size, wholes.get(piece, piece)))
            at += size
        return seen.rewritten(pieces)

    return change
