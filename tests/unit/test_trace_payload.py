"""Payloads: what is said is read back, and nothing else is believed."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unforge.errors import ShapeError, UsageError
from unforge.trace import ecc, payload
from unforge.trace.keys import Key, KeyRing, Secret
from unforge.trace.payload import MachinePayload, Payload, TokenPayload

NOW = datetime(2026, 3, 1, 8, 34, 59, tzinfo=UTC)


def key(name: str) -> Key:
    return Key(name, Secret(name.encode().ljust(32, b".")), NOW, NOW)


KEY, OTHER = key("one"), key("two")
MACHINES = st.builds(MachinePayload, st.integers(0, 2**24 - 1), st.integers(0, 2**12 - 1), st.integers(0, 2**21 - 1))
TOKENS = st.builds(TokenPayload, st.integers(0, 2**48 - 1), st.integers(0, 2**9 - 1))


@given(MACHINES | TOKENS)
def test_what_is_said_is_read_back(said: Payload) -> None:
    bits = payload.encode(said, KEY)
    assert bits.shape == (payload.N_BITS,)
    assert bits.dtype == np.uint8
    assert payload.decode(bits, KEY) == said
    assert payload.decode(bits.astype(bool), KEY) == said


@settings(derandomize=True)
@given(MACHINES | TOKENS)
def test_another_key_reads_nothing(said: Payload) -> None:
    """Chance would take one in a million, so the examples are always the same."""
    assert payload.decode(payload.encode(said, KEY), OTHER) is None


@settings(derandomize=True)
@given(MACHINES | TOKENS, st.sets(st.integers(0, 79), min_size=1, max_size=3))
def test_a_few_altered_bits_are_noticed(said: Payload, places: set[int]) -> None:
    bits = payload.encode(said, KEY)
    bits[list(places)] ^= 1
    assert payload.decode(bits, KEY) is None


def test_the_layout_stays_what_it_is() -> None:
    """Marks on photographs outlive releases."""
    first = payload.encode(MachinePayload(0xABCDEF, 0x123, 0x1FEDC), KEY)
    second = payload.encode(TokenPayload(0x123456789ABC, 0x155), KEY)
    assert np.packbits(first).tobytes().hex() == "6533f2e6c926b52e8142"
    assert np.packbits(second).tobytes().hex() == "5db57b1e61ded5462485"


def test_marks_of_neighbours_have_nothing_in_common() -> None:
    """Else the mark of one machine would look like that of another in the same ten minutes."""
    first = ecc.encode(payload.encode(MachinePayload(5, 3, 1000), KEY))
    beside = [MachinePayload(5 + n, 3, 1000) for n in range(1, 200)] + [
        MachinePayload(5, 3, 1000 + n) for n in range(1, 200)
    ]
    shared = np.array([(ecc.encode(payload.encode(other, KEY)) == first).mean() for other in beside])
    assert abs(shared.mean() - 0.5) < 0.01
    assert shared.max() < 0.65


def test_a_payload_of_zeros_is_no_flat_code() -> None:
    coded = ecc.encode(payload.encode(MachinePayload(0, 0, 0), KEY))
    assert 90 <= coded.sum() <= 150


def test_noise_is_taken_once_in_a_million() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 2, (4000, payload.N_BITS), dtype=np.uint8)
    assert not any(payload.decode(bits, KEY) for bits in noise)


def test_a_flat_picture_says_nothing() -> None:
    for flat in (np.zeros(80, np.uint8), np.ones(80, np.uint8)):
        assert payload.decode(flat, KEY) is None


def test_a_version_from_the_future_is_not_guessed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as future:
        future.setattr(payload, "_MACHINES", 3)
        bits = payload.encode(MachinePayload(1, 2, 3), KEY)
    assert payload.decode(bits, KEY) is None


def test_a_mark_names_the_key_that_opens_it_even_when_it_is_revoked() -> None:
    ring = KeyRing(Secret(b"s" * 32), (KEY, OTHER)).revoked(KEY.id, NOW)
    said = payload.of_machine(7, NOW)
    opened = payload.identify(payload.encode(said, KEY), ring.readable())
    assert opened is not None
    assert (opened.payload, opened.key.id, opened.revoked_at) == (said, KEY.id, NOW.replace(microsecond=0))
    assert payload.identify(payload.encode(said, key("three")), ring.readable()) is None


def test_a_slot_starts_at_its_ten_minutes() -> None:
    assert payload.of_machine(1, NOW).starts_at == datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
    east = NOW.astimezone(timezone(timedelta(hours=8)))
    assert payload.of_machine(1, east) == payload.of_machine(1, NOW)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2059, 1, 1), timezones=st.just(UTC)))
def test_every_moment_lies_in_its_slot(when: datetime) -> None:
    start = payload.of_machine(1, when).starts_at
    assert start <= when < start + payload.SLOT


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2059, 1, 1), timezones=st.just(UTC)),
    st.timedeltas(timedelta(0), payload.TOKEN_SPAN - timedelta(seconds=1)),
)
def test_the_hour_of_a_token_is_found_from_when_it_was_given_out(issued: datetime, later: timedelta) -> None:
    shown = issued + later
    start = payload.of_token(1, shown).starts_at(issued)
    assert start <= shown < start + payload.HOUR


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: MachinePayload(2**24, 0, 0), "machine: .*16777215, got 16777216"),
        (lambda: MachinePayload(-1, 0, 0), "machine"),
        (lambda: MachinePayload(0, 4096, 0), "place"),
        (lambda: MachinePayload(0, 0, 2**21), "slot"),
        (lambda: MachinePayload(0.5, 0, 0), "whole number"),  # type: ignore[arg-type]
        (lambda: TokenPayload(2**48, 0), "token"),
        (lambda: TokenPayload(0, 512), "hour"),
        (lambda: payload.slot_of(datetime(2019, 12, 31, tzinfo=UTC)), "2020-01-01"),
        (lambda: payload.slot_of(datetime(2060, 1, 1, tzinfo=UTC)), "2059-11"),
        (lambda: payload.slot_of(datetime(2026, 1, 1)), "zone"),
    ],
)
def test_bad_fields_are_told(make, word: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=word):
        make()


@pytest.mark.parametrize("bits", [np.zeros(79, np.uint8), np.zeros((1, 80), np.uint8), np.full(80, 2, np.uint8)])
def test_bad_bits_are_told(bits: np.ndarray) -> None:
    with pytest.raises(ShapeError, match="bits"):
        payload.decode(bits, KEY)
