"""A SQLite file of ours: opened or made, and transactions on it."""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from unforge.errors import OutputError, StoreError, UsageError

Row = sqlite3.Row


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file holds.

    kind: its name in messages, with its article, e.g. "a registry". application: the number that tells it from other
    SQLite files. schema: the newest that is known. tables: SQL that makes them. advice: what to do where there is no
    file.
    """

    kind: str
    application: int
    schema: int
    tables: str
    advice: str


class Store:
    """An open file. Used from one thread.

    create: whether to make the file where there is none. timeout_s: how long to wait for another writer.
    Raises StoreError for a file that is missing, of another kind, of a newer schema, damaged, or busy for longer;
    `rows` and `writing` may, too. OutputError where the file cannot be made.
    """

    def __init__(self, path: Path, plan: Plan, *, create: bool, timeout_s: float) -> None:
        self.path, self._plan = path, plan
        if not path.exists():
            if not create:
                raise StoreError(f"expected {plan.kind}, but there is no file {path}; {plan.advice}")
            _make(path, plan)
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
        plan = self._plan
        if application != plan.application:
            raise StoreError(f"{self.path}: expected {plan.kind}, got another file")
        if schema > plan.schema:
            wanted = f"{plan.kind} of schema {plan.schema}"
            raise StoreError(f"{self.path}: expected {wanted}, got {schema}; use a newer unforge")
        self.rows("PRAGMA foreign_keys = ON")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the database in words of ours."""
        try:
            yield
        except sqlite3.Error as error:
            busy = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
            why = "another program is writing; try again" if busy else error
            raise StoreError(f"cannot use {self._plan.kind} at {self.path}: {why}") from error
        except (OverflowError, UnicodeEncodeError) as error:
            raise UsageError(f"expected numbers and texts that {self._plan.kind} can hold: {error}") from error


def _make(path: Path, plan: Plan) -> None:
    """A new file appears whole or not at all, and never takes the place of one that somebody else just made."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(draft)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")  # kept in the file; readers then never wait
            connection.executescript(
                f"BEGIN; {plan.tables} PRAGMA application_id = {plan.application}; "
                f"PRAGMA user_version = {plan.schema}; COMMIT;"
            )
        with suppress(FileExistsError):
            os.link(draft, path)
    except (OSError, sqlite3.Error) as error:
        raise OutputError(f"cannot make {plan.kind} at {path}: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
