"""`hashes`: whether what is known is found again after an edit, and nothing else is.

Stills of the validation split lie in a bank of 10,000 pictures, the rest of which are of the training split. Edited
copies are asked for, as are the stills against everything but themselves. Beside the bank stands PDQ as published: the
hash of the edit against that of the original. A match between two files may be the same photograph, or the same person
a moment later; so each is looked at by points that fit one movement, which know nothing of hashes.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from unforge import metrics
from unforge.bench import _hashes_material as hashed
from unforge.bench import figures, material
from unforge.bench._hashes_edits import EDITS, Edit
from unforge.bench._hashes_material import Picture, Rgb
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, measured, of_today
from unforge.errors import UsageError
from unforge.moderate import index, pdq, variants
from unforge.moderate.index import Found, Index

QUERIES = 240
BANKED = 10_000
TIMED = 60
TIMED_PX = 512
FAR = 3.0  # limits: nothing comes near
SEED = 7


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
    queries: int = QUERIES,
    banked: int = BANKED,
) -> Record:
    """Measure. queries: stills that are edited; banked: pictures in the bank. Raises UsageError, MediaError."""
    material.no_list("hashes", listed)
    material.no_peers("hashes", peers)
    if examiners:
        raise UsageError(f"hashes: expected no examiners, because none is asked; got {', '.join(examiners)}")
    told = on_progress or (lambda words, share: None)
    stills = hashed.stills(data, split)[:queries]
    assert data is not None  # material.read has refused it
    others = hashed.stills(data, "train" if split == "val" else "val")
    originals = [hashed.read(data, one) for one in stills]
    kept, names = _stored(data, originals, others, banked, told)
    bank = index.gathered(kept)
    rows: dict[str, dict[str, Value]] = {}
    for n, (name, edit) in enumerate(EDITS.items()):
        told(name, 0.4 + 0.4 * n / len(EDITS))
        rows[name] = _recall(bank, originals, edit, np.random.default_rng([SEED, n]))
    told("unrelated pictures", 0.8)
    rows |= _unrelated(bank, data, originals, names)
    told("time", 0.9)
    rows["one picture, 512 px"] = _times(bank, originals)
    return of_today(
        name=f"hashes-{split}",
        protocol="hashes",
        split=split,
        rows=rows,
        manifest_sha256=material.sha256(data),
        weights={},
        seed=SEED,
        settings={
            "queries": len(stills),
            "sets": len({one.dataset for one in stills}),
            "bank_pictures": len(kept),
            "bank_hashes": len(bank),
            "limits_bits": f"plain {index.PLAIN_BITS}, aligned {index.ALIGNED_BITS}, half {index.HALF_BITS}",
            "plain": "PDQ as published: edit against original, 31 bits",
            "same_sitting": f"{hashed.SAME_POINTS} points or more that fit one movement",
            "time": "of one core, whatever else runs",
        },
    )


def _stored(
    data: Path, originals: Sequence[Rgb], others: Sequence[Picture], banked: int, told: OnProgress
) -> tuple[list[dict[str, bytes]], list[str]]:
    """What the bank keeps, and the file of each picture: the originals, other stills, and halves of those."""
    kept, names = [variants.stored(variants.reduced(rgb)) for rgb in originals], [""] * len(originals)
    for name, rgb in _fillers(data, others):
        if len(kept) >= banked:
            break
        if len(kept) % 500 == 0:
            told(f"{len(kept)} pictures in the bank", 0.4 * len(kept) / banked)
        kept.append(variants.stored(variants.reduced(rgb)))
        names.append(name)
    return kept, names


def _fillers(data: Path, others: Sequence[Picture]) -> Iterator[tuple[str, Rgb]]:
    for one in others:
        yield one.name, hashed.read(data, one)
    for one in others:
        for part in hashed.parts(hashed.read(data, one)):
            yield one.name, part


def _recall(bank: Index, originals: Sequence[Rgb], edit: Edit, rng: np.random.Generator) -> dict[str, Value]:
    found, plain = [], []
    for number, rgb in enumerate(originals):
        edited = edit(rgb, rng)
        found.append(any(one.matches and one.picture == number for one in _near(bank, edited)))
        plain.append(_plain(rgb, edited) <= pdq.MATCH_BITS)
    every = np.ones(len(originals), bool)
    return {"recall": figures.rate(np.array(found), every), "recall_plain": figures.rate(np.array(plain), every)}


def _plain(first: Rgb, second: Rgb) -> int:
    return int(pdq.distances(pdq.of(first).data, np.frombuffer(pdq.of(second).data, np.uint8)[None])[0])


def _unrelated(
    bank: Index, data: Path, originals: Sequence[Rgb], names: Sequence[str]
) -> Iterator[tuple[str, dict[str, Value]]]:
    """Each still against everything in the bank but itself, and whether what matches is of one sitting."""
    false, same, nearest = 0, 0, []
    for number, rgb in enumerate(originals):
        shares = [FAR]
        for one in (one for one in _near(bank, rgb) if one.picture != number):
            if one.matches and hashed.one_photograph(rgb, _picture(data, originals, names, one.picture)):
                same += 1
            else:
                false += one.matches
                shares.append(one.share)
        nearest.append(min(shares))
    pairs = len(originals) * (len(names) - 1)
    yield (
        "unrelated pairs",
        {
            "false_per_100000": _per_100000(false, pairs),
            "same_sitting_per_100000": _per_100000(same, pairs),
            "nearest_in_limits": Value(round(min(nearest), 4), None, None, pairs),
        },
    )


def _picture(data: Path, originals: Sequence[Rgb], names: Sequence[str], number: int) -> Rgb:
    """A picture of the bank, of a half the whole."""
    return originals[number] if number < len(originals) else hashed.read(data, Picture(names[number], ""))


def _per_100000(hits: int, pairs: int) -> Value:
    low, high = metrics.wilson(hits, pairs)
    return measured(1e5 * hits / pairs, (1e5 * low, 1e5 * high), pairs)


def _times(bank: Index, originals: Sequence[Rgb]) -> dict[str, Value]:
    """Milliseconds of one core to hash a picture of 512 px as published, and to ask the bank about it."""
    hashing, asking = [], []
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    for rgb in originals[:TIMED]:
        scale = TIMED_PX / max(rgb.shape[:2])
        seen = np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        begun = time.process_time()
        pdq.of(seen)
        hashed_at = time.process_time()
        _near(bank, seen)
        asking.append(1e3 * (time.process_time() - hashed_at))
        hashing.append(1e3 * (hashed_at - begun))
    cv2.setNumThreads(threads)
    return {"pdq_ms": _median(hashing), "query_ms": _median(asking)}


def _median(numbers: Sequence[float]) -> Value:
    values = np.array(numbers)
    return figures.bootstrapped(lambda drawn: float(np.median(values[drawn])), np.zeros(len(values)))


def _near(bank: Index, rgb: Rgb) -> list[Found]:
    """What comes near, with its border or without, the nearest of each picture of the bank."""
    best: dict[int, Found] = {}
    for one in sorted((one for seen in variants.reduced(rgb) for one in bank.near(seen)), key=lambda one: one.share):
        best.setdefault(one.picture, one)
    return list(best.values())
