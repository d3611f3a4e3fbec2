"""`evasion`: whether pictures that were made to mislead the picture classifier are told, and what gets through.

Pictures drawn over the stills of the split (train/adverts), attacked within a budget of grey levels and written at
their own size. `seen` is the share of adverts that the check `advert` flags, `found` the share of pictures that
`evasion` flags, at a threshold set on the training split, `through` the share of adverts that neither does. Of ordinary
pictures `found` are false alarms. The patch covers a sixteenth of the picture and is bound by no budget.

Knowing: the attacker differentiates through the views and through the network that knows patterns, changes pictures
smoothly or not, by 4 or 8 grey levels, and hands in what gets through, if anything does.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge import weights
from unforge.bench import _adverts_answers as asked
from unforge.bench import _adverts_material as drawing
from unforge.bench import figures, material
from unforge.bench._adverts_material import Pictures
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, of_today
from unforge.moderate import looks, shifts

DRAWN = 800
STILLS = 700
ATTACKED = 160
BUDGETS = (4.0, 8.0)
QUERIES = 1000
SEED = 42

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
    material.no_list("evasion", listed)
    material.no_peers("evasion", peers)
    say = on_progress or (lambda told, share: None)
    say("drawing", 0.0)
    pictures = drawing.drawn(data, split, DRAWN, SEED)
    stills = drawing.stills(data, split, STILLS)
    say("ordinary pictures", 0.05)
    rows: Rows = {**_ordinary(pictures, stills), "cost": {"ms": asked.cost("evasion", stills)}}
    rows |= _attacked(pictures.some(np.arange(ATTACKED)), say)
    return of_today(
        name=f"evasion-{split}",
        protocol="evasion",
        split=split,
        rows=rows,
        manifest_sha256=material.sha256(data),
        weights={name: weights.card(name).sha256 for name in (looks.CARD, shifts.CARD)},
        seed=SEED,
        settings={"square_queries": QUERIES, "cost": asked.COST, "intervals": figures.INTERVALS},
    )


def _ordinary(pictures: Pictures, stills: Sequence[NDArray[np.uint8]]) -> Rows:
    """How often `evasion` flags what nobody attacked."""
    rng = np.random.default_rng(SEED)
    drawn = _flags("evasion", pictures.rgb)
    alone = _flags("evasion", stills)
    grainy = _flags("evasion", [drawing.grainy(rgb, rng) for rgb in stills[::2]])
    return {
        "ordinary: stills": {"found": figures.rate(alone, np.ones(len(alone), bool))},
        "ordinary: grainy stills": {"found": figures.rate(grainy, np.ones(len(grainy), bool))},
        "ordinary: drawn, clean": {"found": figures.rate(drawn, ~pictures.adverts)},
        "ordinary: drawn, adverts": {"found": figures.rate(drawn, pictures.adverts)},
    }


def _attacked(pictures: Pictures, say: OnProgress) -> Rows:
    """Both checks on attacked pictures."""
    from unforge.bench import _adverts_attacks as attacks

    own = attacks.own()
    rows = {"attack: none": _outcome(pictures, pictures.rgb)}
    for n, name in enumerate(attacks.NAMES):
        for budget in BUDGETS if name == "pgd" else BUDGETS[-1:]:
            say(f"{name} {budget:.0f}/255", 0.1 + 0.15 * n)
            changed = attacks.attack(name, pictures.rgb, pictures.adverts, budget, own, QUERIES)
            rows[f"attack: {name}" + ("" if name == "patch" else f" {budget:.0f}/255")] = _outcome(pictures, changed)
    say("somebody who knows the checks", 0.6)
    tries = [
        attacks.knowing(pictures.rgb, pictures.adverts, budget, smooth, own)
        for budget in reversed(BUDGETS)
        for smooth in (False, True)
    ]
    rows["attack: knowing"] = _outcome(pictures, _what_gets_through(pictures, tries))
    return rows


def _outcome(pictures: Pictures, changed: Sequence[NDArray[np.uint8]]) -> dict[str, Value]:
    seen, found = (_flags(name, changed) for name in ("advert", "evasion"))
    return {
        "seen": figures.rate(seen, pictures.adverts),
        "found": figures.rate(found, np.ones(len(pictures), bool)),
        "found_of_unseen": figures.rate(found, pictures.adverts & ~seen),
        "through": figures.rate(~seen & ~found, pictures.adverts),
    }


def _what_gets_through(pictures: Pictures, tries: Sequence[Sequence[NDArray[np.uint8]]]) -> list[NDArray[np.uint8]]:
    """Of each picture the first try that neither check flags; the first of all where there is none."""
    passes = np.stack([~_flags("advert", one) & ~_flags("evasion", one) for one in tries])
    return [tries[int(passes[:, n].argmax())][n] for n in range(len(pictures))]


def _flags(name: str, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.bool_]:
    return asked.flagged(asked.answers(name, pictures))
