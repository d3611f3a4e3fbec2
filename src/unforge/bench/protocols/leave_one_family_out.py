"""`leave-one-family-out`: how well a net ranks forgeries of a kind that it has never seen.

Each family of pseudo-fakes was left out of one short training (`unforge train ablation`); the net is then asked for
forgeries of just that family, made of stills of the split. `seen_auc` is what the same training reaches with all
families, on the same forgeries. `mean` and `worst` sum up the families left out.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unforge import metrics
from unforge.bench import figures, forgeries, material, variants
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, of_today
from unforge.errors import UsageError


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Measure every network in `results/ablation` that has never seen a family.

    Raises UsageError where there is none, or none that has seen all; WeightsError for a file that is not its card's.
    """
    material.no_list("leave-one-family-out", listed)
    material.no_peers("leave-one-family-out", peers)
    full = variants.load(variants.available()[0])
    lacking = {family: name for name in variants.available() if (family := variants.left_out(name)) is not None}
    if not lacking:
        raise UsageError(f"leave-one-family-out: expected networks called without-FAMILY in {variants.FOLDER}")
    store = forgeries.stills(data, split, on_progress)
    made = forgeries.forged(store, forgeries.view_of(full), tuple(lacking), on_progress)
    seen, rows, weights = forgeries.scores(full, made.pairs), {}, {full.name: full.card.sha256}
    for n, (family, name) in enumerate(lacking.items()):
        if on_progress is not None:
            on_progress(name, 0.6 + 0.4 * n / len(lacking))
        one = variants.load(name)
        weights[name] = one.card.sha256
        mine = np.tile(made.rows(family), 2)
        labels = np.repeat([False, True], int(mine.sum()) // 2)
        rows[family] = {
            "unseen_auc": figures.auc(forgeries.scores(one, made.pairs)[mine], labels),
            "seen_auc": figures.auc(seen[mine], labels),
        }
    return of_today(
        name=f"leave-one-family-out-{split}",
        protocol="leave-one-family-out",
        split=split,
        rows={**rows, **_summed(rows)},
        manifest_sha256=material.sha256(data),
        weights=weights,
        seed=forgeries.SEED,
        settings={"pairs": len(made.pairs), "bootstrap_rounds": metrics.ROUNDS},
    )


def _summed(rows: dict[str, dict[str, Value]]) -> dict[str, dict[str, Value]]:
    """Mean and worst over the families, without an interval: they were not drawn, they are all there are."""
    columns = {name: [row[name].value or 0.0 for row in rows.values()] for name in ("unseen_auc", "seen_auc")}
    return {
        "mean": {
            name: Value(round(float(np.mean(found)), 4), None, None, len(found)) for name, found in columns.items()
        },
        "worst": {name: Value(min(found), None, None, len(found)) for name, found in columns.items()},
    }
