"""`trust`: whom to believe and how far, for every set of examiners that may speak together.

Learned on held-out people of the training split (train/heard.py): photographs and film, untouched and forged. Weights
are never negative and are drawn towards one shared voice, because the sets are small and the examiners look at the same
pixels. What an examiner adds is measured by leaving it out; one that adds nothing is silent.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from unforge import detect, metrics, weights
from unforge.train import calibrate, card, datasets, heard, moves
from unforge.train.calibrate import Scored
from unforge.train.heard import Heard
from unforge.train.material import Material, allowed
from unforge.verdict import Voices, shared_voice

# Towards one shared voice, per squared unit of weight: exhibits are hundreds, but the people in them a few dozen.
PULL = 0.1
WEAK = ("pulse", "lipsync", "scene")  # examiners that look at something else than traces in pixels
LEAST_GAIN = 0.002  # of the AUC on held-out material, for an examiner to be heard
FEWEST = 20  # exhibits of a class on which a set of examiners spoke together


def main(
    data: Path,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 1,
    on_progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Listen to all examiners on held-out material, learn, and write `trust.toml` to `out`.

    data: a folder with a `manifest.csv`. minutes and seed are not used: nothing here is drawn. resume: answers that are
    there are kept in any case.
    """
    samples = [sample for sample in datasets.index("manifest", data) if allowed(sample)]
    seen = Material.of(samples, out / "store", on_progress)
    stretches = moves.stretches(samples, out / "stretches", on_progress)
    found = heard.listen(seen, stretches, detect.available(), out / "heard", on_progress)
    write(out / "trust.toml", found)
    return out


