"""From labelled texts to a linear classifier, and from its scores to a calibration."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unforge.errors import UsageError
from unforge.moderate.linear import Form, Linear
from unforge.train import calibrate
from unforge.train.calibrate import Scored
from unforge.train.text.material import Sentence
from unforge.weights.calibration import Calibration

# Disguises that calibration sees beside the sentences as they were written, on both sides alike: what it says must
# hold for both, and that something is written oddly must not count as bad by itself.
CALIBRATED = ("homophone", "split", "emoji", "pinyin")
MOST_ITERATIONS = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """How a classifier is fitted. strength: inverse of the pull towards 0. disguises: of each text, one each."""

    form: Form
    strength: float
    disguises: tuple[str, ...] = ()
    seed: int = 1


def fit(sentences: Sequence[Sentence], plan: Plan) -> Linear:
    """Logistic regression on the sentences and on disguises of them, both classes alike.

    Raises UsageError where a class is missing.
    """
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    if {sentence.bad for sentence in sentences} != {False, True}:
        raise UsageError("fit of texts: expected good and bad sentences; got none of one kind")
    rng = np.random.default_rng(plan.seed)
    slots, values, ends, labels = [], [], [0], []
    for sentence in sentences:
        for text in (sentence.text, *(sentence.disguised(name, rng) for name in plan.disguises)):
            for _, part in plan.form.windows(text):
                read = plan.form.read(part)
                slots.append(read.slots)
                values.append(read.values)
                ends.append(ends[-1] + len(read.slots))
                labels.append(sentence.bad)
    shape = (len(labels), plan.form.slots)
    matrix = csr_matrix((np.concatenate(values), np.concatenate(slots), ends), shape=shape)
    model = LogisticRegression(C=plan.strength, solver="liblinear", max_iter=MOST_ITERATIONS, random_state=plan.seed)
    model.fit(matrix, np.array(labels))
    return Linear(plan.form, model.coef_[0].astype(np.float16).astype(np.float32), float(model.intercept_[0]))


def scores(model: Linear, texts: Sequence[str]) -> NDArray[np.float64]:
    """The score of each text."""
    return np.array([model.judge(text).score for text in texts], np.float64)


def calibrated(model: Linear, sentences: Sequence[Sentence], seed: int, by: Sequence[str] = CALIBRATED) -> Calibration:
    """What scores are worth, on sentences that taught nothing, as they are and in disguises."""
    return calibrate.fit(scored(model, sentences, seed, by))


def scored(model: Linear, sentences: Sequence[Sentence], seed: int, by: Sequence[str] = CALIBRATED) -> list[Scored]:
    """Scores of good and of bad sentences by how they are written."""
    rng = np.random.default_rng(seed)
    found = []
    for bad in (False, True):
        chosen = [sentence for sentence in sentences if sentence.bad == bad]
        found.append(Scored("as written", bad, scores(model, [one.text for one in chosen])))
        for name in by:
            found.append(Scored(name, bad, scores(model, [one.disguised(name, rng) for one in chosen])))
    return found


def conformal(clean: NDArray[np.float64], rate: float) -> float:
    """The score that clean texts like these exceed at most with that probability, whatever their distribution.

    Raises UsageError where they are too few for the rate. Source: Vovk, Gammerman and Shafer (2005), split conformal.
    """
    rank = math.ceil((1.0 - rate) * (len(clean) + 1))
    if rank > len(clean):
        raise UsageError(f"threshold at {rate:.3g}: expected {math.ceil(1 / rate) - 1} clean texts; got {len(clean)}")
    return float(np.sort(clean)[rank - 1])
