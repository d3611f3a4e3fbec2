"""The bank: hashes of what is known, with what it is, where that is known from, and who says so.

One SQLite file. Several programs may write at once; each write is one transaction, and what others have written is seen
at the next question. It holds no picture, and none can be made from it. What is taken out stays in its history.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from unforge import store
from unforge.errors import NotApplicable, UsageError
from unforge.moderate import exchange, fingerprint, pdq, variants
from unforge.moderate.exchange import Line
from unforge.moderate.fingerprint import Fingerprint, Look, Media
from unforge.moderate.index import Found, Index
from unforge.moderate.item import Item, Still
from unforge.moderate.variants import Reduced

_TABLES = f"""
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    media TEXT NOT NULL CHECK (media IN ('image', 'video', 'hash')),
    reason TEXT NOT NULL CHECK (reason <> ''),
    source TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    added_at TEXT NOT NULL,
    removed_at TEXT,
    removed_by TEXT,
    removed_because TEXT,
    CHECK ((removed_at IS NULL) = (removed_by IS NULL) AND (removed_at IS NULL) = (removed_because IS NULL))
);
CREATE UNIQUE INDEX entries_in_force ON entries (key) WHERE removed_at IS NULL;
CREATE TABLE looks (
    id INTEGER PRIMARY KEY,
    entry INTEGER NOT NULL REFERENCES entries,
    time_s REAL NOT NULL,
    quality INTEGER NOT NULL CHECK (quality BETWEEN 0 AND 100)
);
CREATE INDEX looks_of_an_entry ON looks (entry, time_s);
CREATE TABLE hashes (
    look INTEGER NOT NULL REFERENCES looks,
    kind TEXT NOT NULL CHECK (kind = 'pdq'),
    variant TEXT NOT NULL,
    data BLOB NOT NULL CHECK (length(data) = {pdq.BITS // 8}),
    PRIMARY KEY (look, kind, variant)
) WITHOUT ROWID;
CREATE TRIGGER entries_stay BEFORE DELETE ON entries BEGIN SELECT RAISE (ABORT, 'entries stay in the history'); END;
"""
_PLAN = store.Plan("a bank of hashes", 0x756E6662, 1, _TABLES, "add something known to make one")  # "unfb"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something known. reason: what it is. source: where that is known from. reviewer: who says so. at: UTC, ISO 8601.

    looks: how many pictures of it are hashed. removed_at, removed_by, removed_because: None while it is in force.
    """

    id: int
    sha256: str
    media: Media
    reason: str
    source: str
    reviewer: str
    added_at: str
    looks: int
    removed_at: str | None = None
    removed_by: str | None = None
    removed_because: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Added:
    """is_new: False where it was in the bank already, which stays as it is. flat: looks left out for their quality."""

    entry: Entry
    is_new: bool
    flat: int = 0


@dataclass(frozen=True, slots=True)
class Hit:
    """One look that shows something known.

    time_s: where in what was asked about. known_s: where in the known film, 0 in a picture. box_px: where in the
    displayed picture, None where it fills it. variant: what was compared. way: one of pdq.DIHEDRAL, what was done to
    the known one. turn_deg: and by how much it was turned then.
    """

    time_s: float
    known_s: float
    distance_bits: int
    limit_bits: int
    variant: str
    way: str
    turn_deg: float
    box_px: tuple[int, int, int, int] | None

    @property
    def share(self) -> float:
        """Of the limit: a match is 1 at most."""
        return self.distance_bits / self.limit_bits


@dataclass(frozen=True, slots=True)
class Match:
    """Something known that was found, or comes near.

    hits: the looks that show it, by time; without any it only comes near. share: of the looks asked about that show it.
    known_share: of its own looks that were found. nearest: the nearest look.
    """

    entry: Entry
    hits: tuple[Hit, ...]
    share: float
    known_share: float
    nearest: Hit


@dataclass(frozen=True, slots=True)
class Answer:
    """matches: what was found, the nearest first. near: the nearest that is no match. judged, flat: looks."""

    matches: tuple[Match, ...]
    near: Match | None
    judged: int
    flat: int


class Bank:
    """The bank in a file, open until `close` or the end of a `with` block. Used from one thread.

    create: whether to make the file where there is none. timeout_s: how long to wait for another writer.
    Raises StoreError for a file that is missing, no bank, of a newer schema, damaged, or busy for longer; every method
    may do so. OutputError where the file cannot be made.
    """

    def __init__(self, path: Path | str, *, create: bool = False, timeout_s: float = 5.0) -> None:
        self._store = store.Store(Path(path), _PLAN, create=create, timeout_s=timeout_s)
        self._writing = False
        self._loaded: _Loaded | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """How many entries are in force."""
        return int(self._store.rows("SELECT count(*) FROM entries WHERE removed_at IS NULL")[0][0])

    def close(self) -> None:
        self._store.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction for many additions: all of them, or none. Keeps other writers waiting."""
        if self._writing:
            yield
            return
        self._writing, self._loaded = True, None
        try:
            with self._store.writing():
                yield
        finally:
            self._writing, self._loaded = False, None

    def add_file(self, path: Path, reason: str, source: str, reviewer: str) -> Added:
        """Hash a picture or film and keep that.

        Raises MediaError for a file that cannot be read, NotApplicable where all of it is flat, UsageError.
        """
        return self.add(fingerprint.of_file(path), reason, source, reviewer)

    def add(self, of: Fingerprint, reason: str, source: str, reviewer: str) -> Added:
        """Keep a fingerprint; one of a file that is in force already changes nothing. Raises as `add_file`."""
        _said(reason=reason, source=source, reviewer=reviewer)
        if not of.looks:
            raise NotApplicable(
                f"not stored: the picture is flat; a hash needs a quality of {pdq.LEAST_QUALITY} of 100, or it would "
                "match other flat pictures"
            )
        key = of.sha256 or f"pdq:{of.looks[0].hashes[variants.WHOLE].hex()}"
        with self.writing():
            there = self._store.rows("SELECT id FROM entries WHERE key = ? AND removed_at IS NULL", key)
            if there:
                return Added(self.entry(int(there[0][0])), False, of.flat)
            rows = self._store.rows(
                "INSERT INTO entries (key, sha256, media, reason, source, reviewer, added_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
                *(key, of.sha256, of.media, reason, source, reviewer, _now()),
            )
            number = int(rows[0][0])
            for look in of.looks:
                self._keep(number, look)
            return Added(self.entry(number), True, of.flat)

    def remove(self, which: int | str, reason: str, reviewer: str) -> Entry:
        """Take out an entry, by its number or SHA-256; it stays in the history.

        Raises UsageError where it is not in force.
        """
        _said(reason=reason, reviewer=reviewer)
        column = "id" if isinstance(which, int) else "sha256"
        with self.writing():
            found = self._store.rows(
                f"UPDATE entries SET removed_at = ?, removed_by = ?, removed_because = ? "
                f"WHERE {column} = ? AND removed_at IS NULL RETURNING id",
                *(_now(), reviewer, reason, which),
            )
            if len(found) != 1:
                raise UsageError(f"bank: expected one entry in force, by its number or SHA-256; got {which!r}")
            return self.entry(int(found[0][0]))

    def entry(self, number: int) -> Entry:
        """One entry. Raises UsageError where there is none."""
        found = self._entries("WHERE id = ?", number)
        if not found:
            raise UsageError(f"bank: there is no entry {number}")
        return found[0]

    def entries(self, *, history: bool = False) -> list[Entry]:
        """Those in force, or with those taken out, in the order they came."""
        return self._entries("" if history else "WHERE removed_at IS NULL")

    def match_file(self, path: Path) -> Answer:
        """What of the bank a picture or film shows. Raises MediaError for a file that cannot be read."""
        return self.match(Item(path.name, path).stills)

    def match(self, stills: Sequence[Still]) -> Answer:
        """What of the bank some looks show."""
        seen = [(still, variants.reduced(still.rgb)) for still in stills]
        judged = [(still, of) for still, of in seen if max(one.quality for one in of) >= pdq.LEAST_QUALITY]
        loaded = self._load()
        hits: dict[int, list[Hit]] = {}
        for still, of in judged:
            for number, hit in loaded.hits(still, of):
                hits.setdefault(number, []).append(hit)
        matches = [self._match(number, of, len(judged)) for number, of in hits.items()]
        matches.sort(key=lambda one: (one.nearest.share, one.entry.id))
        found = tuple(one for one in matches if one.hits)
        near = next((one for one in matches if not one.hits), None)
        return Answer(found, near, len(judged), len(seen) - len(judged))

    def export(self) -> Iterator[str]:
        """What is in force, as JSON lines (see exchange.py)."""
        for entry in self.entries():
            for look in self._looks(entry.id):
                yield exchange.written(Line(look, entry.reason, entry.source, entry.media, entry.sha256))

    def import_lines(self, lines: Iterable[str], reviewer: str, source: str = "") -> tuple[int, int, int]:
        """Add what `export` wrote, or a list with `hash`, `quality` and `reason` a line; all of it or nothing.

        source: for lines that name none. Returns how many entries are new, were there, and were left out as flat.
        Raises SchemaError, naming the line; UsageError.
        """
        new = there = flat = 0
        with self.writing():
            for group in exchange.grouped(lines):
                looks = tuple(line.look for line in group if line.look.quality >= pdq.LEAST_QUALITY)
                if not looks:
                    flat += 1
                    continue
                first = group[0]
                of = Fingerprint(first.sha256, first.media, looks)
                added = self.add(of, first.reason, first.source or source, reviewer)
                new, there = new + added.is_new, there + (not added.is_new)
        return new, there, flat

    def _keep(self, entry: int, look: Look) -> None:
        rows = self._store.rows(
            "INSERT INTO looks (entry, time_s, quality) VALUES (?, ?, ?) RETURNING id",
            *(entry, look.time_s, look.quality),
        )
        for variant, data in look.hashes.items():
            self._store.rows("INSERT INTO hashes VALUES (?, 'pdq', ?, ?)", int(rows[0][0]), variant, data)

    def _entries(self, where: str, *values: object) -> list[Entry]:
        rows = self._store.rows(
            "SELECT id, sha256, media, reason, source, reviewer, added_at, "
            "(SELECT count(*) FROM looks WHERE looks.entry = entries.id) AS looks, "
            f"removed_at, removed_by, removed_because FROM entries {where} ORDER BY id",
            *values,
        )
        return [Entry(*row) for row in rows]

    def _looks(self, entry: int) -> list[Look]:
        rows = self._store.rows(
            "SELECT look, time_s, quality, variant, data FROM hashes JOIN looks ON looks.id = look "
            "WHERE entry = ? ORDER BY time_s, look, variant",
            entry,
        )
        looks: dict[int, Look] = {}
        for number, time_s, quality, variant, data in rows:
            looks.setdefault(number, Look(time_s, quality, {})).hashes[variant] = data
        return list(looks.values())

    def _match(self, number: int, hits: Sequence[Hit], judged: int) -> Match:
        entry = self.entry(number)
        nearest = min(hits, key=lambda hit: (hit.share, hit.time_s))
        found = tuple(sorted((hit for hit in hits if hit.share <= 1.0), key=lambda hit: (hit.time_s, hit.known_s)))
        share = len({hit.time_s for hit in found}) / judged
        known_share = len({hit.known_s for hit in found}) / entry.looks
        return Match(entry, found, share, known_share, nearest)

    def _load(self) -> "_Loaded":
        """What is in force, in memory; read anew when anybody has written."""
        version = int(self._store.rows("PRAGMA data_version")[0][0])
        if self._loaded is None or self._loaded.version != version or self._writing:
            self._loaded = _Loaded.of(self._store, version)
        return self._loaded


@dataclass(frozen=True, slots=True)
class _Loaded:
    """The hashes in force. looks: (entry, time_s) by the numbers that the index uses; variants: by its rows."""

    version: int
    index: Index
    looks: tuple[tuple[int, float], ...]
    variants: tuple[str, ...]

    @classmethod
    def of(cls, source: store.Store, version: int) -> Self:
        rows = source.rows(
            "SELECT entry, time_s, look, variant, data FROM hashes JOIN looks ON looks.id = look "
            "JOIN entries ON entries.id = entry WHERE removed_at IS NULL ORDER BY look, variant"
        )
        numbers: dict[int, int] = {}
        looks: list[tuple[int, float]] = []
        for row in rows:
            if row[2] not in numbers:
                numbers[row[2]] = len(looks)
                looks.append((row[0], row[1]))
        hashes = np.frombuffer(b"".join(row[4] for row in rows), np.uint8).reshape(-1, pdq.BITS // 8)
        pictures = np.array([numbers[row[2]] for row in rows], np.intp)
        names = tuple(row[3] for row in rows)
        return cls(version, Index(hashes, pictures, names), tuple(looks), names)

    def hits(self, still: Still, of: Sequence[Reduced]) -> Iterator[tuple[int, Hit]]:
        """By number of the entry: the nearest hit of each known look."""
        best: dict[int, tuple[Reduced, Found]] = {}
        for one in of:
            for found in self.index.near(one):
                if found.picture not in best or found.share < best[found.picture][1].share:
                    best[found.picture] = one, found
        for picture, (one, found) in best.items():
            entry, known_s = self.looks[picture]
            yield entry, self._hit(still, one, found, known_s)

    def _hit(self, still: Still, of: Reduced, found: Found, known_s: float) -> Hit:
        return Hit(
            still.time_s,
            known_s,
            found.distance_bits,
            found.limit_bits,
            self.variants[found.row],
            found.way,
            round(found.window.turn_deg, 1),
            _box_px(still, of, found),
        )


def open(path: Path | str, *, create: bool = False) -> Bank:
    """The bank in a file; see Bank."""
    return Bank(path, create=create)


def _box_px(still: Still, of: Reduced, found: Found) -> tuple[int, int, int, int] | None:
    """Where the compared part lies in the displayed picture; None where that is all of it."""
    height, width = still.rgb.shape[:2]
    left, top, right, bottom = of.box
    window = found.window
    xs = np.clip([left + (right - left) * x for x in (window.left, window.right)], 0.0, 1.0) * width
    ys = np.clip([top + (bottom - top) * y for y in (window.top, window.bottom)], 0.0, 1.0) * height
    box = float(xs[0]), float(ys[0]), float(xs[1]), float(ys[1])
    return None if box == (0.0, 0.0, width, height) else still.box_px(*box)


def _said(**texts: str) -> None:
    for name, text in texts.items():
        if not text.strip():
            raise UsageError(f"bank: expected a {name} in words, got {text!r}")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
