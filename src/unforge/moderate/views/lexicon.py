"""`lexicon`: what it is about: the topics of our list whose words sound so, in the order in which they come up."""

import re
from collections import defaultdict

from unforge.moderate import tables
from unforge.moderate.traced import Traced
from unforge.moderate.views import Change, of

OF = "pinyin"
_TOKEN = re.compile("[^ ]+ ")


def load() -> Change:
    topics = _topics()
    longest = max(key.count(" ") for key in topics)

    def change(seen: Traced) -> Traced:
        tokens = [token.span() for token in _TOKEN.finditer(seen.text)]
        pieces, at = [], 0
        while at < len(tokens):
            ends = [end for _, end in tokens[at : at + longest]]
            size = next((n for n in range(len(ends), 0, -1) if seen.text[tokens[at][0] : ends[n - 1]] in topics), 0)
            if size:
                start, end = tokens[at][0], ends[size - 1]
                pieces.append((start, end, topics[seen.text[start:end]]))
            at += max(size, 1)
        return seen.rewritten(pieces)

    return change


def _topics() -> dict[str, str]:
    """By the sound of a word its topics, each with a blank behind it. One character sounds like too many others."""
    found: dict[str, str] = defaultdict(str)
    for topic, words in tables.rows("topics"):
        for word in dict.fromkeys(words.split()):
            if len(word) > 1:
                found[of(word, (OF,))[OF].text] += f"{topic} "
    return dict(found)
