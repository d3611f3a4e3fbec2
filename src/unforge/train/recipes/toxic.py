"""`toxic`: insults to people, whatever they are written with; from 2,000 sentences of ToxiBenchCN (MIT licence).

The sentences are learned from as they are and in six disguises of our own, good and bad ones alike. What is measured is
what others made of sentences that nothing was learned from. Groups, strength and disguises were chosen by
cross-validation among the 2,000.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from unforge import metrics
from unforge.moderate.linear import Form, Linear
from unforge.moderate.ngrams import Group
from unforge.train.text import export, material
from unforge.train.text.fit import Plan, calibrated, conformal, fit, scores
from unforge.train.text.material import PERTURBED, Parts, Sentence

TRAIN = {False: 1000, True: 1000}
CALIBRATION = {False: 800, True: 300}
FPR = 0.05

GROUPS = (
    Group("joined", "character", 3, 0.5),
    Group("pinyin", "token", 3),
    Group("sounds", "token", 2, 0.5),
    Group("bag", "token", 1, 0.5),
    Group("lexicon", "token", 1),
)
SLOTS = 1 << 18
WINDOW_CHARS, STEP_CHARS = 160, 80
PLAN = Plan(
    Form(GROUPS, SLOTS, WINDOW_CHARS, STEP_CHARS),
    strength=0.03,
    disguises=("homophone", "homophone", "split", "emoji", "pinyin", "shuffle"),
)
# What the filters do that others measure beside theirs: characters as they came, nothing undone, nothing learned of it.
BASELINE = Plan(Form((Group("base", "character", 3),), SLOTS, WINDOW_CHARS, STEP_CHARS), strength=0.03)


def main(
    data: Path,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 1,
    on_progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Fit, calibrate, measure; returns the folder with `toxic.npz` and its card `toxic.toml`.

    data: the folder in which `text/cntp` lies. It takes a minute or two and leaves nothing to resume: `minutes` and
    `resume` change nothing.
    """
    said = on_progress or (lambda words, share: None)
    said("reading sentences", 0.0)
    parts = split(data)
    said("learning", 0.1)
    model = fit(parts.train, Plan(PLAN.form, PLAN.strength, PLAN.disguises, seed))
    said("calibrating", 0.6)
    calibration = calibrated(model, parts.calibration, seed)
    said("measuring", 0.8)
    export.write(out, "toxic", model, calibration, _words(parts, figures(model, parts)))
    return out


def split(data: Path) -> Parts:
    """The sentences that teach, that calibrate, and that are measured."""
    return material.parted(material.cntp(data), TRAIN, CALIBRATION)


def threshold(model: Linear, parts: Parts) -> float:
    """The score that one in twenty clean sentences may exceed, by those held out for it."""
    return conformal(scores(model, [one.text for one in parts.calibration if not one.bad]), FPR)


def measured_texts(test: Sequence[Sentence]) -> Mapping[str, list[str]]:
    """The texts that are measured, by how they are written: clean ones, bad ones, and what others made of these."""
    bad = [sentence for sentence in test if sentence.bad]
    written = {name: [one.written[name] for one in bad if name in one.written] for name in PERTURBED}
    return {"clean": [one.text for one in test if not one.bad], "as written": [one.text for one in bad], **written}


def figures(model: Linear, parts: Parts) -> dict[str, Any]:
    """Shares above the threshold with their Wilson intervals."""
    line = threshold(model, parts)
    found: dict[str, Any] = {}
    for name, texts in measured_texts(parts.test).items():
        above = int((scores(model, texts) > line).sum())
        key = "fpr" if name == "clean" else f"tpr_{name.replace(' ', '_')}"
        found |= {key: above / len(texts), f"{key}_interval": list(metrics.wilson(above, len(texts)))}
    return {"threshold_score": line, "threshold_fpr": FPR, **found}


def _words(parts: Parts, numbers: Mapping[str, Any]) -> dict[str, Any]:
    test = sum(sentence.bad for sentence in parts.test), sum(not sentence.bad for sentence in parts.test)
    return {
        "licence": "Apache-2.0",
        "origin": "fitted by unforge (train/recipes/toxic.py) from nothing",
        "purpose": "tells sentences that insult people, for what they are or for nothing, from others",
        "data": f"ToxiBenchCN / CNTP (ACL 2025, MIT licence): {len(parts.train)} sentences taught, "
        f"{len(parts.calibration)} calibrated, {test[0]} bad and {test[1]} clean ones were measured, divided by hash",
        "cannot": "tell irony, quotation or what people agreed to call each other; the sentences come from a few "
        "Chinese forums and their quarrels about region, race, gender and orientation",
        "numbers": numbers,
    }
