"""`contact`: what the signs of contact adverts are worth, on clean forum sentences and on listings of our own making.

Nothing is fitted but the line from points to likelihood ratios; signs and points are rules (moderate/contact.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge.media.write import atomic_write
from unforge.moderate import contact
from unforge.train import calibrate, card
from unforge.train.calibrate import FPR, Scored
from unforge.train.recipes import toxic
from unforge.train.text import export, listings
from unforge.train.text.material import Sentence

EACH = 12  # sentences of a pattern
DISGUISES = ("homophone", "split", "hidden", "strewn", "full_width")


def main(
    data: Path,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 1,
    on_progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Calibrate; returns the folder with `contact.toml`, which belongs in `moderate/data`.

    data: the folder in which `text/cntp` lies. It takes seconds: `minutes` and `resume` change nothing.
    """
    forum = [one for one in toxic.split(data).train if not one.bad]
    found = scored(forum, seed)
    calibration = calibrate.fit(found)
    calibration = replace(calibration, llr_manipulated=calibration.llr(_level(found)))
    text = card.text({"calibration": export.of_calibration(calibration)})
    out.mkdir(parents=True, exist_ok=True)
    atomic_write(out / "contact.toml", text.encode())
    return out


def scored(forum: Sequence[Sentence], seed: int) -> list[Scored]:
    """Points of clean sentences and of adverts, by kind; adverts as they are and in disguises."""
    rng = np.random.default_rng(seed)
    made = listings.sentences(listings.CALIBRATION, EACH, rng)
    adverts = [one for one in made if one.bad]
    return [
        Scored("forum", False, points([one.text for one in forum])),
        Scored("listings", False, points([one.text for one in made if not one.bad])),
        Scored("adverts", True, points([one.text for one in adverts])),
        *(Scored(name, True, points([one.disguised(name, rng) for one in adverts])) for name in DISGUISES),
    ]


def _level(found: Sequence[Scored]) -> float:
    """The lowest points that at most one in a hundred clean sentences of each kind has: points are few and many tie."""
    clean = [one.scores for one in found if not one.fake]
    levels = np.unique(np.concatenate([one.scores for one in found]))
    return float(next(level for level in levels if all((scores >= level).mean() <= FPR for scores in clean)))


def points(texts: Sequence[str]) -> NDArray[np.float64]:
    """What each text scores."""
    return np.array([contact.look(text).score for text in texts], np.float64)
