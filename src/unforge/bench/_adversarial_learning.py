"""How `adversarial` was learned: `python -m unforge.bench._adversarial_learning DATA` writes weights/tampering.toml.

From held-out people of the training split alone: a logistic line through the figures of detect/_tampering.py, then
Platt's line and a threshold that at most 1 % of every ordinary kind passes.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from unforge import weights
from unforge.bench import _adversarial_faces as faces
from unforge.bench import _adversarial_material as material
from unforge.bench import _adversarial_plan as plan
from unforge.bench import network
from unforge.bench._adversarial_attacks import jpeg
from unforge.bench._adversarial_faces import Faces
from unforge.bench._adversarial_material import Kind
from unforge.bench.network import Network
from unforge.detect import _tampering
from unforge.detect import adversarial as detector
from unforge.train import calibrate, card
from unforge.train.calibrate import Scored

MOST = 200  # files of each class
MOST_ATTACKED = 120  # of each class: an attack costs ten passes forth and back
RIDGE = 1e-4
SEED = 1
FOLDS = 5

Floats = NDArray[np.float64]


def learn(data: Path) -> dict[str, Any]:
    """Everything that tampering.toml holds. Raises UsageError for a folder without a manifest or without foolbox."""
    own = network.packaged(detector.CARD)
    seen = faces.ordinary(data, "train", MOST)
    kinds = [*material.ordinary(seen, own, SEED)]
    kinds += attacked(seen.balanced(MOST_ATTACKED), own)
    logits = [detector.read_through(kind.views) for kind in kinds]
    figures = [_tampering.figures(kind.views, read) for kind, read in zip(kinds, logits, strict=True)]
    calibration = calibrate.fit(_out_of_fold(kinds, figures))
    return {
        "network": detector.CARD,
        "network_sha256": own.card.sha256,
        "written": datetime.now(UTC).date().isoformat(),
        "data": "held-out people of the training split, ordinary and attacked (bench/_adversarial_learning.py)",
        "line": {"names": list(_tampering.NAMES), **line(kinds, figures)},
        "calibration": asdict(calibration),
        "hardened": asdict(calibrate.fit(_hardened(kinds, logits))),
    }


def attacked(looks: Faces, own: Network) -> Iterator[Kind]:
    """Looks in equal parts under each attack; what was saved as JPEG afterwards is a kind of its own."""
    order, planned = np.random.default_rng(SEED).permutation(len(looks)), plan.learned_from(own)
    for attack, part in zip(planned, np.array_split(order, len(planned)), strict=True):
        views = attack.views(looks.some(part))
        yield Kind(attack.row, True, views)
        yield Kind(f"{attack.row}, saved", True, [jpeg(view) for view in views])


def line(kinds: Sequence[Kind], figures: Sequence[Floats]) -> dict[str, Any]:
    """Ridge-regularised logistic regression; both classes weigh the same, and every kind within its class."""
    found, signs, shares = _joined(kinds, figures)
    mean, spread = found.mean(axis=0), found.std(axis=0) + 1e-6
    inputs = np.column_stack([(found - mean) / spread, np.ones(len(found))])

    def cost(slopes: Floats) -> tuple[float, Floats]:
        margins = signs * (inputs @ slopes)
        pull = RIDGE * np.append(slopes[:-1], 0.0)
        value = float(shares @ np.logaddexp(0.0, -margins)) + 0.5 * float(pull @ slopes)
        return value, inputs.T @ (-shares * signs * expit(-margins)) + pull

    slopes = minimize(cost, np.zeros(inputs.shape[1]), jac=True, method="L-BFGS-B").x
    return {
        "mean": mean.tolist(),
        "spread": spread.tolist(),
        "slopes": slopes[:-1].tolist(),
        "offset": float(slopes[-1]),
    }


def _joined(kinds: Sequence[Kind], figures: Sequence[Floats]) -> tuple[Floats, Floats, Floats]:
    """Figures of all looks, their signs, and the share of each look in the cost."""
    of_class = {attacked: sum(kind.attacked == attacked for kind in kinds) for attacked in (False, True)}
    both = list(zip(kinds, figures, strict=True))
    signs = [np.full(len(one), 1.0 if kind.attacked else -1.0) for kind, one in both]
    shares = [np.full(len(one), 0.5 / of_class[kind.attacked] / len(one)) for kind, one in both]
    return np.concatenate(figures), np.concatenate(signs), np.concatenate(shares)


def _out_of_fold(kinds: Sequence[Kind], figures: Sequence[Floats]) -> list[Scored]:
    """Scores that a look got from a line which has not seen it: what a line says of its own looks is too good."""
    rng = np.random.default_rng(SEED)
    folds = [rng.permutation(len(one)) % FOLDS for one in figures]
    scores = [np.zeros(len(one)) for one in figures]
    for fold in range(FOLDS):
        left = [one[parts != fold] for one, parts in zip(figures, folds, strict=True)]
        found = line(kinds, left)
        for one, parts, into in zip(figures, folds, scores, strict=True):
            into[parts == fold] = _tampering.scores(one[parts == fold], found)
    return [Scored(kind.name, kind.attacked, one) for kind, one in zip(kinds, scores, strict=True)]


def _hardened(kinds: Sequence[Kind], logits: Sequence[Floats]) -> list[Scored]:
    """The hardened readings of looks that nobody attacked, untouched and forged: what they are worth."""
    plain = {"untouched": False, "forged": True}
    return [
        Scored(kind.name, plain[kind.name], detector.hardened(read))
        for kind, read in zip(kinds, logits, strict=True)
        if kind.name in plain
    ]


def main(arguments: Sequence[str]) -> int:
    """Learn and write. arguments: the data folder."""
    if len(arguments) != 1:
        print("usage: python -m unforge.bench._adversarial_learning DATA", file=sys.stderr)
        return 2
    card.write(weights.TAMPERING, learn(Path(arguments[0])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
