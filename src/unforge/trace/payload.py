"""What a mark says: 80 bits that name a machine, a place and a time, signed with a key.

    version 1, machines   version 3 | machine 24 | place 12 | slot 21 | tag 20
    version 2, tokens     version 3 | token 48              | hour  9 | tag 20

A slot is ten minutes, counted from 2020-01-01 UTC: 39.9 years. The token of the privacy mode says nothing by itself;
the registry knows whose it was and when. Its hour wraps after 512 (21 days), which is why a token is given out for less
than that. The tag keeps its 20 bits in both versions, so that both have the same rate of false alarms; the three bits
that the version field needs are taken from the time, of which the registry knows the rest.

The tag is HMAC-SHA-256 over the 60 bits before it, truncated (RFC 2104, section 5). Those 60 bits are then added to a
stream that the key makes from the tag (the synthetic nonce of Rogaway and Shrimpton, EUROCRYPT 2006). Without the key a
mark tells nothing, and marks of neighbours in time or number have no bits in common beyond chance, so that one is not
taken for the other.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from unforge.errors import ShapeError, UsageError
from unforge.trace import utc
from unforge.trace.keys import Key

N_BITS = 80
TAG_BITS = 20
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
SLOT = timedelta(minutes=10)
HOUR = timedelta(hours=1)
MACHINE_BITS, PLACE_BITS, SLOT_BITS = 24, 12, 21
TOKEN_BITS, HOUR_BITS = 48, 9
TOKEN_SPAN = HOUR * ((1 << HOUR_BITS) - 1)  # a token that is given out for longer may meet the same hour twice

Bits = NDArray[np.uint8]

_VERSION_BITS = 3
_MACHINES, _TOKENS = 1, 2  # 0 and 7 stay free: a flat picture reads as the one or the other


@dataclass(frozen=True, slots=True)
class MachinePayload:
    """A machine at a place during a slot of ten minutes. place 0: not said."""

    machine: int
    place: int
    slot: int

    def __post_init__(self) -> None:
        _check("machine", self.machine, MACHINE_BITS)
        _check("place", self.place, PLACE_BITS)
        _check("slot", self.slot, SLOT_BITS)

    @property
    def starts_at(self) -> datetime:
        """When the slot starts, UTC."""
        return EPOCH + self.slot * SLOT


@dataclass(frozen=True, slots=True)
class TokenPayload:
    """A token of the privacy mode during an hour, which is counted modulo 512."""

    token: int
    hour: int

    def __post_init__(self) -> None:
        _check("token", self.token, TOKEN_BITS)
        _check("hour", self.hour, HOUR_BITS)

    def starts_at(self, not_before: datetime) -> datetime:
        """When the hour starts, UTC: the first hour of this count that ends after `not_before`.

        The registry knows from when on the token was given out.
        """
        first = _hours(not_before)
        return EPOCH + (first + (self.hour - first) % (1 << HOUR_BITS)) * HOUR


Payload = MachinePayload | TokenPayload


@dataclass(frozen=True, slots=True)
class Opened:
    """What a mark says, and the key that opened it; a key that is revoked may be in other hands."""

    payload: Payload
    key: Key

    @property
    def revoked_at(self) -> datetime | None:
        return self.key.revoked_at


def slot_of(when: datetime) -> int:
    """The slot that a moment falls into; raises UsageError before 2020 and after 2059."""
    slot = (utc.aware(when) - EPOCH) // SLOT
    if not 0 <= slot < (1 << SLOT_BITS):
        last = EPOCH + ((1 << SLOT_BITS) - 1) * SLOT
        raise UsageError(f"time: expected {utc.text(EPOCH)} to {utc.text(last)}, got {utc.text(when)}")
    return slot


def of_machine(machine: int, when: datetime, place: int = 0) -> MachinePayload:
    """What a machine shows at a moment."""
    return MachinePayload(machine, place, slot_of(when))


def of_token(token: int, when: datetime) -> TokenPayload:
    """What a machine shows at a moment when it goes by a token."""
    return TokenPayload(token, _hours(when) % (1 << HOUR_BITS))


def encode(payload: Payload, key: Key) -> Bits:
    """The payload signed and made to look random: (80,) uint8 of 0 and 1, the most significant bit first."""
    said = _packed(payload)
    tag = _tag(said, key)
    value = (said ^ _stream(tag, key)) << TAG_BITS | tag
    return np.unpackbits(np.frombuffer(value.to_bytes(N_BITS // 8, "big"), np.uint8))


def decode(bits: NDArray[np.integer], key: Key) -> Payload | None:
    """What 80 bits say; None where the tag does not fit the key, or the version is not known here.

    bits: (80,) of 0 and 1. Noise fits with a probability of 2^-20. The tag is compared in constant time.
    Raises ShapeError.
    """
    value = _value(bits)
    tag = value & (1 << TAG_BITS) - 1
    said = value >> TAG_BITS ^ _stream(tag, key)
    fits = hmac.compare_digest(_tag_bytes(tag), _tag_bytes(_tag(said, key)))
    return _unpacked(said) if fits else None


def identify(bits: NDArray[np.integer], keys: Iterable[Key]) -> Opened | None:
    """What 80 bits say by whichever key fits, revoked ones included; None where none does.

    keys: as `KeyRing.readable` gives them. Noise fits with a probability of 2^-20 for every key.
    """
    for key in keys:
        payload = decode(bits, key)
        if payload is not None:
            return Opened(payload, key)
    return None


def _packed(payload: Payload) -> int:
    """The 60 bits before the tag."""
    if isinstance(payload, MachinePayload):
        place_and_slot = payload.place << SLOT_BITS | payload.slot
        return (_MACHINES << MACHINE_BITS | payload.machine) << PLACE_BITS + SLOT_BITS | place_and_slot
    return (_TOKENS << TOKEN_BITS | payload.token) << HOUR_BITS | payload.hour


def _unpacked(said: int) -> Payload | None:
    version = said >> N_BITS - TAG_BITS - _VERSION_BITS
    if version == _MACHINES:
        machine = _field(said, PLACE_BITS + SLOT_BITS, MACHINE_BITS)
        return MachinePayload(machine, _field(said, SLOT_BITS, PLACE_BITS), _field(said, 0, SLOT_BITS))
    if version == _TOKENS:
        return TokenPayload(_field(said, HOUR_BITS, TOKEN_BITS), _field(said, 0, HOUR_BITS))
    return None


def _field(said: int, shift: int, n_bits: int) -> int:
    return said >> shift & (1 << n_bits) - 1


def _tag(said: int, key: Key) -> int:
    digest = hmac.digest(key.tag.reveal(), said.to_bytes(8, "big"), "sha256")
    return int.from_bytes(digest[:4], "big") >> 32 - TAG_BITS


def _tag_bytes(tag: int) -> bytes:
    return tag.to_bytes(4, "big")


def _stream(tag: int, key: Key) -> int:
    """The 60 bits that hide a payload with this tag."""
    digest = hmac.digest(key.whitening.reveal(), _tag_bytes(tag), "sha256")
    return int.from_bytes(digest[:8], "big") >> 64 - (N_BITS - TAG_BITS)


def _value(bits: NDArray[np.integer]) -> int:
    read = np.asarray(bits)
    if read.shape != (N_BITS,) or not np.isin(read, (0, 1)).all():
        raise ShapeError("bits", expected=f"({N_BITS},) of 0 and 1", got=f"{read.dtype} {read.shape}")
    return int.from_bytes(np.packbits(read.astype(np.uint8)).tobytes(), "big")


def _hours(when: datetime) -> int:
    return (utc.aware(when) - EPOCH) // HOUR


def _check(name: str, number: int, n_bits: int) -> None:
    if not isinstance(number, int) or not 0 <= number < 1 << n_bits:
        raise UsageError(f"{name}: expected a whole number from 0 to {(1 << n_bits) - 1}, got {number!r}")
