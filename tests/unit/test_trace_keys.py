"""Keys: secrets that do not show themselves, and a ring that never loses one."""

import copy
import dataclasses
import json
import logging
import os
import pickle
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from unforge.errors import OutputError, StoreError, UnknownName, UsageError
from unforge.trace import keys
from unforge.trace.keys import KeyRing, Secret

NOW = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
DAY = timedelta(days=1)
VALUE = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ring.json"


def test_expansion_is_that_of_the_standard() -> None:
    """RFC 5869, appendix A.1."""
    prk = bytes.fromhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
    expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    assert Secret(prk).expand(bytes.fromhex("f0f1f2f3f4f5f6f7f8f9"), 42).reveal().hex() == expected


@pytest.mark.parametrize("n_bytes", [0, 8161])
def test_no_more_is_expanded_than_the_standard_allows(n_bytes: int) -> None:
    with pytest.raises(UsageError, match="8160"):
        Secret(VALUE).expand("label", n_bytes)


def test_a_secret_is_not_shown_however_it_is_printed(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(VALUE)
    logging.getLogger("unforge").warning("key %s %r", secret, {"secret": secret})
    shown = f"{secret} {secret!r} {secret!s} {[secret]} {caplog.text}"
    assert "Secret(****)" in shown
    assert VALUE.hex() not in shown
    assert repr(VALUE) not in shown
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, bytes, hash])
def test_a_secret_does_not_leave_by_accident(leave) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TypeError) as told:
        leave(Secret(VALUE))
    assert repr(VALUE) not in str(told.value)


def test_secrets_are_equal_by_value() -> None:
    assert Secret(VALUE) == Secret(bytes(VALUE))
    assert Secret(VALUE) != Secret(VALUE[::-1])
    assert Secret(VALUE) != VALUE


def test_a_ring_shows_ids_and_no_secret(path: Path) -> None:
    ring = keys.generate(path, NOW)
    shown = repr(ring)
    assert ring.keys[0].id in shown
    assert ring.site.reveal().hex() not in shown
    assert repr(ring.site.reveal()) not in shown
    with pytest.raises(TypeError):
        dataclasses.asdict(ring)
    with pytest.raises(TypeError):
        pickle.dumps(ring)


def test_what_is_written_is_read_back(path: Path) -> None:
    keys.generate(path, NOW, note="first")
    ring = keys.change(path, lambda ring: ring.rotated(NOW + DAY, note="零二"))
    ring = keys.change(path, lambda ring: ring.revoked(ring.keys[0].id, NOW + 2 * DAY))
    assert keys.load(path) == ring
    assert [key.note for key in ring.keys] == ["first", "零二"]
    assert json.loads(path.read_bytes())["keys"][0]["created"] == "2026-03-01T08:30:00Z"


