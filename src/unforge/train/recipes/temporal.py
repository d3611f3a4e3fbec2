"""`temporal`: a small net over what changes from frame to frame, learned from real film and its temporal forgeries.

Data: clips of the training split. Real stretches are forged over time (train/temporal_fakes); labelled clips come last.
The frame network has learned from labelled clips, so what it says of them changes less over time than it would on new
ones: there its columns are hidden, and only motion and change of the picture teach. People who are held out from the
frame network are held out here. What the net is worth is measured by leaving a quarter of all people out in turn.
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from unforge import metrics
from unforge.detect import _motion
from unforge.errors import UsageError
from unforge.nets.temporal import TemporalNet
from unforge.train import calibrate, card, datasets, export, moves
from unforge.train.material import allowed
from unforge.train.moves import Moves
from unforge.train.sampling import people

VERSION = "temporal-1"
FOLDS = 4
RIDGE = 0.3  # on the weights of the one layer
LABELLED = 0.3  # weight of labelled stretches beside the pairs
ORDER, CLASS = 0.5, 0.5  # of a pair: that its forgery stands above its partner, and where both stand

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run may be told.

    pairs: pseudo-fakes that are made once; versions: codings of every stretch as it is.
    """

    pairs: int = 480
    versions: int = moves.VERSIONS
    processes: int = 1


