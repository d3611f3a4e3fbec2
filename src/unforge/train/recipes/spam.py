"""`spam`: a classifier of the user's own texts for the check of that name.

A folder with `spam_train.txt` and `ham_train.txt`, a text a line. What it makes stays with whoever made it: it carries
what its texts say, under their licence.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from unforge import metrics
from unforge.errors import UsageError
from unforge.moderate.linear import Form, Linear
from unforge.moderate.ngrams import Group
from unforge.train.text import export, material
from unforge.train.text.fit import Plan, calibrated, conformal, fit, scores
from unforge.train.text.material import Parts

FEWEST = 1000  # texts of a kind
FEWEST_CALIBRATED = 300  # of a kind: fewer carry no threshold at one false alarm in a hundred
CALIBRATED, MEASURED = 0.1, 0.2  # shares of the texts
FPR = 0.01

PLAN = Plan(
    Form(
        (Group("simplified", "character", 4), Group("pinyin", "token", 3, 0.5), Group("sounds", "token", 2, 0.5)),
        slots=1 << 20,
        window_chars=400,
        step_chars=200,
    ),
    strength=0.1,
)


def main(
    data: Path,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 1,
    on_progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Fit, calibrate, measure on texts held out; returns the folder with `spam.npz` and its card `spam.toml`.

    data: a folder with the two files, or one in which they lie under `text/stoneskipping`. `minutes` and `resume`
    change nothing. Raises UsageError with fewer than 1,000 texts of a kind.
    """
    said = on_progress or (lambda words, share: None)
    said("reading texts", 0.0)
    parts = split(data)
    said("learning", 0.1)
    model = fit(parts.train, Plan(PLAN.form, PLAN.strength, PLAN.disguises, seed))
    said("calibrating", 0.7)
    calibration = calibrated(model, parts.calibration, seed, by=())
    words = {
        "licence": "that of the texts",
        "origin": "fitted by unforge (train/recipes/spam.py) from nothing",
        "purpose": "tells what was called spam in training from the rest",
        "data": f"{len(parts.train)} texts taught, {len(parts.calibration)} calibrated, {len(parts.test)} measured",
        "numbers": figures(model, parts),
    }
    export.write(out, "spam", model, calibration, words)
    return out


def split(data: Path) -> Parts:
    """The texts that teach, that calibrate, and that are measured: each text once."""
    texts = material.reviews(data)
    counts = {bad: sum(one.bad == bad for one in texts) for bad in (False, True)}
    if min(counts.values()) < FEWEST:
        raise UsageError(
            f"spam: expected {FEWEST} different texts of each kind; got {counts[True]} and {counts[False]}"
        )
    calibration = {bad: max(FEWEST_CALIBRATED, int(CALIBRATED * count)) for bad, count in counts.items()}
    train = {bad: count - calibration[bad] - int(MEASURED * count) for bad, count in counts.items()}
    return material.parted(texts, train, calibration)


def figures(model: Linear, parts: Parts) -> dict[str, float]:
    """Area under the curve, and shares above the threshold, on texts held out."""
    line, found = threshold(model, parts), scores(model, [one.text for one in parts.test])
    bad = np.array([one.bad for one in parts.test])
    return {
        "auc": metrics.auc(found, bad),
        "threshold_score": line,
        "fpr": float((found[~bad] > line).mean()),
        "tpr": float((found[bad] > line).mean()),
    }


def threshold(model: Linear, parts: Parts) -> float:
    """The score that one in a hundred good texts may exceed, by those held out for it."""
    return conformal(scores(model, [one.text for one in parts.calibration if not one.bad]), FPR)
