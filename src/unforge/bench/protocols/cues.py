"""`cues`: one alteration at a time, and nothing else.

A net that has learned colour steps alone looks well on a mix of forgeries. So untouched stills are blended with a copy
of themselves that differs by a single cue, in the whole face and in the mouth, without any other loss, and each cue is
ranked by itself. Half of the partners went through the alteration as a whole, so that it is no label.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unforge import metrics
from unforge.bench import figures, forgeries, material, network
from unforge.bench.network import Network
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, of_today
from unforge.errors import UsageError
from unforge.train.crops import Store
from unforge.train.fakes.self_blend import SINGLE_CUES, SingleCue
from unforge.train.pairs import make_pair

REGIONS = ("face", "mouth")
SEED = 9


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Ask every network of the examiners. Raises UsageError for a folder without a manifest or without stills."""
    material.no_list("cues", listed)
    material.no_peers("cues", peers)
    networks = network.judging(examiners)
    if not networks:
        raise UsageError("cues: expected an examiner whose network judges faces; there is none")
    store = forgeries.stills(data, split, on_progress)
    rows: dict[str, dict[str, Value]] = {}
    for n, one in enumerate(networks):
        for k, cue in enumerate(SINGLE_CUES):
            if on_progress is not None:
                on_progress(f"{one.name}: {cue}", 0.3 + 0.7 * (n + k / len(SINGLE_CUES)) / len(networks))
            rows[f"{one.name}: {cue}"] = {region: _auc(one, store, cue, region) for region in REGIONS}
    return of_today(
        name="-".join(("cues", split, *(examiners or ()))),
        protocol="cues",
        split=split,
        rows=rows,
        manifest_sha256=material.sha256(data),
        weights={one.name: one.card.sha256 for one in networks},
        seed=SEED,
        settings={"stills": len(store.rows), "bootstrap_rounds": metrics.ROUNDS, "degraded": "no"},
    )


def _auc(one: Network, store: Store, cue: str, region: str) -> Value:
    family, view = SingleCue(cue, region), forgeries.view_of(one)
    pairs = [
        make_pair(store.crops[n], store.landmarks_px[n], family, view, np.random.default_rng([SEED, n]), degraded=False)
        for n in range(len(store.rows))
    ]
    return figures.auc(forgeries.scores(one, pairs), np.repeat([False, True], len(pairs)))
