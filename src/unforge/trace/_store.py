"""The tables of a registry."""

from pathlib import Path

from unforge import store
from unforge.store import Row as Row
from unforge.trace.payload import MACHINE_BITS, PLACE_BITS, TOKEN_BITS

SCHEMA = 1

_TABLES = f"""
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
"""
_PLAN = store.Plan("a registry", 0x756E6674, SCHEMA, _TABLES, "add a machine to make one")  # "unft"


class Store(store.Store):
    """An open registry file; see `unforge.store`."""

    def __init__(self, path: Path, *, create: bool, timeout_s: float) -> None:
        super().__init__(path, _PLAN, create=create, timeout_s=timeout_s)
