"""The file of a registry: its tables, opened or made, and transactions on it."""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from unforge.errors import OutputError, StoreError, UsageError
from unforge.trace.payload import MACHINE_BITS, PLACE_BITS, TOKEN_BITS

SCHEMA = 1

_APPLICATION = 0x756E6674  # "unft", which tells a registry from other SQLite files
_TABLES = f"""
BEGIN;
CREATE TABLE places (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND {(1 << PLACE_BITS) - 1}),
    name TEXT NOT NULL UNIQUE
);
INSERT INTO places VALUES (0, '');
CREATE TABLE machines (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND {(1 << MACHINE_BITS) - 1}),
    name TEXT NOT NULL,
    user TEXT NOT NULL,
    place INTEGER NOT NULL REFERENCES places,
    app TEXT NOT NULL,
    since TEXT NOT NULL,
    until TEXT,
    revoked_at TEXT
);
CREATE TABLE runs (
    machine INTEGER NOT NULL REFERENCES machines,
    place INTEGER NOT NULL REFERENCES places,
    key_id TEXT NOT NULL,
    first_slot INTEGER NOT NULL,
    last_slot INTEGER NOT NULL CHECK (last_slot >= first_slot)
);
CREATE INDEX runs_of_a_machine ON runs (machine, last_slot);
CREATE INDEX runs_by_time ON runs (last_slot, first_slot);
CREATE TABLE tokens (
    token INTEGER PRIMARY KEY CHECK (token BETWEEN 0 AND {(1 << TOKEN_BITS) - 1}),
    machine INTEGER NOT NULL REFERENCES machines,
    key_id TEXT NOT NULL,
    start TEXT NOT NULL,
    "end" TEXT NOT NULL
);
CREATE INDEX tokens_by_time ON tokens ("end", start);
CREATE TABLE lookups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    photo_sha256 TEXT NOT NULL,
    outcome TEXT NOT NULL
);
CREATE TRIGGER lookups_stay BEFORE DELETE ON lookups BEGIN SELECT RAISE (ABORT, 'lookups are never removed'); END;
CREATE TRIGGER lookups_hold BEFORE UPDATE ON lookups BEGIN SELECT RAISE (ABORT, 'lookups are never changed'); END;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {SCHEMA};
COMMIT;
"""

Row = sqlite3.Row


class Store:
    """An open registry file. Used from one thread.

    create: whether to make the file where there is none. timeout_s: how long to wait for another writer.
    Raises StoreError for a file that is missing, no registry, of a newer schema, damaged, or busy for longer; `rows`
    and `writing` may, too. OutputError where the file cannot be made.
    """

    def __init__(self, path: Path, *, create: bool, timeout_s: float) -> None:
        self.path = path
        if not path.exists():
            if not create:
                raise StoreError(f"expected a registry, but there is no file {path}; add a machine to make one")
            _make(path)
        with self._told():
            address = path.resolve().as_uri() + "?mode=rw"
            self._connection = sqlite3.connect(address, timeout=timeout_s, isolation_level=None, uri=True)
        try:
            self._check()
        except StoreError:
            self.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def rows(self, command: str, *values: object) -> list[Row]:
        """What a command gives."""
        with self._told(), closing(self._connection.cursor()) as cursor:
            cursor.row_factory = Row
            return cursor.execute(command, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All or nothing. The lock is taken at the start: what is read here is still true when it is written."""
        self.rows("BEGIN IMMEDIATE")
        try:
            yield
            self.rows("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self.rows("ROLLBACK")
            raise

    def _check(self) -> None:
        application, schema = (self.rows(f"PRAGMA {name}")[0][0] for name in ("application_id", "user_version"))
        if application != _APPLICATION:
            raise StoreError(f"{self.path}: expected a registry, got another file")
        if schema > SCHEMA:
            raise StoreError(f"{self.path}: expected a registry of schema {SCHEMA}, got {schema}; use a newer unforge")
        self.rows("PRAGMA foreign_keys = ON")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the database in words of ours."""
        try:
            yield
        except sqlite3.Error as error:
            busy = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
            why = "another program is writing; try again" if busy else error
            raise StoreError(f"cannot use the registry {self.path}: {why}") from error
        except (OverflowError, UnicodeEncodeError) as error:
            raise UsageError(f"expected numbers and texts that a registry can hold: {error}") from error


def _make(path: Path) -> None:
    """A new registry appears whole or not at all, and never takes the place of one that somebody else just made."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(draft)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")  # kept in the file; readers then never wait
            connection.executescript(_TABLES)
        with suppress(FileExistsError):
            os.link(draft, path)
    except (OSError, sqlite3.Error) as error:
        raise OutputError(f"cannot make the registry {path}: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
