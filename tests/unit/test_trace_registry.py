"""The registry: who showed what, when; nothing half done, and nothing forgotten."""

import json
import multiprocessing
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unforge.errors import OutputError, StoreError, UsageError
from unforge.trace.payload import SLOT, TOKEN_SPAN, MachinePayload, TokenPayload, of_machine, of_token
from unforge.trace.registry import Registry, Shown

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = "0a1b2c3d"
SHA256 = "ab" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


@pytest.fixture
def registry(path: Path):  # type: ignore[no-untyped-def]
    with Registry(path, create=True) as opened:
        opened.add_place("Shanghai, floor 3")
        opened.add_machine("pc-1", user="Li", place=1, app="browser", since=START)
        yield opened


def test_what_was_added_is_listed_when_it_is_opened_again(registry: Registry, path: Path) -> None:
    registry.add_machine("pc-2", place="Shanghai, floor 3", since=START, until=START + HOUR, machine_id=2**24 - 1)
    registry.close()
    with Registry(path) as again:
        first, last = again.machines()
        assert [place.name for place in again.places()] == ["Shanghai, floor 3"]
    assert (first.id, first.name, first.user, first.place, first.app) == (1, "pc-1", "Li", 1, "browser")
    assert (first.since, first.until, first.revoked_at) == (START, None, None)
    assert (last.id, last.place, last.until) == (2**24 - 1, 1, START + HOUR)


def test_times_are_kept_in_utc_and_iso_8601(registry: Registry, path: Path) -> None:
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("SELECT since FROM machines").fetchall() == [("2026-03-01T08:00:00Z",)]
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"name": " "}, "name"),
        ({"name": "x", "machine_id": 1}, "1 is taken"),
        ({"name": "x", "machine_id": 0}, "expected 1 to 16777215"),
        ({"name": "x", "machine_id": 2**24}, "expected 1 to 16777215"),
        ({"name": "x", "place": 9}, "add it first"),
        ({"name": "x", "place": "nowhere"}, "add it first"),
        ({"name": "x", "place": 10**30}, "hold"),
        ({"name": "\ud800"}, "hold"),
        ({"name": "x", "until": START, "since": START}, "until"),
        ({"name": "x", "since": datetime(2026, 1, 1)}, "zone"),
    ],
)
def test_a_machine_that_makes_no_sense_is_refused(registry: Registry, wrong: dict, word: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(UsageError, match=word):
        registry.add_machine(**wrong)
    assert len(registry.machines()) == 1


@pytest.mark.parametrize(
    ("name", "place_id"), [("Shanghai, floor 3", None), ("", None), ("7", None), ("x", 4096), ("x", 0), ("x", 1)]
)
def test_a_place_that_makes_no_sense_is_refused(registry: Registry, name: str, place_id: int | None) -> None:
    with pytest.raises(UsageError):
        registry.add_place(name, place_id=place_id)
    assert len(registry.places()) == 1


# Who a mark leads to


def test_a_mark_shown_while_the_overlay_ran_is_known(registry: Registry) -> None:
    registry.heartbeat(1, KEY, START + SLOT)
    owner = registry.owner(of_machine(1, START + 1.5 * SLOT, place=1), KEY)
    assert owner.status == "known"
    assert owner.machine == registry.machine(1)
    assert (owner.place, owner.starts_at) == ("Shanghai, floor 3", START + SLOT)


@pytest.mark.parametrize(
    ("payload", "status", "word"),
    [
        (of_machine(2, START, place=1), "unknown", "no machine 2"),
        (of_machine(1, START + SLOT, place=1), "not_running", "did not run"),
        (of_machine(1, START, place=2), "not_running", "place"),
        (TokenPayload(5, 5), "unknown", "no such token"),
    ],
)
def test_a_mark_that_nobody_can_have_shown_is_told(
    registry: Registry, payload: MachinePayload | TokenPayload, status: str, word: str
) -> None:
    registry.heartbeat(1, KEY, START)
    owner = registry.owner(payload)
    assert owner.status == status
    assert word in owner.note


def test_a_mark_under_another_key_than_the_overlay_had_is_told(registry: Registry) -> None:
    registry.heartbeat(1, KEY, START)
    owner = registry.owner(of_machine(1, START, place=1), "ffffffff")
    assert owner.status == "not_running"
    assert KEY in owner.note
    assert "ffffffff" in owner.note


def test_a_revoked_machine_is_believed_until_it_was_revoked(registry: Registry) -> None:
    registry.heartbeat(1, KEY, START, until=START + HOUR)
    revoked = registry.revoke(1, START + HOUR)
    assert revoked.revoked_at == START + HOUR
    assert registry.owner(of_machine(1, START, place=1)).status == "known"
    assert registry.owner(of_machine(1, START + HOUR, place=1)).status == "revoked"
    with pytest.raises(UsageError, match="has been revoked"):
        registry.revoke(1)
    with pytest.raises(UsageError, match="time of its use"):
        registry.heartbeat(1, KEY, START + 2 * HOUR)


def test_only_machines_of_the_registry_can_be_revoked_or_run(registry: Registry) -> None:
    for use in (lambda: registry.revoke(9), lambda: registry.heartbeat(9, KEY, START)):
        with pytest.raises(UsageError, match="got 9"):
            use()


def test_an_overlay_does_not_run_before_its_machine_is_in_use_or_backwards(registry: Registry) -> None:
    with pytest.raises(UsageError, match="time of its use"):
        registry.heartbeat(1, KEY, START - HOUR)
    with pytest.raises(UsageError, match="until"):
        registry.heartbeat(1, KEY, START + HOUR, until=START)


def test_a_token_leads_to_its_machine_in_its_hours(registry: Registry) -> None:
    token = registry.issue_token(1, KEY, START + HOUR / 2, START + 3 * HOUR)
    inside = registry.owner(of_token(token.token, START + 2.5 * HOUR), KEY)
    assert (inside.status, inside.starts_at) == ("known", START + 2 * HOUR)
    assert inside.machine == registry.machine(1)
    assert registry.owner(of_token(token.token, START + 3 * HOUR)).status == "not_running"
    assert registry.owner(of_token(token.token, START - HOUR)).status == "not_running"
    assert registry.owner(of_token(token.token, START + HOUR), "ffffffff").status == "not_running"
    registry.revoke(1, START + 2 * HOUR)
    assert registry.owner(of_token(token.token, START + 2 * HOUR)).status == "revoked"


def test_a_token_is_not_given_out_for_longer_than_its_hour_can_tell(registry: Registry) -> None:
    registry.issue_token(1, KEY, START, START + TOKEN_SPAN)
    for end in (START, START + TOKEN_SPAN + HOUR):
        with pytest.raises(UsageError, match="511 hours"):
            registry.issue_token(1, KEY, START, end)


# What could be seen


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3), st.sampled_from("ab")), max_size=12))
def test_heartbeats_become_intervals_and_lose_no_slot(tmp_path_factory, beats: list[tuple[int, int, str]]) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("registry") / "registry.db"
    with Registry(path, create=True) as registry:
        registry.add_machine("pc", since=START)
        for first, length, key_id in beats:
            registry.heartbeat(1, key_id, START + first * SLOT, until=START + (first + length) * SLOT)
        seen = list(registry.live(START, START + 30 * SLOT))
    expected = {(n, key_id) for first, length, key_id in beats for n in range(first, first + length + 1)}
    assert len(seen) == len(expected)
    assert set(seen) == {Shown(of_machine(1, START + n * SLOT), key_id) for n, key_id in expected}
    with closing(sqlite3.connect(path)) as plain:
        runs = plain.execute("SELECT key_id, first_slot, last_slot FROM runs ORDER BY 1, 2").fetchall()
    apart = [b[1] - a[2] for a, b in pairwise(runs) if a[0] == b[0]]
    assert all(gap > 1 for gap in apart)


