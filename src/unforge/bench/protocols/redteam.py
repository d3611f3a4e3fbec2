"""`redteam`: how much slips through one's own gateway, and what that costs ordinary senders.

Things that must be stopped (texts that lead elsewhere, texts that attack people, listings with a contact or a code on
them, pictures from a bank of known ones) are disguised in every way of bench/evasions and put through a gateway with
the caller's policy. Figures are shares of those that end as `allow`, after each stage together with those before it:
`hashes`, `codes`, `text` that came along, `ocr`, `classifier`, and `evasion`, the check for signs of evasion itself.

Rows `as it is` are not disguised. `every evasion` counts each disguise of each thing; `the best evasion` counts things
of which at least one disguise gets through, as for a sender who tries all. Rows `clean` are ordinary things, and there
the figures are shares that do not end as `allow`: the load of review. An evasion that changes nothing in a thing is not
counted. Rates count every
disguise of a thing, so that their intervals are somewhat too narrow; those of `the best evasion` count things. Only
counts leave the run; nothing disguised is written out.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unforge import weights
from unforge.bench import _contact_pictures as pictures
from unforge.bench import _redteam_material as made
from unforge.bench import _redteam_stages as stages
from unforge.bench import evasions, figures, material
from unforge.bench._contact_pictures import Picture
from unforge.bench._redteam_material import Material
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, of_today
from unforge.errors import UsageError
from unforge.moderate import policy as policies
from unforge.moderate.checks import Setup
from unforge.moderate.decision import Action, Decision
from unforge.moderate.gateway import Gateway

POLICY = "remove"
CONTEXT = "listing"
TEXTS = 40  # of each kind
PICTURES = 8  # of each kind
BANK = 200  # known pictures
CLEAN_TEXTS = 300
CLEAN_PICTURES = 50
SEED = 23
ATTACKS = ("pgd", "square", "patch")  # on the picture classifier
READS = ("contact", "toxic", "spam")  # checks in whose time the reading of a picture falls
INTERVALS = "95 % intervals: Wilson score for rates, bootstrap of the median for times"


@dataclass(frozen=True, slots=True)
class Tried:
    """One thing, put through the gateway. evasion: "" as it is; thing: which of the base material it was."""

    kind: str
    thing: int
    evasion: str
    actions: Mapping[str, Action]
    elapsed_s: Mapping[str, float]

    def passed(self, stage: str) -> bool:
        return self.actions[stage] == "allow"


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
    policy: str | Path = POLICY,
    setup: Setup | None = None,
) -> Record:
    """Try everything on a gateway. Raises UsageError without the data, PolicyError for a policy that makes no sense.

    policy: one that ships, or a file; only its first stop is left out, so that every check is asked. setup: whatever
    else the gateway is run with; its bank is replaced by one made for the run.
    """
    material.no_list("redteam", listed)
    material.no_peers("redteam", peers)
    if examiners is not None:
        raise UsageError("redteam: expected no choice of examiners; it tries the gateway with all of its checks")
    told = on_progress or (lambda _text, _share: None)
    chosen = policies.load(policy)
    with tempfile.TemporaryDirectory() as folder:
        known = made.known_pictures(data, BANK)
        bank = made.bank(Path(folder) / "bank.sqlite", known)
        gateway = Gateway(stages.unhurried(chosen), replace(setup or Setup(), bank=bank))
        base = list(_base(data, split, known))
        skipped: dict[str, str] = {}
        tried = [_try(gateway, one, n, "") for n, one in enumerate(base)]
        for k, name in enumerate(evasions.available()):
            told(name, 0.1 + 0.7 * k / len(evasions.available()))
            tried += _evaded(gateway, base, name, skipped)
        told("clean", 0.8)
        clean = [_try(gateway, one, n, "") for n, one in enumerate(_clean(data, split))]
    return of_today(
        name=f"redteam-{split}",
        protocol="redteam",
        split=split,
        rows={**attacks(tried), **load(clean), **times(clean)},
        manifest_sha256=material.sha256(data),
        weights=_networks(gateway),
        seed=SEED,
        settings={
            "policy": f"{chosen.name} {chosen.version}",
            "context": CONTEXT,
            "checks": ", ".join(check.name for check in gateway.checks),
            "evasions_left_out": "; ".join(skipped.values()) or "none",
            "bank": len(known),
            "figures": INTERVALS,
        },
    )


def attacks(tried: Sequence[Tried]) -> dict[str, dict[str, Value]]:
    """The share that ends as `allow` after each stage, by row."""
    plain = [one for one in tried if not one.evasion]
    evaded = [one for one in tried if one.evasion]
    kinds = list(dict.fromkeys(one.kind for one in tried))
    rows = {f"as it is: {kind}": _passed([one for one in plain if one.kind == kind]) for kind in kinds}
    rows["every evasion"] = _passed(evaded)
    rows |= {f"every evasion: {kind}": _passed([one for one in evaded if one.kind == kind]) for kind in kinds}
    rows["every attack on the classifier"] = _passed([one for one in evaded if one.evasion in ATTACKS])
    rows["the best evasion"] = _best(tried)
    rows |= {f"the best evasion: {kind}": _best([one for one in tried if one.kind == kind]) for kind in kinds}
    for name in dict.fromkeys(one.evasion for one in evaded):
        rows[name] = _passed([one for one in evaded if one.evasion == name])
    return rows


def load(clean: Sequence[Tried]) -> dict[str, dict[str, Value]]:
    """The share of ordinary things that does not end as `allow` after each stage."""
    kinds = list(dict.fromkeys(one.kind for one in clean))
    rows = {"clean": _shares([[not one.passed(stage) for one in clean] for stage in stages.STAGES])}
    for kind in kinds:
        of_kind = [one for one in clean if one.kind == kind]
        rows[f"clean: {kind}"] = _shares([[not one.passed(stage) for one in of_kind] for stage in stages.STAGES])
    return rows


def times(clean: Sequence[Tried]) -> dict[str, dict[str, Value]]:
    """The median time that ordinary things take."""
    texts = [one.elapsed_s["all"] for one in clean if one.kind == "text"]
    seen = [one for one in clean if one.kind != "text"]
    whole = [one.elapsed_s["all"] for one in seen]
    unread = [
        one.elapsed_s["all"] - sum(seconds for name, seconds in one.elapsed_s.items() if name in READS) for one in seen
    ]
    return {
        "time: text": {"elapsed_s": _median(texts)},
        "time: picture, nothing read": {"elapsed_s": _median(unread)},
        "time: picture": {"elapsed_s": _median(whole)},
    }


def _base(data: Path | None, split: str, known: Sequence[Picture]) -> Iterator[Material]:
    listings = made.stills(data, split, 2 * PICTURES, made.LISTING_SIDE_PX)
    yield from made.contact_texts(TEXTS, SEED)
    yield from made.toxic_texts(data, TEXTS)
    yield from made.contact_pictures(listings[::2], SEED)
    yield from made.code_pictures(listings[1::2], SEED)
    yield from (Material("known picture", rgb=rgb) for rgb in known[:: max(1, len(known) // PICTURES)][:PICTURES])


def _clean(data: Path | None, split: str) -> Iterator[Material]:
    yield from made.ordinary_texts(data, CLEAN_TEXTS)
    for n, rgb in enumerate(made.stills(data, split, CLEAN_PICTURES)):
        # As many at the size of a listing, on which reading takes longest.
        yield Material("picture", rgb=pictures.enlarged(rgb, made.LISTING_SIDE_PX) if n % 2 else rgb)


def _evaded(gateway: Gateway, base: Sequence[Material], name: str, skipped: dict[str, str]) -> Iterable[Tried]:
    """All things that an evasion can be done to; `skipped` says why it cannot be done here."""
    evasion = evasions.load(name)
    tried = []
    for n, one in enumerate(base):
        if one.kind in evasion.OF:
            try:
                changed = evasion.evade(one, np.random.default_rng([SEED, n]))
            except UsageError as reason:
                skipped[name] = str(reason)
                break
            if not changed.is_as(one):
                tried.append(_try(gateway, changed, n, name))
    return tried


def _try(gateway: Gateway, one: Material, thing: int, evasion: str) -> Tried:
    started = time.perf_counter()
    decision: Decision = gateway.decide(one.item(f"{one.kind} {thing}", CONTEXT))
    elapsed_s = {**decision.elapsed_s, "all": time.perf_counter() - started}
    acted = stages.by_stage(decision.evidence, gateway.policy, CONTEXT, one.rgb is not None)
    return Tried(one.kind, thing, evasion, acted, elapsed_s)


def _passed(tried: Sequence[Tried]) -> dict[str, Value]:
    return _shares([[one.passed(stage) for one in tried] for stage in stages.STAGES])


def _best(tried: Sequence[Tried]) -> dict[str, Value]:
    """Things of which some disguise gets through."""
    things = list(dict.fromkeys((one.kind, one.thing) for one in tried if one.evasion))
    through = [{(one.kind, one.thing) for one in tried if one.evasion and one.passed(stage)} for stage in stages.STAGES]
    return _shares([[thing in passed for thing in things] for passed in through])


def _shares(by_stage: Sequence[Sequence[bool]]) -> dict[str, Value]:
    return {
        stage: figures.rate(np.array(hits, np.bool_), np.ones(len(hits), np.bool_))
        for stage, hits in zip(stages.STAGES, by_stage, strict=True)
    }


def _median(seconds: Sequence[float]) -> Value:
    if not seconds:
        return Value(None, None, None, 0)
    values = np.array(seconds)
    return figures.bootstrapped(lambda drawn: float(np.median(values[drawn])), np.zeros(len(values)))


def _networks(gateway: Gateway) -> dict[str, str]:
    names = dict.fromkeys(name for check in gateway.checks for name in check.models)
    return {name: weights.card(name).sha256 for name in names}
