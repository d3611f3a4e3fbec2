"""Items one a line, decided once each, whatever happens in between.

A line is a JSON object: `path` or `text` or both, and where they are known `id` and `context`. An item is noted in the
queue before it is told; after a stop the same stream goes on: what was decided is told again, not decided
again. Without an `id`, the number of the line and what stands in it are its name: the same stream must then come
from its beginning.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unforge.evidence import Evidence
from unforge.moderate.decision import Decision
from unforge.moderate.gateway import Gateway
from unforge.moderate.item import Item
from unforge.moderate.policy import Policy
from unforge.moderate.queue import Queue
from unforge.report import ErrorFacts

FIELDS = {"id", "path", "text", "context"}
MOST_CHARS = 1_000_000  # of a line

HandIn = Callable[[Path], Sequence[Evidence]]


@dataclass(frozen=True, slots=True)
class Sent:
    """One line. key: under which it is noted. mistake: what is wrong with the line, with nothing to decide on then."""

    key: str
    item: Item
    mistake: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A decision as plain values. again: it was made before, and is only told again. case: its number in the queue."""

    decision: dict[str, Any]
    again: bool = False
    case: int | None = None


def lines(source: Iterable[str], stream: str, context: str = "") -> Iterator[Sent]:
    """The items of a stream; blank lines are passed over. context: for lines that name none."""
    for number, line in enumerate(source, 1):
        if line.strip():
            yield _sent(line, number, stream, context)


def _sent(line: str, number: int, stream: str, context: str) -> Sent:
    key = f"{stream}/{number}:{hashlib.sha256(line.strip().encode(errors='surrogatepass')).hexdigest()[:16]}"
    nameless = Item(f"line {number}", context=context)
    if len(line) > MOST_CHARS:
        return Sent(key, nameless, f"expected a line of {MOST_CHARS} characters at most; got {len(line)}")
    try:
        said = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        return Sent(key, nameless, f"expected a JSON object; {error}")
    mistake = _mistake(said)
    if mistake:
        return Sent(key, nameless, mistake)
    name = said.get("id") or said.get("path") or f"line {number}"
    path = None if said.get("path") is None else Path(said["path"])
    item = Item(name, path, said.get("text"), said.get("context", context))
    return Sent(f"{stream}/{said['id']}" if said.get("id") else key, item)


def _mistake(said: Any) -> str:
    if not isinstance(said, dict):
        return f"expected a JSON object with {', '.join(sorted(FIELDS))}; got {type(said).__name__}"
    if unknown := sorted(set(said) - FIELDS):
        return f"unknown fields {', '.join(unknown)}; expected {', '.join(sorted(FIELDS))}"
    if wrong := [name for name, value in said.items() if value is not None and not isinstance(value, str)]:
        return f"expected text in the fields {', '.join(wrong)}"
    if said.get("path") is None and said.get("text") is None:
        return "expected a path or a text; got neither"
    return ""


def decide(
    gateway: Gateway, sent: Iterable[Sent], queue: Queue | None, hand_in: HandIn | None = None
) -> Iterator[Told]:
    """One decision after the other, in the order of the stream.

    queue: notes each decision before it is told; without one, nothing is kept. hand_in: evidence from outside on a
    file, e.g. of `examination`.
    """
    for one in sent:
        known = None if queue is None else queue.known(one.key)
        if known is not None:
            yield Told(known.decision, True, known.number)
            continue
        decision = decided(gateway, one, hand_in)
        case = None if queue is None else queue.add(one.key, decision)
        yield Told(decision.to_dict(), case=None if case is None else case.number)


def decided(gateway: Gateway, sent: Sent, hand_in: HandIn | None) -> Decision:
    """The decision on one line. A mistake of a check costs this item its decision, which is then for people."""
    if sent.mistake:
        return _failed(sent, gateway.policy, "usage", sent.mistake)
    item = sent.item
    try:
        if hand_in is not None and item.path is not None:
            item = replace(item, handed=tuple(hand_in(item.path)))
        return gateway.decide(item)
    except Exception as error:  # the stream goes on; the item goes to people, with the reason
        return _failed(sent, gateway.policy, "internal", f"a check failed: {type(error).__name__}: {error}")


def _failed(sent: Sent, policy: Policy, code: str, message: str) -> Decision:
    path = None if sent.item.path is None else str(sent.item.path)
    error = ErrorFacts(code, message)
    return Decision(sent.item.name, policy.on_error, policy.called, context=sent.item.context, path=path, error=error)