def test_only_what_was_shown_in_the_span_is_live(registry: Registry) -> None:
    registry.heartbeat(1, KEY, START, until=START + 2 * HOUR)
    token = registry.issue_token(1, "second", START + HOUR, START + 4 * HOUR)
    seen = list(registry.live(START + HOUR, START + HOUR + 2 * SLOT))
    assert seen == [
        Shown(of_machine(1, START + HOUR, place=1), KEY),
        Shown(of_machine(1, START + HOUR + SLOT, place=1), KEY),
        Shown(of_token(token.token, START + HOUR), "second"),
    ]
    assert list(registry.live(START + 5 * HOUR, START + 6 * HOUR)) == []
    assert all(registry.owner(shown.payload, shown.key_id).status == "known" for shown in seen)
    with pytest.raises(UsageError, match="end after"):
        registry.live(START, START)


# Import


def test_a_list_of_machines_is_imported(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(
        "name,id,user,place,since,until\n"
        'pc-7,7,王芳,"Shanghai, floor 3",2026-03-01T16:00:00+08:00,\n'
        "pc-8,,,1,,2999-01-01T00:00:00Z\n",
        "utf-8-sig",
    )
    seventh, eighth = registry.import_machines(tmp_path / "m.csv")
    assert (seventh.id, seventh.user, seventh.place, seventh.since) == (7, "王芳", 1, START)
    assert (eighth.id, eighth.place) == (8, 1)
    (tmp_path / "m.jsonl").write_text('{"name": "pc-9", "id": 9}\n\n{"name": "a\u2028b", "place": null}\n', "utf-8")
    assert [machine.id for machine in registry.import_machines(tmp_path / "m.jsonl")] == [9, 10]
    assert registry.machines()[1:3] == (seventh, eighth)


def test_one_bad_line_and_nothing_is_imported(registry: Registry, tmp_path: Path) -> None:
    lines = [
        {"name": "good"},
        {"name": "taken", "id": 1},
        {"name": "again", "id": 2},
        {"name": ""},
        {"name": "x", "place": "Atlantis"},
        {"name": "x", "since": "yesterday"},
        {"name": "x", "id": "2.5"},
        {"name": "x", "id": "9" * 5000},
        {"name": "x", "colour": "red"},
        {"name": "x", "user": ["a"]},
        ["x"],
    ]
    written = "\n".join(json.dumps(line) for line in lines) + '\n{"name": \n' + "[" * 100_000
    (tmp_path / "m.jsonl").write_text(written)
    with pytest.raises(UsageError) as told:
        registry.import_machines(tmp_path / "m.jsonl")
    heading, *problems = str(told.value).split("\n")
    assert "nothing was added; lines to correct: 12" in heading
    assert [problem.split(":")[0] for problem in problems] == [f"line {n}" for n in range(2, 14)]
    for word, problem in zip(
        ["1 is taken", "2 is taken", "name", "Atlantis", "yesterday", "2.5", "999", "colour", "user", "object"],
        problems,
        strict=False,
    ):
        assert word in problem
    assert len(registry.machines()) == 1


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("m.csv", b"name,id\npc\n", "line 2: expected as many fields"),
        ("m.csv", b"name,id\npc,5,6\n", "line 2: expected as many fields"),
        ("m.csv", b'name\n"pc', "line 2: unexpected end"),
        ("m.csv", b"name\n\xff\n", "UTF-8"),
        ("m.csv", b"", "one machine or more"),
        ("m.xlsx", b"", r"\.csv or \.jsonl"),
        ("none/m.csv", None, "cannot read"),
    ],
)
def test_a_list_that_cannot_be_read_is_told(
    registry: Registry, tmp_path: Path, name: str, content: bytes | None, word: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=word):
        registry.import_machines(tmp_path / name)
    assert len(registry.machines()) == 1


