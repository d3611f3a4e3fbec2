"""Who stands behind a mark: machines, where and when they showed it, and who asked.

One SQLite file. Several programs may write at once: each write is one transaction, readers never wait (WAL), a writer
waits for another for `timeout_s`. A mark holds no personal data; this file does, and is made open to its owner alone.
Times are kept as UTC in ISO 8601, slots by their number (payload.py).
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Literal

from unforge.errors import UsageError
from unforge.trace import _roll, utc
from unforge.trace._store import Row, Store
from unforge.trace.payload import (
    EPOCH,
    HOUR,
    MACHINE_BITS,
    PLACE_BITS,
    SLOT,
    TOKEN_BITS,
    TOKEN_SPAN,
    MachinePayload,
    Payload,
    TokenPayload,
    of_token,
    slot_of,
)

Status = Literal["known", "unknown", "not_running", "revoked"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where machines stand. id: 1 to 4095."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that shows a mark. place: 0 where it is not said. until, revoked_at: None while it goes on."""

    id: int
    name: str
    user: str
    place: int
    app: str
    since: datetime
    until: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """What a machine goes by in privacy mode, from `start` until `end`."""

    token: int
    machine: int
    key_id: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """Something that could be seen on a screen: what a mark said, and the key that signed it."""

    payload: Payload
    key_id: str


@dataclass(frozen=True, slots=True)
class Owner:
    """Who a payload leads to.

    status: `known`: the overlay of this machine ran then and there. `unknown`: no such machine or token. `not_running`:
    the machine exists, but its overlay did not run then, or at another place, or with another key: the mark may be
    copied or forged. `revoked`: the machine had been revoked by then.
    starts_at: start of the slot or hour, None where only a known token would tell. note: one sentence.
    """

    status: Status
    note: str
    machine: Machine | None = None
    place: str = ""
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """A photograph that somebody had traced. outcome: what came out, in words or JSON."""

    id: int
    at: datetime
    who: str
    photo_sha256: str
    outcome: str


