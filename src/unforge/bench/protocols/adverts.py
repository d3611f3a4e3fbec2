"""`adverts`: how well adverts over pictures are seen, under attack as well, and whether attacks are told.

Pictures drawn over the stills of the split with phrases kept for it (train/adverts), as many of every class, and the
untouched stills of all sets. `hardened` and `plain` are the network in the wheel and one that was trained the same way
without attacks, where its file lies in runs/advert: the share of pictures that each gives the right of four classes, as
they are and under AutoAttack at 8/255 on what the network is shown.

The attacks below are written into the pictures at their own size and meet the checks as they run: `seen` is the share
of adverts that the check `advert` flags, `found` the share of pictures that `evasion` flags, `through` the share of
adverts that neither does. The patch covers a sixteenth of the picture. Who knows the checks differentiates through
their views, changes pictures smoothly or not, by 4 or 8 grey levels, and hands in what gets through, if anything does.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from unforge import metrics, weights
from unforge.bench import _adverts_material as drawing
from unforge.bench import figures, material
from unforge.bench._adverts_material import Pictures
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, of_today
from unforge.evidence import Evidence
from unforge.moderate import checks, looks, votes
from unforge.moderate.checks import Check, Setup
from unforge.moderate.item import Item

PLAIN = Path("runs/advert/plain.onnx")
DRAWN = 800
STILLS = 700
AGAINST = 200  # pictures for AutoAttack
ATTACKED = 160  # pictures for every other attack
VOTED = 80
VOTES = 100
RADII = (0.25, 0.5)
BUDGETS = (4.0, 8.0)
QUERIES = 1000
OVERLAP = 0.3  # intersection over union from which a box is right
ROUNDS = 25
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
    """Measure both checks. Raises UsageError for a folder without stills and without the library of attacks."""
    material.no_list("adverts", listed)
    material.no_peers("adverts", peers)
    say = on_progress or (lambda told, share: None)
    say("drawing", 0.0)
    pictures = drawing.drawn(data, split, DRAWN, SEED)
    stills = drawing.stills(data, split, STILLS)
    rows: Rows = {}
    rows |= _check(pictures, stills)
    say("ordinary pictures", 0.05)
    rows |= _ordinary(pictures, stills)
    rows |= _vote(pictures.some(np.arange(VOTED)))
    rows |= _cost(stills)
    rows |= _attacked(pictures.some(np.arange(ATTACKED)), say)
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
            "square_queries": QUERIES,
            "votes": VOTES,
            "sigma": votes.SIGMA,
            "alpha": votes.ALPHA,
            "overlap": OVERLAP,
            "cost": "ms on one core, median with minimum and maximum",
            "intervals": figures.INTERVALS,
        },
    )


def answers(check: Check, pictures: Sequence[NDArray[np.uint8]]) -> list[Evidence]:
    """What a check says of pictures."""
    return [check.examine(Item.of_picture(rgb)) for rgb in pictures]


def flagged(told: Sequence[Evidence]) -> Flags:
    """(N,) where a check says yes."""
    return np.array([one.llr >= float(one.facts["llr_manipulated"]) for one in told])


def _loaded(name: str, count: int = 0) -> Check:
    return checks.load(name, Setup(votes=count))


def _check(pictures: Pictures, stills: Sequence[NDArray[np.uint8]]) -> Rows:
    """What `advert` sees, by class and by kind of ordinary writing, and whether its box is right."""
    told = answers(_loaded("advert"), pictures.rgb)
    flags, adverts = flagged(told), pictures.adverts
    everything = np.ones(len(pictures), bool)
    llrs = np.array([one.llr for one in told])
    rows: Rows = {"adverts": {"auc": figures.auc(llrs, adverts), "seen": figures.rate(flags, adverts)}}
    rows["adverts"]["box_right"] = figures.rate(_boxes_right(told, pictures), adverts & flags)
    for name in np.unique(pictures.kinds[adverts]):
        rows[f"adverts: {name}"] = {"seen": figures.rate(flags, pictures.kinds == name)}
    rows["clean"] = {"seen": figures.rate(flags, ~adverts)}
    for name in np.unique(pictures.kinds[~adverts]):
        rows[f"clean: {name}"] = {"seen": figures.rate(flags, ~adverts & (pictures.kinds == name))}
    of_stills = flagged(answers(_loaded("advert"), stills))
    rows["stills"] = {"seen": figures.rate(of_stills, np.ones(len(of_stills), bool))}
    named = np.array([str(one.facts["class"]) for one in told])
    right = named == np.array(looks.CLASSES)[pictures.labels]
    rows["adverts"]["class_right"] = figures.rate(right, adverts & flags & everything)
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


def _ordinary(pictures: Pictures, stills: Sequence[NDArray[np.uint8]]) -> Rows:
    """How often `evasion` flags what nobody attacked."""
    check, rng = _loaded("evasion"), np.random.default_rng(SEED)
    drawn = flagged(answers(check, pictures.rgb))
    alone = flagged(answers(check, stills))
    grainy = flagged(answers(check, [drawing.grainy(rgb, rng) for rgb in stills[::2]]))
    return {
        "ordinary: stills": {"found": figures.rate(alone, np.ones(len(alone), bool))},
        "ordinary: grainy stills": {"found": figures.rate(grainy, np.ones(len(grainy), bool))},
        "ordinary: drawn, clean": {"found": figures.rate(drawn, ~pictures.adverts)},
        "ordinary: drawn, adverts": {"found": figures.rate(drawn, pictures.adverts)},
    }


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


def _cost(stills: Sequence[NDArray[np.uint8]]) -> Rows:
    """Milliseconds of both checks on a picture that is in memory."""
    items = [Item.of_picture(rgb) for rgb in stills[:ROUNDS]]
    return {"cost": {f"{name}_ms": _timed(_loaded(name).examine, items) for name in ("advert", "evasion")}}


def _timed(examine: Callable[[Item], Evidence], items: Sequence[Item]) -> Value:
    examine(items[0])  # loads the network
    taken_ms = []
    for item in items:
        started = time.thread_time()
        examine(item)
        taken_ms.append(1000.0 * (time.thread_time() - started))
    return Value(round(median(taken_ms), 2), round(min(taken_ms), 2), round(max(taken_ms), 2), len(taken_ms))


def _attacked(pictures: Pictures, say: OnProgress) -> Rows:
    """Both checks on attacked pictures."""
    from unforge.bench import _adverts_attacks as attacks

    own = attacks.own()
    rows = {"attack: none": _outcome(pictures, pictures.rgb)}
    for n, name in enumerate(attacks.NAMES):
        for budget in BUDGETS if name != "patch" else BUDGETS[-1:]:
            say(f"{name} {budget:.0f}/255", 0.1 + 0.1 * n)
            changed = attacks.attack(name, pictures.rgb, pictures.adverts, budget, own, QUERIES)
            rows[f"attack: {name}" + ("" if name == "patch" else f" {budget:.0f}/255")] = _outcome(pictures, changed)
    say("somebody who knows the checks", 0.4)
    tries = [
        attacks.knowing(pictures.rgb, pictures.adverts, budget, smooth, own)
        for budget in reversed(BUDGETS)
        for smooth in (False, True)
    ]
    rows["attack: knowing"] = _outcome(pictures, _what_gets_through(pictures, tries))
    return rows


def _outcome(pictures: Pictures, changed: Sequence[NDArray[np.uint8]]) -> dict[str, Value]:
    seen, found = (flagged(answers(_loaded(name), changed)) for name in ("advert", "evasion"))
    return {
        "seen": figures.rate(seen, pictures.adverts),
        "found": figures.rate(found, np.ones(len(pictures), bool)),
        "found_of_unseen": figures.rate(found, pictures.adverts & ~seen),
        "through": figures.rate(~seen & ~found, pictures.adverts),
    }


def _what_gets_through(pictures: Pictures, tries: Sequence[Sequence[NDArray[np.uint8]]]) -> list[NDArray[np.uint8]]:
    """Of each picture the first try that neither check flags; the first of all where there is none."""
    passes = np.stack(
        [~flagged(answers(_loaded("advert"), one)) & ~flagged(answers(_loaded("evasion"), one)) for one in tries]
    )
    return [tries[int(passes[:, n].argmax())][n] for n in range(len(pictures))]


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
            say(f"{name}: {method}", 0.5 + 0.5 * (n + share) / len(files))

        held = robustness.withstood(Classifier(content), seen, pictures.labels, told)
        rows[name] = {
            "accuracy": figures.rate(held.right, everything),
            "apgd_ce": figures.rate(held.apgd_ce, everything),
            "square": figures.rate(held.square, everything),
            "autoattack": figures.rate(held.all, everything),
        }
    return rows
