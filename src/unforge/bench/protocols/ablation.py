"""`ablation`: what each part of `finegrained` is worth, on the same short budget.

Networks of `unforge train ablation`, of which one thing was changed, rank forgeries of stills of the split by every
family and mark their places. `gain` is the AUC with the change minus that of the full recipe, on the same forgeries.
The families are there as well: a family that pays costs ranking where it is left out, of all forgeries together.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unforge import metrics
from unforge.bench import figures, forgeries, material, variants
from unforge.bench.forgeries import Forged
from unforge.bench.network import Network
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, of_today
from unforge.train import fakes


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


def _mask_iou(one: Network, made: Forged) -> Value:
    marked = [pair for pair in made.pairs if (pair.mask > 0.5).any()]
    masks = one.ask([pair.fake for pair in marked]).masks
    if masks is None:
        return Value(None, None, None, 0)
    heats = one.heats(masks)
    return figures.mean([metrics.iou(heat, pair.mask) for heat, pair in zip(heats, marked, strict=True)])