def write(path: Path, found: Sequence[Heard]) -> None:
    """Learn from what was heard, and write it as the package reads it (weights.trust)."""
    sources = sorted({source for one in found for source in one.said})
    silent, gains = _silent(found, sources)
    spoken = [source for source in sources if source not in silent]
    sets = [frozenset(part) for size in range(1, len(spoken) + 1) for part in combinations(spoken, size)]
    learned = {names: fitted for names in sets if (fitted := learn(found, sorted(names))) is not None}
    weak = [source for source in spoken if source.rsplit("-", 1)[0] in WEAK]
    text = {
        "written": datetime.now(UTC).date().isoformat(),
        "data": "held-out people of the training split: photographs and film, untouched and forged (train/heard.py)",
        "sources": sources,
        "silent": [*sorted(silent), *_never_heard(sources)],
        "weak": weak,
        "gain": gains,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    body = card.text(text)
    for names in sorted(learned, key=lambda names: (len(names), sorted(names))):
        body += "\n[[voices]]\n" + card.text(_entry(learned[names]))
    path.write_text(body, "utf-8")


def _never_heard(sources: Sequence[str]) -> list[str]:
    """Examiners that abstained or informed throughout: nothing was learned of them, so they are not heard."""
    known = {source.rsplit("-", 1)[0] for source in sources}
    return [_source(name) for name in detect.available() if name not in known]


def _source(name: str) -> str:
    """What an examiner calls itself: by its card, or as the first of its name."""
    return str(weights.card(name).details["version"]) if name in weights.available() else f"{name}-1"


def _entry(voices: Voices) -> dict[str, Any]:
    return {
        "offset": voices.offset,
        "cap": voices.cap,
        "llr_manipulated": voices.llr_manipulated,
        "llr_no_evidence": voices.llr_no_evidence,
        "weights": card.Inline(voices.weights),
        "rates": card.Inline(voices.rates),
    }


# Learning


def learn(found: Sequence[Heard], sources: Sequence[str]) -> Voices | None:
    """The voices of sources speaking together, from all exhibits on which each of them spoke; None for too few."""
    together = [one for one in found if all(source in one.said for source in sources)]
    if min(sum(one.fake == fake for one in together) for fake in (False, True)) < FEWEST:
        return None
    weights = _weights(together, sources)
    scored = _scored(together, weights)
    calibration = calibrate.fit(scored)
    return Voices(
        {source: calibration.slope * weight for source, weight in weights.items()},
        calibration.intercept,
        calibration.cap,
        calibration.llr_manipulated,
        calibration.llr_no_evidence,
        {
            "threshold_fpr": calibration.threshold_fpr,
            "calibration_reals": float(calibration.reals),
            "calibration_fakes": float(calibration.fakes),
            "max_abs_llr": calibration.cap,
        },
    )


def _weights(together: Sequence[Heard], sources: Sequence[str]) -> dict[str, float]:
    """Logistic regression with weights that are not negative, drawn towards one shared voice."""
    llrs = np.array([[one.said[source] for source in sources] for one in together])
    signs = np.array([1.0 if one.fake else -1.0 for one in together])
    shares = _shares(together)
    wanted = np.array(list(shared_voice(sources).values()))

    def cost(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margins = signs * (llrs @ line[:-1] + line[-1])
        pull = line[:-1] - wanted
        steps = -shares * signs * expit(-margins)
        value = float(shares @ np.logaddexp(0.0, -margins) + 0.5 * PULL * (pull @ pull))
        return value, np.append(llrs.T @ steps + PULL * pull, steps.sum())

    bounds = [(0.0, None)] * len(sources) + [(None, None)]
    found = minimize(cost, np.append(wanted, 0.0), jac=True, method="L-BFGS-B", bounds=bounds).x
    return {source: float(weight) for source, weight in zip(sources, found[:-1], strict=True)}


def _shares(together: Sequence[Heard]) -> NDArray[np.float64]:
    """Every kind of material weighs the same within its class, however much there is of it."""
    kinds = [(one.fake, one.kind) for one in together]
    count = {kind: kinds.count(kind) for kind in set(kinds)}
    of_class = {fake: sum(kind[0] == fake for kind in count) for fake in (False, True)}
    return np.array([0.5 / count[kind] / of_class[kind[0]] for kind in kinds])


def _scored(together: Sequence[Heard], weights: Mapping[str, float]) -> list[Scored]:
    kinds: dict[tuple[str, bool], list[float]] = {}
    for one in together:
        raw = math.fsum(weight * one.said[source] for source, weight in weights.items())
        kinds.setdefault((one.kind, one.fake), []).append(raw)
    return [Scored(kind, fake, np.array(scores)) for (kind, fake), scores in kinds.items()]


# What each adds


def _silent(found: Sequence[Heard], sources: Sequence[str]) -> tuple[set[str], dict[str, dict[str, float]]]:
    """Who adds nothing, and by how much each lifts the AUC where it spoke beside others, with its interval."""
    silent, gains = set[str](), {}
    for source in sources:
        gain = added(found, source, sources)
        if gain is None:
            silent.add(source)
            continue
        value, low, high, count = gain
        gains[source] = {"auc": value, "low": low, "high": high, "exhibits": count}
        if value < LEAST_GAIN:
            silent.add(source)
    return silent, gains


def added(found: Sequence[Heard], source: str, sources: Sequence[str]) -> tuple[float, float, float, int] | None:
    """AUC of all who spoke less that of all but one, cross-fitted over two halves; with its 95 % interval.

    None where the source spoke on too few exhibits.
    """
    spoke = [one for one in found if source in one.said and len(one.said) > 1]
    if min((sum(one.fake == fake for one in spoke) for fake in (False, True)), default=0) < FEWEST:
        return None
    others = [name for name in sources if name != source]
    labels = np.array([one.fake for one in spoke])
    whole = _cross_fitted(spoke, [*others, source])
    without = _cross_fitted(
        [replace(one, said={n: v for n, v in one.said.items() if n != source}) for one in spoke], others
    )

    def lead(rows: NDArray[np.int64]) -> float:
        return metrics.auc(whole[rows], labels[rows]) - metrics.auc(without[rows], labels[rows])

    low, high = metrics.interval(lead, labels)
    return lead(np.arange(len(spoke))), low, high, len(spoke)


def _cross_fitted(spoke: Sequence[Heard], sources: Sequence[str]) -> NDArray[np.float64]:
    """Fused scores, each half by weights that the other half taught."""
    half = np.random.default_rng(7).permutation(len(spoke)) % 2
    scores = np.zeros(len(spoke))
    for fold in (0, 1):
        taught = [one for one, side in zip(spoke, half, strict=True) if side != fold]
        for names in {frozenset(one.said) for one in spoke}:
            chosen = sorted(names & set(sources))
            together = [one for one in taught if names <= set(one.said)]
            weights = _weights(together, chosen) if len(together) >= FEWEST else shared_voice(chosen)
            for n, one in enumerate(spoke):
                if half[n] == fold and frozenset(one.said) == names:
                    scores[n] = math.fsum(weight * one.said[source] for source, weight in weights.items())
    return scores