def test_the_file_is_open_to_its_owner_alone(path: Path) -> None:
    keys.generate(path)
    keys.change(path, KeyRing.rotated)
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o640)
        with pytest.raises(StoreError, match="640"):
            keys.load(path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_ring_is_never_written_over(path: Path) -> None:
    keys.generate(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="exists"):
        keys.generate(path)
    assert path.read_bytes() == before


def test_two_changes_at_once_lose_no_key(path: Path) -> None:
    keys.generate(path)

    def change_while_changing(ring: KeyRing) -> KeyRing:
        with pytest.raises(StoreError, match="being changed"):
            keys.change(path, KeyRing.rotated)
        return ring.rotated()

    keys.change(path, change_while_changing)
    assert len(keys.change(path, KeyRing.rotated).keys) == 3


def test_a_change_that_fails_leaves_the_ring_as_it_was(path: Path) -> None:
    keys.generate(path)
    before = path.read_bytes()
    with pytest.raises(UnknownName):
        keys.change(path, lambda ring: ring.revoked("none"))
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_newest_key_marks_and_the_others_stay_for_reading(path: Path) -> None:
    first = keys.generate(path, NOW)
    later = first.rotated(NOW + DAY, not_before=NOW + 2 * DAY)
    old, new = later.keys
    assert later.current(NOW + DAY) == old
    assert later.current(NOW + 2 * DAY) == new
    assert later.readable() == (new, old)
    assert later.key(old.id) == old


def test_of_keys_that_begin_together_the_one_added_last_marks(path: Path) -> None:
    ring = keys.generate(path, NOW).rotated(NOW)
    assert ring.current(NOW) == ring.keys[1]


def test_a_revoked_key_never_marks_but_still_reads(path: Path) -> None:
    ring = keys.generate(path, NOW).rotated(NOW + DAY)
    old, new = ring.keys
    ring = ring.revoked(new.id, NOW + DAY)
    assert ring.current(NOW + 2 * DAY) == old
    assert [key.revoked_at for key in ring.readable()] == [NOW + DAY, None]
    with pytest.raises(UsageError, match="has been revoked"):
        ring.revoked(new.id)
    with pytest.raises(StoreError, match="rotate"):
        ring.revoked(old.id).current(NOW + 2 * DAY)


def test_no_key_marks_before_it_begins(path: Path) -> None:
    with pytest.raises(StoreError, match="2026-02-28"):
        keys.generate(path, NOW).current(NOW - DAY)


def test_an_unknown_key_lists_the_choices(path: Path) -> None:
    ring = keys.generate(path)
    with pytest.raises(UnknownName, match=ring.keys[0].id):
        ring.key("nothing")


def test_a_time_without_a_zone_is_refused(path: Path) -> None:
    with pytest.raises(UsageError, match="zone"):
        keys.generate(path, NOW.replace(tzinfo=None))
    assert not path.exists()


def test_the_pilot_stays_with_the_site_and_the_rest_goes_with_the_key(path: Path) -> None:
    ring = keys.generate(path)
    rotated = ring.rotated()
    assert rotated.pilot_seed() == ring.pilot_seed()
    assert rotated.permutation_seed() == ring.permutation_seed()
    old, new = rotated.keys
    derived = [old.tag, old.whitening, new.tag, new.whitening, ring.pilot_seed(), ring.permutation_seed()]
    derived += [ring.pilot_seed("2026-03"), ring.pilot_seed("2026-04"), ring.permutation_seed("2026-03")]
    assert len({secret.reveal() for secret in derived}) == len(derived)


@pytest.mark.parametrize("month", ["2026-13", "2026-3", "March", "2026-03 "])
def test_a_month_is_written_in_one_way(path: Path, month: str) -> None:
    with pytest.raises(UsageError, match="2026-03"):
        keys.generate(path).pilot_seed(month)


def damaged(content: dict) -> list[tuple[bytes, str]]:  # type: ignore[type-arg]
    """Contents that are no ring, each with a word of what is said about it."""
    key = content["keys"][0]
    return [
        (b"", "no JSON"),
        (b"\xff\x00", "no JSON"),
        (json.dumps(content).encode()[:-3], "no JSON"),
        (b"[]", "another file"),
        (json.dumps(content | {"schema": "unforge.keyring/2"}).encode(), "newer"),
        (json.dumps(content | {"site": "00"}).encode(), "damaged"),
        (json.dumps(content | {"keys": [key | {"secret": key["secret"][:-1]}]}).encode(), "damaged"),
        (json.dumps(content | {"keys": [key | {"created": 7}]}).encode(), "damaged"),
        (json.dumps(content | {"keys": [key, key]}).encode(), "damaged"),
    ]


@pytest.mark.parametrize("case", range(9))
def test_a_damaged_ring_is_told_without_its_secrets(path: Path, case: int) -> None:
    keys.generate(path)
    content = json.loads(path.read_bytes())
    path.write_bytes(damaged(content)[case][0])
    with pytest.raises(StoreError, match=damaged(content)[case][1]) as told:
        keys.load(path)
    error = told.value
    assert error.__cause__ is None
    assert error.__context__ is None
    story = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    own = story[story.rindex("keys.py") :]
    assert content["site"] not in own
    assert content["keys"][0]["secret"] not in own


def test_a_missing_ring_and_a_missing_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        keys.load(tmp_path / "none.json")
    with pytest.raises(OutputError):
        keys.generate(tmp_path / "no folder" / "ring.json")
