"""`stills`: forged photographs against untouched ones of the same kind, and false alarms on all untouched ones.

The forged set and its untouched partner share picture size and JPEG tables, but its faces are larger, and size alone
ranks the classes. So faces are drawn, with a fixed seed, until both classes hold the same number in every bin of face
size; `size_auc` is what is left of the giveaway and has to be near one half. Only the face in the middle carries the
label there.

False alarms and abstentions are counted on every untouched still, by data set and pooled, with Wilson intervals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge.bench import figures, judge, material
from unforge.bench.judge import Judgement
from unforge.bench.material import Item
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, of_today
from unforge.errors import MediaError
from unforge.exhibit import Exhibit

# row: (forged set, its untouched partner)
PARTNERS = {"face swaps, sizes matched": ("openforensics256", "openforensics256_train")}
BIN_RATIO = 1.05  # upper over lower bound of a bin of face size
POOLED = "all untouched stills"


@dataclass(frozen=True, slots=True)
class Still:
    """A picture, the size of its central face in pixels (0 where none was found), and what each contestant says."""

    item: Item
    face_px: float
    said: tuple[Judgement, ...]


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Examine the stills of a split. Raises UsageError for a folder without a manifest or a split without stills."""
    material.no_list("stills", listed)
    forged = {name for name, _ in PARTNERS.values()}
    items = [item for item in material.read(data, split, "image") if not item.fake or item.dataset in forged]
    contestants = judge.contestants(examiners, peers)
    stills = []
    for n, item in enumerate(items):
        if on_progress is not None:
            on_progress(item.path, n / len(items))
        exhibit = Exhibit((data or Path()) / item.path)
        said = judge.judge(exhibit, contestants, item.central_face)
        stills.append(Still(item, central_face_px(exhibit), tuple(said)))
    rows: dict[str, dict[str, Value]] = {}
    for n, contestant in enumerate(contestants):
        prefix = "" if contestant.name == judge.OWN else f"{contestant.name}: "
        rows |= {prefix + row: figures_of_row for row, figures_of_row in _rows(stills, n).items()}
    return of_today(
        name="-".join(("stills", split, *(examiners or ()), *(["peers"] if peers else []))),
        protocol="stills",
        split=split,
        rows=rows,
        manifest_sha256=material.sha256(data),
        weights=judge.sha256s(contestants),
        seed=figures.SEED,
        settings={"stills": len(stills), "size_bin_ratio": BIN_RATIO, "figures": figures.INTERVALS},
    )


def central_face_px(exhibit: Exhibit) -> float:
    """Size of the face nearest to the middle, 0.0 where there is none or the file cannot be read."""
    try:
        tracks = judge.central(exhibit).tracks
    except MediaError:
        return 0.0
    return float(tracks[0].size_px[0]) if tracks else 0.0


def _rows(stills: Sequence[Still], n: int) -> dict[str, dict[str, Value]]:
    """The rows of the n-th contestant; 0 is ours."""
    rows = {}
    for row, (forged, untouched) in PARTNERS.items():
        both = [s for s in stills if s.item.dataset in (forged, untouched) and s.face_px > 0.0]
        if any(s.item.fake for s in both) and any(not s.item.fake for s in both):
            rows[row] = _ranking(matched(both), n)
    reals = [still for still in stills if not still.item.fake]
    for dataset in sorted({still.item.dataset for still in reals}):
        rows[dataset] = _alarms([still for still in reals if still.item.dataset == dataset], n)
    return rows | {POOLED: _alarms(reals, n)}


def matched(stills: Sequence[Still], seed: int = figures.SEED) -> list[Still]:
    """As many forged as untouched ones in every bin of face size, drawn at random where there are more."""
    rng = np.random.default_rng(seed)
    bins = np.floor(np.log([still.face_px for still in stills]) / np.log(BIN_RATIO)).astype(int)
    fakes = np.array([still.item.fake for still in stills])
    kept: list[int] = []
    for number in np.unique(bins):
        sides = [np.flatnonzero((bins == number) & (fakes == fake)) for fake in (False, True)]
        count = min(len(side) for side in sides)
        kept += [int(n) for side in sides for n in rng.permutation(side)[:count]]
    return [stills[n] for n in sorted(kept)]


def _ranking(stills: Sequence[Still], n: int) -> dict[str, Value]:
    fakes = np.array([still.item.fake for still in stills], np.bool_)
    own, llrs = _llrs(stills, 0), _llrs(stills, n)
    flagged = np.array([still.said[n].flagged for still in stills], np.bool_)
    if not len(stills):
        return {}
    lead = {"auc_lead": figures.auc_difference(own, llrs, fakes)} if n else {}
    return {
        "auc": figures.auc(llrs, fakes),
        "size_auc": figures.auc(np.array([still.face_px for still in stills]), fakes),
        "tpr": figures.rate(flagged, fakes),
        "fpr": figures.rate(flagged, ~fakes),
        "abstained": figures.rate(_abstained(stills, n), np.ones(len(stills), np.bool_)),
        **lead,
    }


def _alarms(reals: Sequence[Still], n: int) -> dict[str, Value]:
    """The share of false alarms counts abstentions as none: what a user would be told wrongly."""
    all_of_them = np.ones(len(reals), np.bool_)
    flagged = np.array([still.said[n].flagged for still in reals], np.bool_)
    return {
        "fpr": figures.rate(flagged, all_of_them),
        "abstained": figures.rate(_abstained(reals, n), all_of_them),
        "median_face_px": Value(round(float(np.median([still.face_px for still in reals])), 1), None, None, len(reals)),
    }


def _llrs(stills: Sequence[Still], n: int) -> NDArray[np.float64]:
    return np.array([still.said[n].llr for still in stills], np.float64)


def _abstained(stills: Sequence[Still], n: int) -> NDArray[np.bool_]:
    return np.array([still.said[n].abstained for still in stills], np.bool_)
