"""Long films: scan them, then look closer.

A film of hours is looked at every few seconds, piece by piece; what a piece shows is judged at once by the examiners of
single pictures and then forgotten but for a few numbers (parts.py). The most suspicious spans, and the one that shows
somebody best, are examined like short films of their own, by everybody (suspicion.py). The answers are pooled so that
many spans pay for their many chances of a false alarm (pooled.py), and the most suspicious one is named whatever the
pooled number says (whole.py, words.py). Finished parts are kept until the end, so that a stopped examination goes on
(unfinished.py).
"""

from unforge.film.parts import GOING_ON, Parts
from unforge.film.unfinished import Unfinished, default_folder
from unforge.film.whole import Film, at_least_inconclusive, examined

__all__ = ["GOING_ON", "Film", "Parts", "Unfinished", "at_least_inconclusive", "default_folder", "examined"]
