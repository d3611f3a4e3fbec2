"""Who looks at what: decisions of the gateway, reviews by people, appeals, and a log that shows whether it was changed.

The log is the truth. Every entry holds the SHA-256 of the one before it, and the state of a case is what its entries
make of it (`case_of`): what stands in the table of cases is a copy for searching, and `verify` compares the two. An
entry and its copy are written in one transaction.

The order of things: the gateway decides -> where the action is `review`, or somebody appeals, the case is open -> a
person claims it, for an hour -> and decides, with a reason. Whoever removes or reports (RESTRICTING) needs a second
person who agrees; where the second disagrees, the case is open again. A closed case can be overruled by another person,
with a reason, and an appeal goes to somebody who has not decided on the case before. No function here makes a removal
of one person's word.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Self, get_args

from unforge import store
from unforge.errors import NotApplicable, UsageError
from unforge.moderate.decision import ACTIONS, Action, Decision

State = Literal["decided", "open", "claimed", "seconding", "closed"]
STATES: tuple[State, ...] = get_args(State)
RESTRICTING: tuple[Action, ...] = ("remove", "report")  # need two people
APPEALABLE: tuple[Action, ...] = ("label", "reduce", "remove", "report")
CLAIM_LASTS = timedelta(hours=1)
GATEWAY = "gateway"
FIRST = "0" * 64  # stands for what is before the first entry

_TABLES = """
CREATE TABLE log (
    number INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    case_number INTEGER NOT NULL,
    said TEXT NOT NULL,
    before TEXT NOT NULL,
    sha256 TEXT NOT NULL UNIQUE
);
CREATE INDEX log_by_case ON log (case_number, number);
CREATE TRIGGER log_stays BEFORE DELETE ON log BEGIN SELECT RAISE (ABORT, 'the log is never shortened'); END;
CREATE TRIGGER log_holds BEFORE UPDATE ON log BEGIN SELECT RAISE (ABORT, 'the log is never changed'); END;
CREATE TABLE cases (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    action TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX cases_by_state ON cases (state, number);
"""
_PLAN = store.Plan("a review queue", 0x756E6671, 1, _TABLES, "name one with --queue when items are decided")  # "unfq"


@dataclass(frozen=True, slots=True)
class Case:
    """One item and what was decided about it.

    action: what holds now; of an open case what the gateway said. holder, until: who has claimed it. proposed, by: what
    a first person wants that needs a second one. deciders: everybody who has decided on it. statements: what the
    persons concerned were told, by language, in order. appeals: how often somebody appealed.
    """

    number: int
    key: str
    item: str
    action: Action
    state: State
    decision: dict[str, Any]
    holder: str = ""
    until: str = ""
    proposed: Action | None = None
    by: str = ""
    reason: str = ""
    deciders: tuple[str, ...] = ()
    appeals: int = 0
    appeal: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__slots__} | {"deciders": list(self.deciders)}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log. said: plain values. before, sha256: of the line before, and of this one."""

    number: int
    at: str
    who: str
    what: str
    case_number: int
    said: dict[str, Any]
    before: str
    sha256: str

    def digest(self) -> str:
        """The SHA-256 that this line must have."""
        told = [self.number, self.at, self.who, self.what, self.case_number, self.said, self.before]
        return hashlib.sha256(json.dumps(told, ensure_ascii=False, sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


# What each kind of entry does to a case: the whole of the rules, without any storage.


def case_of(entries: Sequence[Entry]) -> Case:
    """The state of a case after its entries, the first of which is the gateway's."""
    first, *rest = entries
    decision, key = first.said["decision"], str(first.said["key"])
    action: Action = decision["action"]
    state: State = "open" if action == "review" else "decided"
    case = Case(first.case_number, key, decision["item"], action, state, decision)
    for entry in rest:
        case = _after(case, entry)
    return case


def _after(case: Case, entry: Entry) -> Case:
    said = entry.said
    match entry.what:
        case "claimed":
            return replace(case, state="claimed", holder=entry.who, until=said["until"])
        case "released":
            return _put_back(case)
        case "proposed":
            asked = replace(_put_back(case), state="seconding", proposed=said["action"], by=entry.who)
            return replace(asked, reason=said["reason"], deciders=(*case.deciders, entry.who))
        case "disagreed":
            return replace(
                _put_back(case), state="open", proposed=None, by="", reason="", deciders=(*case.deciders, entry.who)
            )
        case "reviewed" | "agreed" | "overruled":
            closed = replace(_put_back(case), state="closed", proposed=None, by="", action=said["action"], appeal="")
            return replace(closed, reason=said["reason"], deciders=(*case.deciders, entry.who))
        case "appealed":
            return replace(_put_back(case), state="open", appeals=case.appeals + 1, appeal=said["words"])
        case _:
            return case


def _put_back(case: Case) -> Case:
    state: State = "seconding" if case.proposed is not None else "open"
    return replace(case, state=state, holder="", until="")


class Queue:
    """An open queue. Used from one thread; several programs may use the file at once.

    create: whether to make the file where there is none. Raises StoreError and OutputError as `unforge.store` says.
    """

    def __init__(self, path: Path | str, *, create: bool = False, timeout_s: float = 10.0) -> None:
        self._store = store.Store(Path(path), _PLAN, create=create, timeout_s=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._store.close()

    # Decisions of the gateway

    def add(self, key: str, decision: Decision, when: datetime | None = None) -> Case:
        """Note a decision under a key, once: where the key is known, the case that is there comes back unchanged."""
        with self._store.writing():
            known = self._by_key(key)
            if known is not None:
                return known
            rows = self._store.rows("SELECT coalesce(max(number), 0) + 1 FROM cases")
            said = {"key": key, "decision": decision.to_dict()}
            entry = self._append(GATEWAY, "decided", int(rows[0][0]), said, when)
            case = case_of([entry])
            self._store.rows("INSERT INTO cases VALUES (?, ?, ?, ?, ?)", *_row(case))
            return case

    def known(self, key: str) -> Case | None:
        """The case of a key, if there is one."""
        return self._by_key(key)

    # People

    def claim(self, who: str, number: int | None = None, when: datetime | None = None) -> Case:
        """Take a case, by default the oldest that this person may decide, for an hour.

        Raises NotApplicable where there is none, or where somebody else has it.
        """
        person, now = _person(who), _now(when)
        with self._store.writing():
            waiting = [self.case(number)] if number is not None else self._waiting()
            free = [case for case in waiting if self._why_not(case, person, now) is None]
            if not free:
                why = self._why_not(waiting[0], person, now) if number is not None else "no case waits for this person"
                raise NotApplicable(f"claim: {why}")
            until = (now + CLAIM_LASTS).isoformat(timespec="seconds")
            return self._note(person, "claimed", free[0], {"until": until}, now)

    def release(self, who: str, number: int, when: datetime | None = None) -> Case:
        """Give a claimed case back undecided."""
        with self._store.writing():
            return self._note(_person(who), "released", self._held(who, number, _now(when)), {}, when)

    def decide(self, who: str, number: int, action: Action, reason: str, when: datetime | None = None) -> Case:
        """Decide a case that this person has claimed.

        Removing and reporting wait for a second person. A second person who gives the same action agrees, and the case
        is closed; with another action the case is open again for somebody else. reason: what the decision rests on.
        Raises NotApplicable where the case is not this person's, UsageError for `review` and for no reason.
        """
        _check(action, reason)
        with self._store.writing():
            case = self._held(who, number, _now(when))
            said = {"action": action, "reason": reason.strip()}
            if case.proposed is not None:
                what = "agreed" if action == case.proposed else "disagreed"
            else:
                what = "proposed" if action in RESTRICTING else "reviewed"
            return self._note(_person(who), what, case, said, when)

    def overrule(self, who: str, number: int, action: Action, reason: str, when: datetime | None = None) -> Case:
        """Decide otherwise about a case that is settled; removing and reporting wait for a second person.

        Raises NotApplicable for a case that is not settled, or that this person settled.
        """
        _check(action, reason)
        person = _person(who)
        with self._store.writing():
            case = self.case(number)
            if case.state not in ("closed", "decided"):
                raise NotApplicable(f"case {number} is {case.state}: only settled cases are overruled")
            if person in case.deciders:
                raise NotApplicable(f"case {number}: {person} has decided on it; somebody else must overrule")
            what = "proposed" if action in RESTRICTING else "overruled"
            return self._note(person, what, case, {"action": action, "reason": reason.strip()}, when)

    def appeal(self, number: int, words: str, who: str = "sender", when: datetime | None = None) -> Case:
        """The person concerned disagrees: the case is open for somebody who has not decided on it."""
        if not words.strip():
            raise UsageError("appeal: expected words of the person concerned, got none")
        with self._store.writing():
            case = self.case(number)
            if case.state not in ("closed", "decided"):
                raise NotApplicable(f"case {number} is {case.state}: it is being looked at already")
            if case.action not in APPEALABLE:
                raise NotApplicable(f"case {number}: {case.action} restricts nobody, so there is nothing to appeal")
            return self._note(_person(who), "appealed", case, {"words": words.strip()}, when)

    # Looking

    def case(self, number: int) -> Case:
        """A case by its number. Raises NotApplicable where there is none."""
        rows = self._store.rows("SELECT body FROM cases WHERE number = ?", number)
        if not rows:
            raise NotApplicable(f"expected the number of a case, one of 1 to {len(self)}; got {number}")
        return _read(rows[0][0])

    def cases(self, states: Sequence[State] = STATES) -> Iterator[Case]:
        """All cases in these states, the oldest first."""
        marks = ", ".join("?" * len(states))
        for row in self._store.rows(f"SELECT body FROM cases WHERE state IN ({marks}) ORDER BY number", *states):
            yield _read(row[0])

    def __len__(self) -> int:
        return int(self._store.rows("SELECT count(*) FROM cases")[0][0])

    def log(self, number: int | None = None) -> list[Entry]:
        """The log, or the part of one case."""
        where, values = ("", ()) if number is None else ("WHERE case_number = ?", (number,))
        rows = self._store.rows(f"SELECT * FROM log {where} ORDER BY number", *values)
        return [Entry(**{**dict(row), "said": json.loads(row["said"])}) for row in rows]

    def verify(self) -> list[str]:
        """What is wrong with the log, and where the cases differ from it; empty where all is well.

        Changed, missing and exchanged entries are found. Cut off at its end, a log looks whole: compare `head` with one
        that was noted elsewhere.
        """
        log = self.log()
        wrong, before = [], FIRST
        for n, entry in enumerate(log, 1):
            if entry.number != n:
                wrong.append(f"entry {n} is missing: the next one is {entry.number}")
                break
            if entry.before != before or entry.digest() != entry.sha256:
                wrong.append(f"entry {n} ({entry.what}, case {entry.case_number}) was changed, or what is before it")
            before = entry.sha256
        return wrong or list(self._differing(log))

    def head(self) -> str:
        """SHA-256 of the last entry: whoever notes it elsewhere can prove that nothing before it was changed."""
        rows = self._store.rows("SELECT sha256 FROM log ORDER BY number DESC LIMIT 1")
        return str(rows[0][0]) if rows else FIRST

    def _differing(self, log: Sequence[Entry]) -> Iterator[str]:
        by_case: dict[int, list[Entry]] = {}
        for entry in log:
            by_case.setdefault(entry.case_number, []).append(entry)
        kept = {case.number: case for case in self.cases()}
        for number in sorted({*by_case, *kept}):
            if number not in by_case or number not in kept or case_of(by_case[number]) != kept[number]:
                yield f"case {number} is not what the log says"

    # Writing; always within a transaction

    def _append(self, who: str, what: str, case: int, said: dict[str, Any], when: datetime | None) -> Entry:
        last = self._store.rows("SELECT number, sha256 FROM log ORDER BY number DESC LIMIT 1")
        number, before = (last[0][0] + 1, last[0][1]) if last else (1, FIRST)
        at = _now(when).isoformat(timespec="seconds")
        draft = Entry(number, at, who, what, case, json.loads(json.dumps(said)), before, "")
        entry = replace(draft, sha256=draft.digest())
        text = json.dumps(entry.said, ensure_ascii=False)
        self._store.rows(
            "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)", number, at, who, what, case, text, before, entry.sha256
        )
        return entry

    def _note(self, who: str, what: str, case: Case, said: dict[str, Any], when: datetime | None) -> Case:
        after = _after(case, self._append(who, what, case.number, said, when))
        number, _, state, action, body = _row(after)
        self._store.rows(
            "UPDATE cases SET state = ?, action = ?, body = ? WHERE number = ?", state, action, body, number
        )
        return after

    def _by_key(self, key: str) -> Case | None:
        rows = self._store.rows("SELECT body FROM cases WHERE key = ?", key)
        return _read(rows[0][0]) if rows else None

    def _waiting(self) -> list[Case]:
        return list(self.cases(("open", "claimed", "seconding")))

    def _why_not(self, case: Case, person: str, now: datetime) -> str | None:
        """Why this person may not take a case; None where there is no reason."""
        if case.state not in ("open", "claimed", "seconding"):
            return f"case {case.number} is {case.state}: nothing waits there"
        if case.holder and case.holder != person and now < datetime.fromisoformat(case.until):
            return f"case {case.number} is claimed by {case.holder} until {case.until}"
        if person in case.deciders:
            return f"case {case.number}: {person} has decided on it before; somebody else must look"
        return None

    def _held(self, who: str, number: int, now: datetime) -> Case:
        case = self.case(number)
        if case.state != "claimed" or case.holder != _person(who):
            raise NotApplicable(f"case {number} is not claimed by {who}; claim it first")
        if now >= datetime.fromisoformat(case.until):
            raise NotApplicable(f"the claim of {who} on case {number} ended at {case.until}; claim it again")
        return case


def _row(case: Case) -> tuple[int, str, str, str, str]:
    body = json.dumps(case.to_dict(), ensure_ascii=False)
    return case.number, case.key, case.state, case.action, body


def _read(body: str) -> Case:
    plain = json.loads(body)
    return Case(**{**plain, "deciders": tuple(plain["deciders"])})


def _check(action: Action, reason: str) -> None:
    if action not in ACTIONS or action == "review":
        choices = ", ".join(one for one in ACTIONS if one != "review")
        raise UsageError(f"action: expected one of {choices}; got {action!r}")
    if not reason.strip():
        raise UsageError("reason: expected what the decision rests on, got nothing")


def _person(who: str) -> str:
    name = " ".join(unicodedata.normalize("NFKC", who).casefold().split())  # Ann is not a second person beside ann
    if not name or name == GATEWAY:
        raise UsageError(f"expected the name of a person, got {who!r}")
    return name


def _now(when: datetime | None) -> datetime:
    return (datetime.now(UTC) if when is None else when.astimezone(UTC)).replace(microsecond=0)
