"""`explanation`: whether the place that a network shows is the place that was forged, and what its answer hangs on.

Two kinds of forged faces whose true place is known: self-blends of stills that nobody trained on, made here with fixed
seeds, and clips of the face collection whose original is at hand, where the difference of both tells (clip by clip,
because the looks at one clip are not independent).

Figures: overlap of the mask with the true place (`mask_iou`, beside that of a fixed ellipse, which never looks);
whether the hottest place lies in it (`pointing`); the share of the heat in it (`energy_inside`); the share of untouched
partners' area that is marked; how well the injected artefacts are named (`artefact_map`, mean average precision, chance
is their share); and how far the map changes when the weights are shuffled (`map_change`, 1 minus the size of the rank
correlation: near 0 would mean that it shows the picture and not what was learned).

Deletion is the mean probability of a forgery while the most telling places give way (low is good), insertion while they
alone are brought in (high is good), each beside the same for random regions. What a place gives way to is the untouched
partner, where that differs from the forgery at its place alone; and, as usual in the literature, a blur
(`blur_deletion`, `blur_insertion`). The latter misleads here: blurring a part of a face makes the very trace that such
a network looks for. What a network does not say has no figure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge import metrics
from unforge.bench import figures, material, network, places
from unforge.bench.material import Item
from unforge.bench.network import Network
from unforge.bench.protocols import OnProgress
from unforge.bench.protocols.clips import FACE_COLLECTION
from unforge.bench.record import Record, Value, of_today
from unforge.errors import UsageError
from unforge.train import changed, crops, fakes
from unforge.train.pairs import View, make_pair

STILLS = 240  # at most, evenly over the split
CURVES = 60  # of these, deletion and insertion are followed: 88 looks of the network each
SHUFFLED, SHUFFLES = 60, 3
LOOKS_PER_CLIP = 4  # one a second
FAMILY = "self_blend"
SEED = 7
STRONGEST = 0.5  # the true mask counts from here on
FAINTEST = 0.02
UNTOUCHED_LEVELS = 2.0  # mean difference beside a forgery: coding gives about 1

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Case:
    """A forged face in a network's view with its true place (h, w), and what is known of it.

    real: the untouched partner; group: cases of one group are not independent; artefacts: what was injected.
    """

    forged: Picture
    real: Picture
    truth: NDArray[np.float64]
    group: str
    artefacts: tuple[str, ...] | None


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Measure every network of the examiners that shows a place.

    Raises UsageError for a folder without a manifest, and where no network shows any place.
    """
    material.no_list("explanation", listed)
    material.no_peers("explanation", peers)
    networks = [one for one in network.judging(examiners) if "mask" in one.outputs]
    if not networks:
        raise UsageError("explanation: expected an examiner whose network has the output `mask`; there is none")

    def tell(what: str, share: float) -> None:
        if on_progress is not None:
            on_progress(what, share)

    stills = _stills(data, split, tell)
    looks = _looks(data, split, tell)
    rows: dict[str, dict[str, Value]] = {}
    for n, one in enumerate(networks):
        tell(one.name, 0.5 + 0.5 * n / len(networks))
        for row, cases in (("self-blends", _self_blends(one, stills)), ("forged clips", _clips(one, looks))):
            if cases:
                rows[f"{one.name}: {row}"] = case_figures(one, cases)
    return of_today(
        name="-".join(("explanation", split, *(examiners or ()))),
        protocol="explanation",
        split=split,
        rows=rows,
        manifest_sha256=material.sha256(data),
        weights={one.name: one.card.sha256 for one in networks},
        seed=SEED,
        settings={
            "stills": len(stills),
            "clips": len(looks),
            "curves": CURVES,
            "family": FAMILY,
            "changed_levels": changed.CHANGED_LEVELS,
            "bootstrap_rounds": figures.ROUNDS,
            "figures": "95 % bootstrap intervals over faces, of clips over clips; Wilson score for pointing at faces",
        },
    )


# Forged faces whose place is known


def _stills(data: Path | None, split: str, tell: OnProgress) -> list[crops.Crop]:
    """The faces of untouched stills, evenly over the split."""
    chosen = material.evenly([item for item in material.read(data, split, "image") if not item.fake], STILLS)
    found: list[crops.Crop] = []
    for n, item in enumerate(chosen):
        tell(item.path, 0.25 * n / len(chosen))
        found += crops.faces_of(material.sample(data, item, split))
    return found


