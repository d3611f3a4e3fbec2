"""`adverts`: how well adverts over pictures are seen, where, and what the network withstands.

Pictures drawn over the stills of the split with phrases kept for it (train/adverts), as many of every class, and the
untouched stills of all sets. `seen` is the share that the check `advert` flags; of clean ones these are false alarms.
`hardened` and `plain` are the network in the wheel and one that was trained the same way without attacks, where its
file lies in runs/advert: the share of pictures that each gives the right of four classes, as they are, under APGD-CE
alone, under Square alone, and under all of AutoAttack, at 8/255 on what the network is shown.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge import metrics, weights
from unforge.bench import _adverts_answers as asked
from unforge.bench import _adverts_material as drawing
from unforge.bench import figures, material
from unforge.bench._adverts_material import Pictures
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, of_today
from unforge.evidence import Evidence
from unforge.moderate import looks, votes

PLAIN = Path("runs/advert/plain.onnx")
DRAWN = 800
STILLS = 700
AGAINST = 200  # pictures for AutoAttack
VOTED = 80
VOTES = 100
RADII = (0.25, 0.5)
OVERLAP = 0.3  # intersection over union from which a box is right
SEED = 41

Flags = NDArray[np.bool_]
Rows = dict[str, dict[str, Value]]


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Measure the check. Raises UsageError for a folder without stills and without the library of attacks."""
    material.no_list("adverts", listed)
    material.no_peers("adverts", peers)
    say = on_progress or (lambda told, share: None)
    say("drawing", 0.0)
    pictures = drawing.drawn(data, split, DRAWN, SEED)
    stills = drawing.stills(data, split, STILLS)
    rows: Rows = {}
    rows |= _check(pictures, stills)
    say("votes", 0.05)
    rows |= _vote(pictures.some(np.arange(VOTED)))
    rows |= {"cost": {"ms": asked.cost("advert", stills)}}
    rows |= _against(pictures.some(np.arange(AGAINST)), say)
    return of_today(
        name=f"adverts-{split}",
        protocol="adverts",
        split=split,
        rows=rows,
        manifest_sha256=material.sha256(data),
        weights={looks.CARD: weights.card(looks.CARD).sha256},
        seed=SEED,
        settings={
            "epsilon_levels": 8,
            "autoattack": "APGD-CE 100, APGD-T 100, FAB-T 100, Square 5000",
            "votes": VOTES,
            "sigma": votes.SIGMA,
            "alpha": votes.ALPHA,
            "overlap": OVERLAP,
            "cost": asked.COST,
            "intervals": figures.INTERVALS,
        },
    )


def _check(pictures: Pictures, stills: Sequence[NDArray[np.uint8]]) -> Rows:
    """What `advert` sees, by class and by kind of ordinary writing, and whether its box is right."""
    told = asked.answers("advert", pictures.rgb)
    flags, adverts = asked.flagged(told), pictures.adverts
    llrs = np.array([one.llr for one in told])
    rows: Rows = {"adverts": {"auc": figures.auc(llrs, adverts), "seen": figures.rate(flags, adverts)}}
    rows["adverts"]["box_right"] = figures.rate(_boxes_right(told, pictures), adverts & flags)
    for name in np.unique(pictures.kinds[adverts]):
        rows[f"adverts: {name}"] = {"seen": figures.rate(flags, pictures.kinds == name)}
    rows["clean"] = {"seen": figures.rate(flags, ~adverts)}
    for name in np.unique(pictures.kinds[~adverts]):
        rows[f"clean: {name}"] = {"seen": figures.rate(flags, ~adverts & (pictures.kinds == name))}
    of_stills = asked.flagged(asked.answers("advert", stills))
    rows["stills"] = {"seen": figures.rate(of_stills, np.ones(len(of_stills), bool))}
    named = np.array([str(one.facts["class"]) for one in told])
    right = named == np.array(looks.CLASSES)[pictures.labels]
    rows["adverts"]["class_right"] = figures.rate(right, adverts & flags)
    return rows


def _boxes_right(told: Sequence[Evidence], pictures: Pictures) -> Flags:
    right = np.zeros(len(pictures), bool)
    for n, (one, mask) in enumerate(zip(told, pictures.masks, strict=True)):
        box = one.regions[0].box_px if one.regions else None
        if box is not None:
            inside = np.zeros(mask.shape, bool)
            inside[box[1] : box[3], box[0] : box[2]] = True
            right[n] = metrics.iou(inside, mask > 0.5) >= OVERLAP
    return right


def _vote(pictures: Pictures) -> Rows:
    """What noisy looks certify."""
    cast = [votes.vote(looks.reduced(rgb), VOTES) for rgb in pictures.rgb]
    everything = np.ones(len(cast), bool)
    right = np.array([one.settled and one.advert == label for one, label in zip(cast, pictures.adverts, strict=True)])
    radii = np.array([one.radius for one in cast])
    row = {"settled": figures.rate(np.array([one.settled for one in cast]), everything)}
    row["right"] = figures.rate(right, everything)
    for radius in RADII:
        row[f"right_within_{radius:g}"] = figures.rate(right & (radii >= radius), everything)
    return {f"vote of {VOTES}": row}


def _against(pictures: Pictures, say: OnProgress) -> Rows:
    """AutoAttack on the network in the wheel and on the plain one."""
    from unforge.bench import _adverts_robustness as robustness
    from unforge.bench._adverts_attacks import Classifier

    files: Mapping[str, bytes] = {"hardened": weights.verified(looks.CARD)}
    if PLAIN.is_file():
        files = {**files, "plain": PLAIN.read_bytes()}
    seen = np.stack([looks.reduced(rgb) for rgb in pictures.rgb])
    everything = np.ones(len(pictures), bool)
    rows: Rows = {}
    for n, (name, content) in enumerate(files.items()):

        def told(method: str, share: float, name: str = name, n: int = n) -> None:
            say(f"{name}: {method}", 0.1 + 0.9 * (n + share) / len(files))

        held = robustness.withstood(Classifier(content), seen, pictures.labels, told)
        rows[name] = {
            "accuracy": figures.rate(held.right, everything),
            "apgd_ce": figures.rate(held.apgd_ce, everything),
            "square": figures.rate(held.square, everything),
            "autoattack": figures.rate(held.all, everything),
        }
    return rows
