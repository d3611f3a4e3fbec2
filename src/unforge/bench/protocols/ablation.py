"""`ablation`: what each part of `finegrained` is worth, on the same short budget.

Networks of `unforge train ablation`, of which one thing was changed, rank forgeries of stills of the split by every
family and mark their places. `gain` is the AUC with the change minus that of the full recipe, on the same forgeries.
The families are there as well: a family that pays costs ranking where it is left out, of all forgeries together.

How the looks at a person become one answer is compared on the clips of the face collection, with the network that
ships: the most telling single look, the mean of all, the loudest second, and mean and second together, as shipped.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge import metrics
from unforge.bench import figures, forgeries, material, variants
from unforge.bench.forgeries import Forged
from unforge.bench.network import Network
from unforge.bench.protocols import OnProgress
from unforge.bench.protocols.clips import FACE_COLLECTION
from unforge.bench.record import Record, Value, of_today
from unforge.detect import finegrained
from unforge.errors import MediaError, UsageError
from unforge.exhibit import Exhibit
from unforge.train import fakes
from unforge.verdict import any_of

MEAN = "mean of all looks"
POOLING: Mapping[str, Callable[[finegrained.Judged], float]] = {
    MEAN: lambda one: one.whole.llr(finegrained.pooled(one.read.logits)),
    "most telling look": lambda one: one.whole.llr(float(one.read.logits.max())),
    "loudest second": lambda one: one.window.llr(_loudest(one.read.logits)),
    "as shipped": lambda one: one.llr,
}


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Measure every network in `results/ablation`.

    Raises UsageError where the full recipe is missing, WeightsError for a file that is not its card's.
    """
    material.no_list("ablation", listed)
    material.no_peers("ablation", peers)
    names = variants.available()
    full = variants.load(names[0])
    store = forgeries.stills(data, split, on_progress)
    made = forgeries.forged(store, forgeries.view_of(full), fakes.available(), on_progress)
    labels = np.repeat([False, True], len(made.pairs))
    best = forgeries.scores(full, made.pairs)
    rows, weights = {}, {}
    for n, name in enumerate(names):
        if on_progress is not None:
            on_progress(name, 0.6 + 0.4 * n / len(names))
        one = variants.load(name)
        weights[name] = one.card.sha256
        scores = forgeries.scores(one, made.pairs)
        rows[name] = {"auc": figures.auc(scores, labels), "mask_iou": _mask_iou(one, made)}
        if one.name != full.name:
            rows[name]["gain"] = figures.auc_difference(scores, best, labels)
    rows |= _pooling(data, split, on_progress)
    return of_today(
        name=f"ablation-{split}",
        protocol="ablation",
        split=split,
        rows=rows,
        manifest_sha256=material.sha256(data),
        weights=weights,
        seed=forgeries.SEED,
        settings={"pairs": len(made.pairs), "bootstrap_rounds": metrics.ROUNDS},
    )


def _pooling(data: Path | None, split: str, tell: OnProgress | None) -> dict[str, dict[str, Value]]:
    """One row for each way to pool; none where the split has no clips of the face collection."""
    try:
        clips = [clip for clip in material.read(data, split, "video") if clip.dataset == FACE_COLLECTION]
    except UsageError:
        return {}
    examiner, judged = finegrained.load(), []
    for n, clip in enumerate(clips):
        if tell is not None:
            tell(clip.path, n / len(clips))
        try:
            people = [one for track in Exhibit((data or Path()) / clip.path).tracks if (one := examiner.judge(track))]
        except MediaError:
            people = []
        judged.append((clip.fake, people))
    fakes_of = np.array([fake for fake, _ in judged])
    ways = {name: np.array([_pooled(people, of_one) for _, people in judged]) for name, of_one in POOLING.items()}
    rows = {}
    for name, scores in ways.items():
        rows[f"pooling: {name}"] = {"auc": figures.auc(scores, fakes_of)}
        if name != MEAN:
            rows[f"pooling: {name}"]["gain"] = figures.auc_difference(scores, ways[MEAN], fakes_of)
    return rows


def _pooled(people: Sequence[finegrained.Judged], of_one: Callable[[finegrained.Judged], float]) -> float:
    return any_of([of_one(one) for one in people]) if people else 0.0


def _loudest(logits: NDArray[np.float32]) -> float:
    return finegrained.loudest_window(logits) if len(logits) >= finegrained.WINDOW else finegrained.pooled(logits)


def _mask_iou(one: Network, made: Forged) -> Value:
    marked = [pair for pair in made.pairs if (pair.mask > 0.5).any()]
    masks = one.ask([pair.fake for pair in marked]).masks
    if masks is None:
        return Value(None, None, None, 0)
    heats = one.heats(masks)
    return figures.mean([metrics.iou(heat, pair.mask) for heat, pair in zip(heats, marked, strict=True)])
