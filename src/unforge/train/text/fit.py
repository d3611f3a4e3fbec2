"""From labelled texts to a linear classifier, and from its scores to a calibration."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from unforge.errors import UsageError
from unforge.moderate.linear import Form, Linear
from unforge.train import calibrate
from unforge.train.calibrate import Scored
from unforge.train.text.material import Sentence
from unforge.weights.calibration import Calibration

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Disguises that calibration sees beside the sentences as they were written, on both sides alike: what it says must
# hold for both, and that something is written oddly must not count as bad by itself.
CALIBRATED = ("homophone", "split", "emoji", "pinyin")
MOST_ITERATIONS = 1000
LEAST = 0.3
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Plan:
    """How a classifier is fitted. strength: inverse of the pull towards 0. disguises: of each text, one each."""

    form: Form
    strength: float
    disguises: tuple[str, ...] = ()
    seed: int = 1


def fit(sentences: Sequence[Sentence], plan: Plan) -> Linear:
    """Logistic regression on the sentences and on disguises of them, both classes alike.

    n-grams that one class has far oftener are pulled less: columns are scaled by the square root of how much they tell,
    and by at least LEAST. Raises UsageError where a class is missing. After Wang and Manning (2012), who scale by all
    that they tell.
    """
    from sklearn.linear_model import LogisticRegression

    if {sentence.bad for sentence in sentences} != {False, True}:
        raise UsageError("fit of texts: expected good and bad sentences; got none of one kind")
    found, labels = _matrix(sentences, plan)
    scale = np.sqrt(np.abs(_told(found, labels))) + LEAST
    model = LogisticRegression(C=plan.strength, solver="liblinear", max_iter=MOST_ITERATIONS, random_state=plan.seed)
    model.fit(found.multiply(scale).tocsr(), labels)
    worth = (model.coef_[0] * scale).astype(np.float16)
    return Linear(plan.form, worth.astype(np.float32), float(model.intercept_[0]))


def _matrix(sentences: Sequence[Sentence], plan: Plan) -> "tuple[csr_array, NDArray[np.bool_]]":
    """(N, slots) n-grams of the stretches of all texts, and (N,) whether they are bad."""
    from scipy.sparse import csr_array

    rng = np.random.default_rng(plan.seed)
    slots, shares, ends, labels = [], [], [0], []
    for sentence in sentences:
        for text in (sentence.text, *(sentence.disguised(name, rng) for name in plan.disguises)):
            for _, part in plan.form.windows(text):
                read = plan.form.read(part)
                slots.append(read.slots)
                shares.append(read.shares)
                ends.append(ends[-1] + len(read.slots))
                labels.append(sentence.bad)
    shape = (len(labels), plan.form.slots)
    columns, rows = np.concatenate(slots).astype(np.int32), np.array(ends, np.int32)  # as liblinear counts
    found = csr_array((np.concatenate(shares), columns, rows), shape=shape)
    found.sum_duplicates()
    return found, np.array(labels, np.bool_)


def _told(found: "csr_array", labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(slots,) log of how much oftener bad texts have an n-gram than good ones, as if each had it once more."""
    bad, good = (np.bincount(found[rows].indices, minlength=found.shape[1]) for rows in (labels, ~labels))
    more = 1.0 / len(labels)
    told: NDArray[np.float64] = np.log((bad / labels.sum() + more) / (good / (~labels).sum() + more))
    return told


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
    """The score that at most such a share of clean texts exceeds, whatever their distribution: 95 times in 100.

    The other five times the clean texts at hand were unusually clean ones. Raises UsageError where they are too few for
    the rate. Source: Vovk (2012), training-conditional validity of split conformal predictors.
    """
    ranks = np.arange(1, len(clean) + 1)
    sure = beta.cdf(1.0 - rate, ranks, len(clean) + 1 - ranks) <= 1.0 - CONFIDENCE
    if not sure.any():
        fewest = math.ceil(math.log(1.0 - CONFIDENCE) / math.log(1.0 - rate))
        raise UsageError(f"threshold at {rate:.3g}: expected {fewest} clean texts or more; got {len(clean)}")
    return float(np.sort(clean)[np.flatnonzero(sure)[0]])
