"""`bag`: characters that stand close to each other as pairs, whatever their order. Undoes shuffles within words."""

from unforge.moderate.traced import Traced
from unforge.moderate.views import Change

OF = "compact"
REACH = 2  # characters on


def load() -> Change:
    return change


def change(seen: Traced) -> Traced:
    text, starts, ends = [], [], []
    for at in range(len(seen.text)):
        for other in range(at + 1, min(at + 1 + REACH, len(seen.text))):
            first, second = sorted((at, other), key=lambda one: (seen.text[one], one))
            text += [seen.text[first], seen.text[second], " "]
            starts += [seen.starts[first], seen.starts[second], min(seen.starts[first], seen.starts[second])]
            ends += [seen.ends[first], seen.ends[second], max(seen.ends[first], seen.ends[second])]
    return Traced("".join(text), tuple(starts), tuple(ends))