def _looks(data: Path | None, split: str, tell: OnProgress) -> dict[str, list[changed.Look]]:
    """Moments of the forged clips of the face collection whose original lies in the folder beside, by clip.

    A clip is called `target_source`; its original carries the name of the target.
    """
    try:
        clips = [item for item in material.read(data, split, "video") if item.dataset == FACE_COLLECTION]
    except UsageError:
        return {}  # stills alone are enough
    originals = {Path(item.path).stem: item.path for item in clips if not item.fake}
    found: dict[str, list[changed.Look]] = {}
    forged = [item for item in clips if item.fake and _target(item) in originals]
    for n, item in enumerate(forged):
        tell(item.path, 0.25 + 0.25 * n / len(forged))
        root = data or Path()
        found[item.path] = changed.looks(root / item.path, root / originals[_target(item)], 1.0, LOOKS_PER_CLIP)
    return {path: looks for path, looks in found.items() if looks}


def _target(item: Item) -> str:
    return Path(item.path).stem.split("_")[0]


def _self_blends(one: Network, stills: Sequence[crops.Crop]) -> list[Case]:
    family, view = fakes.load(FAMILY), View(one.size_px, one.margin, one.margin)
    cases = []
    for n, (_, crop, landmarks_px) in enumerate(stills):
        pair = make_pair(crop, landmarks_px, family, view, np.random.default_rng([SEED, n]))
        truth = pair.mask.astype(np.float64)
        if (truth >= STRONGEST).any():
            cases.append(Case(pair.fake, pair.real, truth, str(n), pair.artefacts))
    return cases