def test_many_bad_lines_are_counted_and_not_all_shown(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("name\n" + '" "\n' * 50)
    with pytest.raises(UsageError, match=r"correct: 50[\s\S]*and 30 more$"):
        registry.import_machines(tmp_path / "m.csv")


# Who asked


def test_the_log_of_lookups_only_grows(registry: Registry, path: Path) -> None:
    first = registry.log(SHA256, "confirmed: machine 1", who="security desk", at=START)
    second = registry.log(SHA256, "none", at=START + HOUR)
    assert registry.lookups() == (first, second)
    assert (first.who, first.at, first.photo_sha256, second.who) == ("security desk", START, SHA256, "")
    with closing(sqlite3.connect(path)) as plain:
        for command in ("DELETE FROM lookups", "UPDATE lookups SET who = 'nobody'"):
            with pytest.raises(sqlite3.IntegrityError, match="never"):
                plain.execute(command)


@pytest.mark.parametrize("sha256", ["", "AB" * 32, "xy" * 32, "ab" * 31])
def test_a_lookup_names_its_photograph(registry: Registry, sha256: str) -> None:
    with pytest.raises(UsageError, match="photo_sha256"):
        registry.log(sha256, "none")


# The file


def test_a_missing_registry_is_told_and_not_made(path: Path) -> None:
    with pytest.raises(StoreError, match="no file"):
        Registry(path)
    assert not path.exists()
    with pytest.raises(OutputError):
        Registry(path.parent / "no folder" / "registry.db", create=True)


def test_a_new_registry_is_one_file_open_to_its_owner_alone(path: Path) -> None:
    Registry(path, create=True).close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"no database at all, " * 100, b"SQLite format 3\0" + b"\xff" * 500])
def test_a_file_that_is_no_registry_is_told_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"registry\.db"):
        Registry(path, create=True)
    assert path.read_bytes() == content


def test_another_database_and_a_newer_schema_are_told(registry: Registry, path: Path) -> None:
    registry.close()
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("PRAGMA user_version = 2")
    with pytest.raises(StoreError, match="newer unforge"):
        Registry(path)
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("PRAGMA application_id = 1")
    with pytest.raises(StoreError, match="another file"):
        Registry(path)


def test_a_registry_that_is_being_written_is_told_after_a_while(registry: Registry, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other, Registry(path, timeout_s=0.05) as hasty:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="try again"):
            hasty.add_machine("pc-2")
        assert len(hasty.machines()) == 1
        other.execute("ROLLBACK")
        hasty.add_machine("pc-2")


def test_a_closed_registry_is_told(registry: Registry) -> None:
    registry.close()
    with pytest.raises(StoreError, match="closed"):
        registry.machines()


def add_some(path: Path, name: str) -> None:
    with Registry(path, create=True, timeout_s=30.0) as registry:
        for n in range(10):
            machine = registry.add_machine(f"{name}-{n}", since=START)
            registry.heartbeat(machine.id, KEY, START)


def test_programs_that_write_at_once_lose_nothing(path: Path) -> None:
    """They also race to make the file."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=add_some, args=(path, name)) for name in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    with Registry(path) as registry:
        assert [machine.id for machine in registry.machines()] == list(range(1, 31))
        assert len(list(registry.live(START, START + SLOT))) == 30
