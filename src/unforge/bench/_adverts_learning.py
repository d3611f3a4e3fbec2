# mypy: disable-error-code="misc, no-any-unimported"
"""How `evasion` was learned: `python -m unforge.bench._adverts_learning DATA` writes into the card `evasion`.

From pictures of the training split that the network has not learned from: a logistic line through the figures of
moderate/shifts.py, Platt's line, and the threshold that at most 1 % of every ordinary kind passes, whatever their
distribution (split conformal: Vovk, Gammerman and Shafer, 2005).
"""

import math
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unforge import weights
from unforge.bench import _adverts_attacks as attacks
from unforge.bench import _adverts_material as material
from unforge.moderate import looks, shifts
from unforge.train import calibrate, card
from unforge.train.calibrate import Scored
from unforge.weights.calibration import Calibration

DRAWN = 480
STILLS = 400
ATTACKED = 320  # in equal parts under each of ATTACKS
ATTACKS = (("pgd", 8.0), ("pgd", 4.0), ("square", 8.0), ("patch", 8.0))
SEED = 31
FOLDS = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Kind:
    """Figures (N, len(shifts.NAMES)) of pictures of one kind."""

    name: str
    attacked: bool
    figures: Floats


def learn(data: Path) -> dict[str, Any]:
    """What the card says of line and calibration.

    Raises UsageError for a folder without a manifest or without the library of attacks.
    """
    kinds = [*ordinary(data), *attacked(data)]
    found = np.concatenate([kind.figures for kind in kinds])
    line, scores = _line(kinds, found)
    ends = np.cumsum([len(kind.figures) for kind in kinds])[:-1]
    scored = [Scored(kind.name, kind.attacked, part) for kind, part in zip(kinds, np.split(scores, ends), strict=True)]
    calibration = conformal(calibrate.fit(scored), [one.scores for one in scored if not one.fake])
    plain = asdict(calibration)
    return {
        "data": "ordinary and attacked pictures of the training split (bench/_adverts_learning.py)",
        "line": line,
        "calibration": {**plain, "refits": [list(pair) for pair in plain["refits"]]},
    }


def ordinary(data: Path) -> list[Kind]:
    """Stills as they are and grainy, and drawn pictures with and without adverts."""
    stills = material.stills(data, "train", STILLS, licensed=True)
    drawn = material.drawn(data, "train", DRAWN, SEED)
    rng = np.random.default_rng(SEED)
    grainy = [material.grainy(rgb, rng) for rgb in stills[::2]]
    of = {
        "stills": stills,
        "grainy stills": grainy,
        "drawn, clean": [rgb for rgb, advert in zip(drawn.rgb, drawn.adverts, strict=True) if not advert],
        "drawn, adverts": [rgb for rgb, advert in zip(drawn.rgb, drawn.adverts, strict=True) if advert],
    }
    return [Kind(name, False, figures(pictures)) for name, pictures in of.items()]


def attacked(data: Path) -> list[Kind]:
    """Drawn pictures in equal parts under each attack."""
    drawn = material.drawn(data, "train", ATTACKED, SEED + 1)
    order = np.random.default_rng(SEED).permutation(len(drawn))
    kinds = []
    for (name, budget), part in zip(ATTACKS, np.array_split(order, len(ATTACKS)), strict=True):
        some = drawn.some(part)
        changed = attacks.attack(name, some.rgb, some.adverts, budget)
        kinds.append(Kind(f"{name} {budget:.0f}", True, figures(changed)))
    return kinds


def figures(pictures: Sequence[NDArray[np.uint8]]) -> Floats:
    """(N, len(shifts.NAMES))."""
    seen = [looks.reduced(rgb) for rgb in pictures]
    return np.stack([shifts.figures(look, looks.read(looks.through(look))) for look in seen])


def conformal(calibration: Calibration, ordinary: Sequence[Floats]) -> Calibration:
    """The same with the threshold that a new picture of each kind passes with a chance of at most 1 %."""
    tops = []
    for scores in ordinary:
        rank = math.ceil((len(scores) + 1) * (1.0 - calibrate.FPR))
        tops.append(float(np.sort(scores)[min(rank, len(scores)) - 1]))
    return replace(calibration, llr_manipulated=calibration.slope * max(tops) + calibration.intercept)


def _line(kinds: Sequence[Kind], found: Floats) -> tuple[dict[str, Any], Floats]:
    """The line, and for each picture the score of a line that has not seen it; every kind weighs the same."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    labels = np.concatenate([np.full(len(kind.figures), kind.attacked) for kind in kinds])
    of_class = {attacked: sum(kind.attacked == attacked for kind in kinds) for attacked in (False, True)}
    shares = [np.full(len(kind.figures), 1.0 / of_class[kind.attacked] / len(kind.figures)) for kind in kinds]
    told = {"logisticregression__sample_weight": len(found) / 2.0 * np.concatenate(shares)}
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    scores = cross_val_predict(pipeline, found, labels, cv=folds, method="decision_function", params=told)
    scaler, line = (step for _, step in pipeline.fit(found, labels, **told).steps)
    return {
        "names": list(shifts.NAMES),
        "mean": scaler.mean_.tolist(),
        "spread": scaler.scale_.tolist(),
        "slopes": line.coef_[0].tolist(),
        "offset": float(line.intercept_[0]),
    }, np.asarray(scores, np.float64)


def main(arguments: Sequence[str]) -> int:
    """Learn and write. arguments: the data folder."""
    if len(arguments) != 1:
        print("usage: python -m unforge.bench._adverts_learning DATA", file=sys.stderr)
        return 2
    path = weights.CARDS / f"{shifts.CARD}.toml"
    told = tomllib.loads(path.read_text("utf-8"))
    card.write(path, {**told, "learned": learn(Path(arguments[0]))})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