def main(
    data: Path,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 1,
    on_progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Forge, learn, export, measure and calibrate; returns the folder with `temporal.onnx` and its card.

    data: a folder with a `manifest.csv`. Forging takes about two seconds a pair, is kept, and goes on where it stopped;
    learning takes seconds and has one solution. So minutes, resume and seed change nothing here.
    """
    finish(material(data, out, Recipe(), on_progress), out)
    return out


def material(data: Path, out: Path, recipe: Recipe, on_progress: Callable[[str, float], None] | None = None) -> Moves:
    """The features of all stretches and their forgeries. Raises UsageError where the data hold no usable clip."""
    samples = [sample for sample in datasets.index("manifest", data) if allowed(sample)]
    found = moves.stretches(samples, out / "stretches", on_progress)
    if not any(one.sample.label == "real" and not one.held_out for one in found):
        raise UsageError(
            "temporal: expected real clips of the split train that show a face for a second or longer and are not held "
            f"out (as about every third person is); got {len(found)} stretches"
        )
    return moves.build(moves.jobs(found, out / "moves", recipe.pairs, recipe.versions), recipe.processes, on_progress)


# Learning


def learned(seen: Moves, energies: NDArray[np.float32], kept: NDArray[np.bool_]) -> TemporalNet:
    """The net that the kept rows teach; energies (N, E) of all rows."""
    forged = np.flatnonzero(seen.forged & kept)
    partners = seen.partner[forged]
    both = energies[np.concatenate([forged, partners])].astype(np.float64)
    mean, deviation = both.mean(axis=0), both.std(axis=0) + 1e-3
    net = TemporalNet(seen.features.shape[2])
    net.mean.copy_(torch.from_numpy(mean))
    net.deviation.copy_(torch.from_numpy(deviation))
    standard = net.standardised(torch.from_numpy(energies)).numpy().astype(np.float64)
    labelled = np.flatnonzero(~seen.forged & ~seen.partnered & kept)
    shown = standard[labelled]
    shown[:, np.arange(shown.shape[1]) % seen.features.shape[2] < _motion.LOOKED] = 0.0
    fakes = np.array([seen.samples[n].label == "fake" for n in labelled.tolist()], np.bool_)
    line = _line(standard[forged], standard[partners], shown, fakes)
    with torch.no_grad():
        net.judge.weight.copy_(torch.from_numpy(line[None, :-1]))
        net.judge.bias.fill_(float(line[-1]))
    return net


def _line(forged: Floats, partners: Floats, labelled: Floats, fakes: NDArray[np.bool_]) -> Floats:
    """Weights and offset: logistic, by order within pairs, by class of pairs, and by class of labelled stretches."""
    signs = np.where(fakes, 1.0, -1.0)
    counts = {sign: max(1, int((signs == sign).sum())) for sign in (1.0, -1.0)}
    shares = LABELLED * np.array([0.5 / counts[sign] for sign in signs.tolist()]) * float(fakes.any())

    def cost(line: Floats) -> tuple[float, Floats]:
        weights, offset = line[:-1], line[-1]
        terms = (
            ((forged - partners), np.full(len(forged), ORDER / len(forged)), 0.0),
            (forged, np.full(len(forged), CLASS / len(forged)), 1.0),
            (-partners, np.full(len(partners), CLASS / len(partners)), -1.0),
            (labelled * signs[:, None], shares, signs),
        )
        value, slope = 0.5 * RIDGE * float(weights @ weights), np.append(RIDGE * weights, 0.0)
        for rows, share, of_offset in terms:
            margins = rows @ weights + of_offset * offset
            steps = -share * expit(-margins)
            value += float(share @ np.logaddexp(0.0, -margins))
            slope += np.append(rows.T @ steps, np.sum(of_offset * steps))
        return value, slope

    return np.asarray(minimize(cost, np.zeros(forged.shape[1] + 1), jac=True, method="L-BFGS-B").x, np.float64)


@torch.no_grad()
def energies_of(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, E) of features (N, T, D), as the net takes them."""
    net = TemporalNet(features.shape[2])
    parts = [net.energies(torch.from_numpy(part)) for part in np.array_split(features, 1 + len(features) // 64)]
    return np.asarray(torch.cat(parts).numpy(), np.float32)


@torch.no_grad()
def scored(net: TemporalNet, energies: NDArray[np.float32]) -> Floats:
    """Logits (N,) of energies (N, E)."""
    return np.asarray(net.judge(net.standardised(torch.from_numpy(energies)))[:, 0].numpy(), np.float64)


def cross_fitted(seen: Moves, energies: NDArray[np.float32]) -> Floats:
    """Logits (N,) of every row by a net that has not seen the people in it."""
    folds = _folds(seen)
    scores = np.zeros(len(energies))
    for fold in range(FOLDS):
        left_out = folds == fold
        if (seen.forged & ~left_out).any():
            scores[left_out] = scored(learned(seen, energies, ~left_out), energies[left_out])
    return scores


def _folds(seen: Moves) -> Rows:
    """(N,) a quarter of the people each; people who were forged into each other stay together."""
    names = people(seen.samples)
    return np.array([hashlib.sha256(name.encode()).digest()[1] % FOLDS for name in names], np.int64)


# After learning


def finish(seen: Moves, out: Path) -> None:
    """Learn, export, measure on people left out, calibrate, and write the card beside the file."""
    torch.set_num_threads(1)
    path = out / "temporal.onnx"
    energies = energies_of(seen.features)
    net = learned(seen, energies, ~seen.held_out)
    example = torch.from_numpy(seen.features[:8])
    shape_like = torch.zeros(2, *seen.features.shape[1:])
    difference = export.export_from(net, path, "features", shape_like, ("logit",), example)
    scores = cross_fitted(seen, energies)
    card.write(
        out / "temporal.toml",
        {
            "name": "temporal",
            "version": VERSION,
            "file": path.name,
            "sha256": export.sha256(path),
            "licence": "Apache-2.0 for the weights as such; trained on sets of which some are for research only, see "
            "data",
            "origin": "trained by unforge (train/recipes/temporal.py) over the frozen embeddings of finegrained",
            "purpose": "tells a face that changes between frames as a forged one from one that moves as one piece",
            "feed": f"(N, 32, {seen.features.shape[2]}) float32: features of 32 frames, see detect/_motion.py",
            "parameters": sum(parameter.numel() for parameter in net.parameters()),
            "data": _data(seen),
            "cannot": "single pictures, fewer than 14 frames a second, forgeries that are steady over time",
            "trained": datetime.now(UTC).date().isoformat(),
            "numbers": {**measured(seen, scores), "onnx_torch_difference": difference},
            "calibration": asdict(calibrate.fit(calibrating(seen, scores))),
        },
    )


def calibrating(seen: Moves, scores: Floats) -> list[calibrate.Scored]:
    """What calibrates: clips as they are and coded again, stretches that went the way of their forgeries, and these.

    Labelled forgeries are left out but for those whose people the frame network has not seen.
    """
    plain = np.flatnonzero(~seen.forged & ~seen.partnered)
    fake = np.array([seen.samples[n].label == "fake" for n in plain.tolist()], np.bool_)
    found = [
        calibrate.Scored("clips", False, _by_clip(seen, scores, plain[~fake])),
        calibrate.Scored("stretches", False, scores[seen.partnered]),
        calibrate.Scored("forged clips", True, _by_clip(seen, scores, plain[fake & seen.held_out[plain]])),
    ]
    for family in moves.FAMILIES:
        found.append(calibrate.Scored(family, True, scores[[name == family for name in seen.family]]))
    return found


def _by_clip(seen: Moves, scores: Floats, rows: Rows) -> Floats:
    """One score for each clip: the mean over its stretches, as the examiner scores a person."""
    names = [str(seen.samples[n].path) for n in rows.tolist()]
    means = [scores[rows[[other == name for other in names]]].mean() for name in dict.fromkeys(names)]
    return np.array(means, np.float64)


def measured(seen: Moves, scores: Floats) -> dict[str, Any]:
    """Ranking of stretches against their own forgeries, over all and by family, with intervals."""
    found: dict[str, Any] = {}
    for family in ("", *moves.FAMILIES):
        rows = np.flatnonzero(seen.forged & np.array([name == family or not family for name in seen.family]))
        if len(rows):
            found |= _ranking(family or "all", scores[seen.partner[rows]], scores[rows])
    return found


def _ranking(name: str, reals: Floats, forged: Floats) -> dict[str, Any]:
    scores, labels = np.concatenate([reals, forged]), np.repeat([False, True], [len(reals), len(forged)])
    low, high = metrics.interval(lambda rows: metrics.auc(scores[rows], labels[rows]), labels)
    return {
        f"left_out_auc_{name}": metrics.auc(scores, labels),
        f"left_out_auc_{name}_interval": [low, high],
        f"left_out_pairs_{name}": len(forged),
    }


def _data(seen: Moves) -> str:
    sets = sorted({sample.dataset for sample in seen.samples})
    return (
        f"Clips of {', '.join(sets)}: real ones forged over time by {', '.join(moves.FAMILIES)} "
        "(train/temporal_fakes), labelled ones of the training split, of which only motion and change of the picture "
        "were used. FaceForensics++ is for research only."
    )