class Registry:
    """The registry in a file, open until `close` or the end of a `with` block. Used from one thread.

    create: whether to make the file where there is none. timeout_s: how long to wait for another writer.
    Raises StoreError for a file that is missing, no registry, of a newer schema, damaged, or busy for longer; every
    method may do so. OutputError where the file cannot be made.
    """

    def __init__(self, path: Path | str, *, create: bool = False, timeout_s: float = 5.0) -> None:
        self._store = Store(Path(path), create=create, timeout_s=timeout_s)

    def __enter__(self) -> "Registry":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Registry({str(self._store.path)!r})"

    def close(self) -> None:
        self._store.close()

    # Places and machines

    def add_place(self, name: str, *, place_id: int | None = None) -> Place:
        """One more place. place_id: 1 to 4095, None for the next free one. Raises UsageError."""
        with self._store.writing():
            if not name.strip() or name.strip().isdecimal():
                raise UsageError(f"place: expected a name that is not empty and no number, got {name!r}")
            if self._store.rows("SELECT 1 FROM places WHERE name = ?", name):
                raise UsageError(f"place: expected a new name, {name!r} is in the registry")
            place = Place(self._free_id("places", place_id, PLACE_BITS), name)
            self._store.rows("INSERT INTO places VALUES (?, ?)", place.id, place.name)
        return place

    def places(self) -> tuple[Place, ...]:
        """All places, by id."""
        return tuple(Place(*row) for row in self._store.rows("SELECT id, name FROM places WHERE id > 0 ORDER BY id"))

    def add_machine(
        self,
        name: str,
        *,
        user: str = "",
        place: int | str = 0,
        app: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        machine_id: int | None = None,
    ) -> Machine:
        """One more machine.

        place: id or name of a place in the registry. since: now by default. machine_id: 24 bits, None for the next free
        one. Raises UsageError for an id that is taken, a place that is not there, or an end before the beginning.
        """
        with self._store.writing():
            return self._add(name, user, place, app, since, until, machine_id)

    def import_machines(self, path: Path | str) -> tuple[Machine, ...]:
        """Add the machines of a CSV file with a heading, or of a JSON-lines file (.jsonl): all of them, or none.

        Columns are id, name, user, place, app, since and until; only `name` is needed. Raises UsageError that names
        every line which cannot be added, and why.
        """
        path = Path(path)
        entries = list(_roll.entries(path))
        added, problems = [], []
        with self._store.writing():
            for line, entry in entries:
                try:
                    if isinstance(entry, str):
                        raise UsageError(entry)
                    added.append(self._add(**_roll.fields(entry)))
                except UsageError as problem:
                    problems.append(f"line {line}: {problem}")
            if not entries:
                raise UsageError(f"{path}: expected one machine or more, got none")
            if problems:
                raise UsageError(_roll.in_words(path, problems))
        return tuple(added)

    def machines(self) -> tuple[Machine, ...]:
        """All machines, by id, those that ended and those that were revoked among them."""
        return tuple(_machine(row) for row in self._store.rows("SELECT * FROM machines ORDER BY id"))

    def machine(self, machine_id: int) -> Machine:
        """One machine; raises UsageError where there is none of that id."""
        found = self._find(machine_id)
        if found is None:
            raise UsageError(f"machine: expected an id in the registry, got {machine_id}; list shows them")
        return found

    def revoke(self, machine_id: int, when: datetime | None = None) -> Machine:
        """From now on a mark of this machine is not believed. Raises UsageError where it is unknown or revoked."""
        with self._store.writing():
            machine = self.machine(machine_id)
            if machine.revoked_at is not None:
                raise UsageError(f"machine {machine_id} has been revoked at {utc.text(machine.revoked_at)}")
            self._store.rows("UPDATE machines SET revoked_at = ? WHERE id = ?", utc.text(_now(when)), machine_id)
            return self.machine(machine_id)

    # What was shown

    def heartbeat(
        self,
        machine_id: int,
        key_id: str,
        when: datetime | None = None,
        *,
        until: datetime | None = None,
        place: int | str | None = None,
    ) -> None:
        """The overlay of a machine ran at a moment, or from `when` to `until`; slots that touch become one interval.

        place: the machine's own by default. Raises UsageError for a machine that is unknown, revoked, or not in use
        then.
        """
        start = _now(when)
        end = start if until is None else utc.aware(until, "until")
        if end < start:
            raise UsageError(f"until: expected {utc.text(start)} or later, got {utc.text(end)}")
        with self._store.writing():
            machine = self._in_use(machine_id, start, end)
            place_id = machine.place if place is None else self._place_id(place)
            self._merge(machine_id, place_id, key_id, slot_of(start), slot_of(end))

    def issue_token(self, machine_id: int, key_id: str, start: datetime, end: datetime) -> Token:
        """A random token that stands for a machine from `start` until `end`, which is at most 511 hours later.

        Giving it out says that the overlay runs then; no heartbeat is needed. Raises UsageError as `heartbeat` does.
        """
        start, end = utc.aware(start).replace(microsecond=0), utc.aware(end).replace(microsecond=0)
        if not start < end <= start + TOKEN_SPAN:
            span = f"{utc.text(start)} to {utc.text(end)}"
            raise UsageError(f"token: expected a span of at most {TOKEN_SPAN // HOUR} hours, got {span}")
        with self._store.writing():
            self._in_use(machine_id, start, end)
            token = Token(self._unused_token(), machine_id, key_id, start, end)
            written = (token.token, machine_id, key_id, utc.text(start), utc.text(end))
            self._store.rows("INSERT INTO tokens VALUES (?, ?, ?, ?, ?)", *written)
        return token

    def live(self, start: datetime, end: datetime) -> Iterator[Shown]:
        """Everything that could be seen on a screen from `start` until before `end`: the candidates of a photograph.

        By machine and slot, then by token and hour. Raises UsageError for an empty span.
        """
        start, end = utc.aware(start, "start"), utc.aware(end, "end")
        if not start < end:
            raise UsageError(f"live: expected an end after {utc.text(start)}, got {utc.text(end)}")
        before_end = end - datetime.resolution
        first, last = slot_of(start), slot_of(before_end)
        runs = self._store.rows(
            "SELECT * FROM runs WHERE last_slot >= ? AND first_slot <= ? ORDER BY machine, first_slot", first, last
        )
        tokens = self._store.rows(
            'SELECT * FROM tokens WHERE "end" > ? AND start <= ? ORDER BY token', utc.text(start), utc.text(before_end)
        )
        return chain(_slots_of(runs, first, last), _hours_of(map(_token, tokens), start, end))

    def span(self) -> tuple[datetime, datetime] | None:
        """From when until when overlays were seen to run or tokens were out; None for a registry that knows of none."""
        runs = self._store.rows("SELECT min(first_slot) AS low, max(last_slot) AS high FROM runs")[0]
        tokens = self._store.rows('SELECT min(start) AS low, max("end") AS high FROM tokens')[0]
        spans = []
        if runs["low"] is not None:
            spans.append((EPOCH + runs["low"] * SLOT, EPOCH + (runs["high"] + 1) * SLOT))
        if tokens["low"] is not None:
            spans.append((utc.parse(tokens["low"]), utc.parse(tokens["high"])))
        return (min(start for start, _ in spans), max(end for _, end in spans)) if spans else None

    def owner(self, payload: Payload, key_id: str | None = None) -> Owner:
        """Who a payload leads to. key_id: the key that opened it, to be held against the one that was in use."""
        if isinstance(payload, TokenPayload):
            return self._owner_of_token(payload, key_id)
        return self._owner_of_machine(payload, key_id)

    # Who asked

    def log(self, photo_sha256: str, outcome: str, *, who: str = "", at: datetime | None = None) -> Lookup:
        """Write down that a photograph was traced; the log only grows. Raises UsageError for no SHA-256."""
        if len(photo_sha256) != 64 or not set(photo_sha256) <= set("0123456789abcdef"):
            raise UsageError(f"photo_sha256: expected 64 hexadecimal digits in lower case, got {photo_sha256!r}")
        row = (utc.text(_now(at)), who, photo_sha256, outcome)
        with self._store.writing():
            command = "INSERT INTO lookups (at, who, photo_sha256, outcome) VALUES (?, ?, ?, ?) RETURNING *"
            return _lookup(self._store.rows(command, *row)[0])

    def lookups(self) -> tuple[Lookup, ...]:
        """All that were asked, the oldest first."""
        return tuple(_lookup(row) for row in self._store.rows("SELECT * FROM lookups ORDER BY id"))

    # Steps within a transaction

    def _add(
        self,
        name: str,
        user: str = "",
        place: int | str = 0,
        app: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        machine_id: int | None = None,
    ) -> Machine:
        if not name.strip():
            raise UsageError("name: expected one, got nothing")
        begins = _now(since)
        ends = None if until is None else utc.aware(until, "until").replace(microsecond=0)
        if ends is not None and ends <= begins:
            raise UsageError(f"until: expected a time after {utc.text(begins)}, got {utc.text(ends)}")
        free = self._free_id("machines", machine_id, MACHINE_BITS)
        machine = Machine(free, name, user, self._place_id(place), app, begins, ends)
        written = (free, name, user, machine.place, app, utc.text(begins), ends and utc.text(ends))
        self._store.rows("INSERT INTO machines VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", *written)
        return machine

    def _free_id(self, table: Literal["machines", "places"], wanted: int | None, n_bits: int) -> int:
        if wanted is None:
            wanted = self._store.rows(f"SELECT COALESCE(MAX(id), 0) + 1 FROM {table}")[0][0]
        if not 1 <= wanted < 1 << n_bits:
            raise UsageError(f"id: expected 1 to {(1 << n_bits) - 1}, got {wanted}")
        if self._store.rows(f"SELECT 1 FROM {table} WHERE id = ?", wanted):
            raise UsageError(f"id: expected a free one, {wanted} is taken")
        return wanted

    def _place_id(self, place: int | str) -> int:
        column = "id" if isinstance(place, int) else "name"
        found = self._store.rows(f"SELECT id FROM places WHERE {column} = ?", place)
        if not found:
            raise UsageError(f"place: expected one of the registry, got {place!r}; add it first")
        return int(found[0][0])

    def _find(self, machine_id: int) -> Machine | None:
        rows = self._store.rows("SELECT * FROM machines WHERE id = ?", machine_id)
        return _machine(rows[0]) if rows else None

    def _in_use(self, machine_id: int, start: datetime, end: datetime) -> Machine:
        """The machine, if it may show marks all that time."""
        machine = self.machine(machine_id)
        ends = min((when for when in (machine.until, machine.revoked_at) if when is not None), default=None)
        if start < machine.since or (ends is not None and end > ends):
            used = f"{utc.text(machine.since)} to {utc.text(ends)}" if ends else f"from {utc.text(machine.since)} on"
            raise UsageError(f"machine {machine_id}: expected a time of its use ({used}), got {utc.text(start)}")
        return machine

    def _merge(self, machine_id: int, place_id: int, key_id: str, first: int, last: int) -> None:
        which = (machine_id, place_id, key_id, first - 1, last + 1)
        touching = "machine = ? AND place = ? AND key_id = ? AND last_slot >= ? AND first_slot <= ?"
        for row in self._store.rows(f"DELETE FROM runs WHERE {touching} RETURNING first_slot, last_slot", *which):
            first, last = min(first, row[0]), max(last, row[1])
        self._store.rows("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", machine_id, place_id, key_id, first, last)

    def _unused_token(self) -> int:
        while True:
            token = secrets.randbits(TOKEN_BITS)
            if not self._store.rows("SELECT 1 FROM tokens WHERE token = ?", token):
                return token

    def _owner_of_machine(self, payload: MachinePayload, key_id: str | None) -> Owner:
        machine, starts_at = self._find(payload.machine), payload.starts_at
        if machine is None:
            return Owner("unknown", f"The registry has no machine {payload.machine}.", starts_at=starts_at)
        runs = self._store.rows(
            "SELECT * FROM runs WHERE machine = ? AND last_slot >= ? AND first_slot <= ?",
            *(payload.machine, payload.slot, payload.slot),
        )
        there = [row for row in runs if row["place"] == payload.place]
        signed = [row for row in there if key_id in (None, row["key_id"])]
        place = self._place_name(payload.place)
        if _revoked_by(machine, starts_at):
            return _revoked(machine, place, starts_at)
        if signed:
            return Owner("known", f"The overlay of {machine.name} ran then.", machine, place, starts_at)
        why = _why_not(machine, runs, there, place, key_id)
        return Owner("not_running", why, machine, place, starts_at)

    def _owner_of_token(self, payload: TokenPayload, key_id: str | None) -> Owner:
        rows = self._store.rows("SELECT * FROM tokens WHERE token = ?", payload.token)
        if not rows:
            return Owner("unknown", "The registry has given out no such token.")
        token = _token(rows[0])
        machine, starts_at = self.machine(token.machine), payload.starts_at(token.start)
        place = self._place_name(machine.place)
        if _revoked_by(machine, starts_at):
            return _revoked(machine, place, starts_at)
        if starts_at >= token.end:
            span = f"{utc.text(token.start)} to {utc.text(token.end)}"
            why = f"The token stood for {machine.name} from {span}, and the mark names an hour outside of that."
            return Owner("not_running", why, machine, place)
        if key_id not in (None, token.key_id):
            why = f"The token was signed with key {token.key_id}, the mark with key {key_id}."
            return Owner("not_running", why, machine, place, starts_at)
        return Owner("known", f"The token stood for {machine.name} then.", machine, place, starts_at)

    def _place_name(self, place_id: int) -> str:
        rows = self._store.rows("SELECT name FROM places WHERE id = ?", place_id)
        return str(rows[0][0]) if rows else f"place {place_id}, which the registry does not have"