def _clips(one: Network, looks: Mapping[str, Sequence[changed.Look]]) -> list[Case]:
    cases = []
    for path, of_clip in looks.items():
        for look in of_clip:
            forged, real = (one.view(rgb, look.landmarks_px) for rgb in (look.forged, look.original))
            truth = changed.mask(forged, real)
            if truth is not None:
                cases.append(Case(forged, real, places.resized(truth, one.size_px // 4), path, None))
    return cases


# Figures


def case_figures(one: Network, cases: Sequence[Case]) -> dict[str, Value]:
    """All figures of one network on faces of one kind."""
    said, calm = one.ask([case.forged for case in cases]), one.ask([case.real for case in cases])
    if said.masks is None or calm.masks is None:
        return {}
    heats = [places.resized(heat, case.truth.shape[0]) for heat, case in zip(one.heats(said.masks), cases, strict=True)]
    groups = [case.group for case in cases]
    pairs = list(zip(heats, cases, strict=True))
    found = {
        "mask_iou": [metrics.iou(heat, case.truth) for heat, case in pairs],
        "ellipse_iou": [metrics.iou(places.ellipse(case.truth.shape[0]), case.truth) for case in cases],
        "pointing": [float(metrics.points_at(heat, case.truth)) for heat, case in pairs],
        "energy_inside": [metrics.energy_inside(heat, case.truth) for heat, case in pairs],
        "place_share": [float((case.truth >= STRONGEST).mean()) for case in cases],
        "marked_on_partners": (one.heats(calm.masks) >= 0.5).mean(axis=(1, 2)).tolist(),
    }
    values = {name: _over_groups(numbers, groups) for name, numbers in found.items()}
    if len(set(groups)) == len(groups):
        values["pointing"] = figures.rate(np.array(found["pointing"]) > 0, np.ones(len(cases), np.bool_))
    return values | _curves(one, cases, heats) | _artefacts(one, cases, said) | _shuffled(one, cases, heats)


def _over_groups(numbers: Sequence[float], groups: Sequence[str]) -> Value:
    """The mean over groups of their means."""
    by_group: dict[str, list[float]] = {}
    for number, name in zip(numbers, groups, strict=True):
        if np.isfinite(number):
            by_group.setdefault(name, []).append(number)
    return figures.mean([float(np.mean(members)) for members in by_group.values()])


def _curves(one: Network, cases: Sequence[Case], heats: Sequence[places.Heat]) -> dict[str, Value]:
    """Deletion and insertion, against random regions, with the partners and with a blur."""
    fitting = [n for n, case in enumerate(cases) if differs_at_its_place_alone(case)]
    partners = {n: cases[n].real for n in _evenly(fitting, CURVES)}
    blurs = {n: places.blurred(cases[n].forged) for n in _evenly(range(len(cases)), CURVES)}
    with_blurs = _areas(one, cases, heats, blurs)
    return _areas(one, cases, heats, partners) | {f"blur_{name}": value for name, value in with_blurs.items()}


def _areas(
    one: Network, cases: Sequence[Case], heats: Sequence[places.Heat], others: Mapping[int, Picture]
) -> dict[str, Value]:
    """Areas under the curves from the forgeries to other pictures (by position of the case), and back."""
    areas: dict[str, list[float]] = {
        name: [] for name in ("deletion", "deletion_random", "insertion", "insertion_random")
    }
    for n, other in others.items():
        heat = places.resized(heats[n], one.size_px)
        blind = places.random_heat(one.size_px, np.random.default_rng([SEED, n]))
        for suffix, guide in (("", heat), ("_random", blind)):
            areas["deletion" + suffix].append(places.curve_area(one, cases[n].forged, other, guide))
            areas["insertion" + suffix].append(places.curve_area(one, other, cases[n].forged, guide))
    return {name: _over_groups(numbers, [cases[n].group for n in others]) for name, numbers in areas.items()}


def differs_at_its_place_alone(case: Case) -> bool:
    """Whether putting the partner's pixels back undoes the forgery: half of the partners are altered elsewhere too."""
    levels = cv2.absdiff(case.forged, case.real).astype(np.float64).mean(axis=2)
    truth = places.resized(case.truth, levels.shape[0])
    inside, outside = levels[truth >= STRONGEST], levels[truth < FAINTEST]
    if not len(inside) or not len(outside):
        return False
    return float(outside.mean()) <= min(UNTOUCHED_LEVELS, 0.5 * float(inside.mean()))


def _evenly(positions: Sequence[int], most: int) -> Sequence[int]:
    return positions[:: max(1, len(positions) // most)][:most]


def _artefacts(one: Network, cases: Sequence[Case], said: network.Answers) -> dict[str, Value]:
    """How well what was injected is named; an artefact that was never or always injected is left out."""
    if said.artefacts is None or any(case.artefacts is None for case in cases):
        return {}
    names = fakes.ARTEFACTS
    if said.artefacts.shape[1] != len(names):
        raise UsageError(f"{one.name}: expected artefacts {', '.join(names)}; got {said.artefacts.shape[1]} of them")
    truth = np.array([[name in (case.artefacts or ()) for name in names] for case in cases])
    logits = said.artefacts

    def mean_precision(drawn: figures.Indices) -> float:
        each = [metrics.average_precision(logits[drawn, n], truth[drawn, n]) for n in range(len(names))]
        return float(np.nanmean(each)) if np.isfinite(each).any() else float("nan")

    def chance(drawn: figures.Indices) -> float:
        shares = truth[drawn].mean(axis=0)
        inside = (shares > 0.0) & (shares < 1.0)
        return float(shares[inside].mean()) if inside.any() else float("nan")

    strata = np.zeros(len(cases))
    return {
        "artefact_map": figures.bootstrapped(mean_precision, strata),
        "artefact_map_chance": figures.bootstrapped(chance, strata),
    }


def _shuffled(one: Network, cases: Sequence[Case], heats: Sequence[places.Heat]) -> dict[str, Value]:
    """How far the map changes when the weights are shuffled; no figure without the package `onnx`."""
    chosen, changes = _evenly(range(len(cases)), SHUFFLED), []
    for seed in range(SHUFFLES):
        other = places.scrambled(one, seed)
        masks = None if other is None else other.ask([cases[n].forged for n in chosen]).masks
        if masks is None:
            return {"map_change": Value(None, None, None, 0)}
        sizes = [heats[n].shape[0] for n in chosen]
        seen = [places.resized(mask, side) for mask, side in zip(masks, sizes, strict=True)]
        changes.append([1.0 - abs(places.likeness(heats[n], map_)) for n, map_ in zip(chosen, seen, strict=True)])
    return {"map_change": _over_groups(np.mean(changes, axis=0).tolist(), [cases[n].group for n in chosen])}
