"""From coded bits to a message, and how sure it is.

Two ways lead there: the likeliest messages whose tag fits a key, and the likeliest of those that a registry says were
on screens. The second bears more noise, because there are fewer to tell apart.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from unforge.trace import ecc
from unforge.trace import payload as payloads
from unforge.trace.keys import Key, KeyRing
from unforge.trace.listen import Heard
from unforge.trace.registry import Registry, Shown

MESSAGES = 2.0**58  # that a key can sign
ALL_MESSAGES = 2.0**80
LISTED = ecc.LIST_SIZE / 2.0**20  # chance that one of the listed messages bears a tag that fits
MOST_CANDIDATES = 250_000  # of a registry: five seconds
CANDIDATES_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Message:
    """A message that fits the coded bits.

    z: how well. errors: share of the coded bits that were seen wrongly. error_probability: at most so often would
    anything fit as well where this is not on the screen. by_registry: found among what a registry knows.
    """

    payload: payloads.Payload
    key: Key
    z: float
    errors: float
    error_probability: float
    by_registry: bool


def signed(heard: Heard, ring: KeyRing, attempts: int) -> Message | None:
    """The likeliest message whose tag fits a key of the ring. attempts: decodings of the picture, which all may err."""
    keys = ring.readable()
    found = []
    for llr in heard.llrs:
        decoded = ecc.decode(llr, lambda bits: payloads.identify(bits, keys) is not None)
        opened = None if decoded is None else payloads.identify(decoded.bits, keys)
        if decoded is None or opened is None:
            continue
        z = float(ecc.correlate(llr, ecc.encode(decoded.bits)[None])[0])
        error = min(1.0, attempts * len(keys) * min(LISTED, MESSAGES * math.exp(-z * z / 2.0)))
        errors = ecc.coded_errors(llr, decoded.bits) / ecc.N_CODED
        found.append(Message(opened.payload, opened.key, z, errors, error, by_registry=False))
    return min(found, key=lambda one: one.error_probability, default=None)


def unsigned(heard: Heard, attempts: int) -> float:
    """At most so often would any message at all, signed or not, fit as well as the likeliest does."""
    z = max(float(ecc.correlate(llr, ecc.encode(ecc.candidates(llr, 1)[0])[None])[0]) for llr in heard.llrs)
    return min(1.0, attempts * ALL_MESSAGES * math.exp(-z * z / 2.0))


def registered(
    heard: Heard, ring: KeyRing, registry: Registry, span: tuple[datetime, datetime], attempts: int
) -> list[Message]:
    """The two likeliest messages among those that were on screens within a span; none where they are too many."""
    keys = {key.id: key for key in ring.readable()}
    best: list[tuple[float, Shown, NDArray[np.float64]]] = []
    count = 0
    for block in _blocks(registry.live(*span)):
        candidates = [shown for shown in block if shown.key_id in keys]
        count += len(candidates)
        if count > MOST_CANDIDATES:
            return []
        if candidates:
            best = sorted([*best, *_likeliest(candidates, keys, heard)], key=lambda one: -one[0])[:2]
    return [_as_message(*one, keys[one[1].key_id], attempts * count) for one in best]


def _likeliest(
    candidates: Sequence[Shown], keys: dict[str, Key], heard: Heard
) -> list[tuple[float, Shown, NDArray[np.float64]]]:
    """The two best of some candidates, each with the half of the tile that it fits better."""
    words = ecc.encode(np.stack([payloads.encode(shown.payload, keys[shown.key_id]) for shown in candidates]))
    scores = np.stack([ecc.correlate(llr, words) for llr in heard.llrs])
    highest = scores.max(axis=0)
    order = np.argsort(-highest, kind="stable")[:2]
    return [(float(highest[n]), candidates[n], heard.llrs[int(scores[:, n].argmax())]) for n in order]


def _as_message(z: float, shown: Shown, llr: NDArray[np.float64], key: Key, attempts: int) -> Message:
    errors = ecc.coded_errors(llr, payloads.encode(shown.payload, key)) / ecc.N_CODED
    error = min(1.0, attempts * math.exp(-z * z / 2.0))
    return Message(shown.payload, key, z, errors, error, by_registry=True)


def _blocks(shown: Iterator[Shown]) -> Iterator[Sequence[Shown]]:
    while block := list(islice(shown, CANDIDATES_AT_ONCE)):
        yield block