def _slots_of(runs: Iterable[Row], first: int, last: int) -> Iterator[Shown]:
    for row in runs:
        for slot in range(max(first, row["first_slot"]), min(last, row["last_slot"]) + 1):
            yield Shown(MachinePayload(row["machine"], row["place"], slot), row["key_id"])


def _hours_of(tokens: Iterable[Token], start: datetime, end: datetime) -> Iterator[Shown]:
    for token in tokens:
        when = max(start, token.start).replace(minute=0, second=0, microsecond=0)
        while when < min(end, token.end):
            yield Shown(of_token(token.token, when), token.key_id)
            when += HOUR


def _machine(row: Row) -> Machine:
    since, until, revoked_at = (row[name] and utc.parse(row[name]) for name in ("since", "until", "revoked_at"))
    return Machine(row["id"], row["name"], row["user"], row["place"], row["app"], since, until, revoked_at)


def _token(row: Row) -> Token:
    return Token(row["token"], row["machine"], row["key_id"], utc.parse(row["start"]), utc.parse(row["end"]))


def _lookup(row: Row) -> Lookup:
    return Lookup(row["id"], utc.parse(row["at"]), row["who"], row["photo_sha256"], row["outcome"])


def _revoked_by(machine: Machine, when: datetime) -> bool:
    return machine.revoked_at is not None and when >= machine.revoked_at


def _revoked(machine: Machine, place: str, starts_at: datetime) -> Owner:
    note = f"{machine.name} had been revoked by then; the mark may be a copy."
    return Owner("revoked", note, machine, place, starts_at)


def _why_not(machine: Machine, runs: Sequence[Row], there: Sequence[Row], place: str, key_id: str | None) -> str:
    if there:
        return (
            f"The overlay of {machine.name} ran then with key {there[0]['key_id']}, the mark is signed with {key_id}."
        )
    if runs:
        return f"The overlay of {machine.name} ran then, but not at the place that the mark names ({place or 'none'})."
    return f"The overlay of {machine.name} did not run then; the mark may be a copy."


def _now(when: datetime | None) -> datetime:
    return (datetime.now(UTC) if when is None else utc.aware(when)).replace(microsecond=0)
