"""Keys of the trace: a ring of secrets in one file, and what is derived from them.

The ring belongs to a site. Its site secret stays as long as the ring, so that one search finds the marks of every
machine at any time; its keys are rotated. From each secret others are derived under labels (HKDF-Expand, RFC 5869
section 2.3, on secrets that are uniformly random already, section 3.3), so that one of them tells nothing of the rest.

Whoever holds a key can make marks. A revoked key is never used for marking again; what it opens is still told, as
"revoked", because somebody else may hold it.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from unforge.errors import OutputError, StoreError, UnknownName, UsageError
from unforge.trace import utc

SCHEMA = "unforge.keyring/1"
SECRET_BYTES = 32

_OWNER_ONLY = 0o600
_OTHERS = 0o077
_MOST_EXPANDED = 255 * hashlib.sha256().digest_size
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_LABEL = "unforge.trace/1 "


class Secret:
    """Bytes that do not show themselves: not printed, formatted, pickled or copied into another container.

    Only `reveal` gives them. Two secrets are compared in constant time, and have no hash.
    """

    __slots__ = ("_value",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """The bytes themselves; never log, print or store them outside of a key ring."""
        return self._value

    def expand(self, label: str | bytes, n_bytes: int = SECRET_BYTES) -> "Secret":
        """Another secret for another purpose: HKDF-Expand (RFC 5869, section 2.3) with SHA-256.

        label: the purpose; different labels give secrets that tell nothing of each other. n_bytes: at most 8160.
        """
        if not 1 <= n_bytes <= _MOST_EXPANDED:
            raise UsageError(f"n_bytes: expected 1 to {_MOST_EXPANDED}, got {n_bytes}")
        info = label.encode() if isinstance(label, str) else label
        block, stream = b"", b""
        while len(stream) < n_bytes:
            counter = len(stream) // hashlib.sha256().digest_size + 1
            block = hmac.digest(self._value, block + info + bytes([counter]), "sha256")
            stream += block
        return Secret(stream[:n_bytes])

    def __repr__(self) -> str:
        return "Secret(****)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is not pickled or copied; save the key ring instead")


@dataclass(frozen=True, slots=True)
class Key:
    """One secret that signs marks.

    id: eight hexadecimal digits, not derived from the secret; safe to print. not_before: from when on it marks.
    revoked_at: since when it is not to be believed, None while it is.
    """

    id: str
    secret: Secret
    created: datetime
    not_before: datetime
    revoked_at: datetime | None = None
    note: str = ""

    @property
    def tag(self) -> Secret:
        """Signs payloads."""
        return self.secret.expand(_LABEL + "tag")

    @property
    def whitening(self) -> Secret:
        """Hides what payloads say."""
        return self.secret.expand(_LABEL + "whitening")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys of a site. keys: in the order in which they were added; site: the secret that they have in common."""

    site: Secret
    keys: tuple[Key, ...] = ()

    def current(self, now: datetime | None = None) -> Key:
        """The key that marks: the newest that has begun and is not revoked. Raises StoreError where there is none."""
        moment = _now(now)
        begun = [key for key in self.keys if key.not_before <= moment and key.revoked_at is None]
        if not begun:
            raise StoreError(
                f"expected a key that may mark at {utc.text(moment)}; all {len(self.keys)} are revoked or begin later; "
                "rotate to add one"
            )
        return max(reversed(begun), key=lambda key: key.not_before)

    def readable(self) -> tuple[Key, ...]:
        """Every key that a mark may have been made with, the newest first; revoked ones too, to tell them apart."""
        return self.keys[::-1]

    def key(self, key_id: str) -> Key:
        """The key of that id; raises UnknownName with the choices."""
        for key in self.keys:
            if key.id == key_id:
                return key
        raise UnknownName("key", key_id, (key.id for key in self.keys))

    def pilot_seed(self, month: str | None = None) -> Secret:
        """What the pilot grows from: the same for all keys of the site, so that one search finds every machine.

        month: "2026-03" for a pilot that changes with the month, which costs the reader one search a month; None for
        the one that stays. Raises UsageError for any other text.
        """
        return self.site.expand(_LABEL + "pilot" + _of_month(month))

    def permutation_seed(self, month: str | None = None) -> Secret:
        """What the places and signs of the data chips grow from; of the site, because they are read before any key."""
        return self.site.expand(_LABEL + "permutation" + _of_month(month))

    def rotated(self, now: datetime | None = None, *, not_before: datetime | None = None, note: str = "") -> "KeyRing":
        """With one more key, which marks from `not_before` on; the others stay for reading."""
        moment = _now(now)
        begins = moment if not_before is None else utc.aware(not_before, "not_before")
        secret = Secret(secrets.token_bytes(SECRET_BYTES))
        fresh = Key(self._unused_id(), secret, moment, begins.replace(microsecond=0), None, note)
        return replace(self, keys=(*self.keys, fresh))

    def revoked(self, key_id: str, now: datetime | None = None) -> "KeyRing":
        """With one key that is not to be believed any more; raises UnknownName, and UsageError if it was revoked."""
        key = self.key(key_id)
        if key.revoked_at is not None:
            raise UsageError(f"key {key_id}: expected one in use, it has been revoked at {utc.text(key.revoked_at)}")
        return replace(self, keys=tuple(replace(k, revoked_at=_now(now)) if k is key else k for k in self.keys))

    def _unused_id(self) -> str:
        taken = {key.id for key in self.keys}
        while (key_id := secrets.token_hex(4)) in taken:
            pass
        return key_id


def generate(path: Path | str, now: datetime | None = None, *, note: str = "") -> KeyRing:
    """Make a ring with one key and write it, open to its owner alone.

    Raises OutputError where the file cannot be written, StoreError where one exists: a ring that is written over
    leaves photographs that nobody can read.
    """
    path = Path(path)
    ring = KeyRing(Secret(secrets.token_bytes(SECRET_BYTES))).rotated(now, note=note)
    with _replacing(path) as file:
        if path.exists():
            raise StoreError(f"expected a new file, but {path} exists; rotate its key instead")
        file.write(_to_json(ring))
    return ring


def load(path: Path | str) -> KeyRing:
    """The ring in a file. Raises StoreError where it is missing, open to others, damaged, or of a newer schema."""
    path = Path(path)
    try:
        _check_mode(path)
        ring = _from_json(path.read_bytes())
    except OSError as error:
        raise StoreError(f"cannot read the key ring {path}: {error.strerror or error}") from error
    if isinstance(ring, str):
        raise StoreError(f"{path}: {ring}")
    return ring


def change(path: Path | str, changed: Callable[[KeyRing], KeyRing]) -> KeyRing:
    """Rotate or revoke in a file: `change(path, KeyRing.rotated)`. The file holds the old ring or the new one.

    Two changes at once cannot lose a key: the later one raises StoreError. Returns the new ring.
    """
    path = Path(path)
    with _replacing(path) as file:
        ring = changed(load(path))
        file.write(_to_json(ring))
    return ring


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A draft beside the file, which takes its place when the block ends well, and keeps others away until then."""
    draft = path.with_name(f".{path.name}.part")
    try:
        file = open(draft, "xb", opener=lambda name, flags: os.open(name, flags, _OWNER_ONLY))  # noqa: SIM115
    except FileExistsError:
        raise StoreError(f"{path} is being changed by somebody else; if nobody is, remove {draft}") from None
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        draft.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write {path}: {error.strerror or error}")


def _check_mode(path: Path) -> None:
    mode = path.stat().st_mode & 0o777
    if os.name == "posix" and mode & _OTHERS:
        raise StoreError(f"{path}: expected a key ring that only its owner can read, got mode {mode:o}; chmod 600 it")


def _to_json(ring: KeyRing) -> bytes:
    keys = [
        {
            "id": key.id,
            "secret": key.secret.reveal().hex(),
            "created": utc.text(key.created),
            "not_before": utc.text(key.not_before),
            "revoked_at": None if key.revoked_at is None else utc.text(key.revoked_at),
            "note": key.note,
        }
        for key in ring.keys
    ]
    content = {"schema": SCHEMA, "site": ring.site.reveal().hex(), "keys": keys}
    return json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n"


def _from_json(content: bytes) -> KeyRing | str:
    """The ring, or what is wrong with it. Nothing is raised here: JSON errors and frames carry the secrets along."""
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        return "expected a key ring, got no JSON; restore it from a copy"
    schema = parsed.get("schema") if isinstance(parsed, dict) else None
    if schema == SCHEMA:
        return _ring(parsed) or "the key ring is damaged; restore it from a copy"
    if isinstance(schema, str) and schema.startswith(SCHEMA.split("/")[0]):
        return f"expected a key ring of schema {SCHEMA}, got {schema[:40]}; a newer unforge may read it"
    return f"expected a key ring of schema {SCHEMA}, got another file"


def _ring(parsed: dict[str, Any]) -> KeyRing | None:
    try:
        ring = KeyRing(_secret(parsed["site"]), tuple(_key(entry) for entry in parsed["keys"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return ring if len({key.id for key in ring.keys}) == len(ring.keys) else None


def _key(entry: dict[str, Any]) -> Key:
    revoked_at = entry["revoked_at"]
    return Key(
        str(entry["id"]),
        _secret(entry["secret"]),
        utc.parse(entry["created"]),
        utc.parse(entry["not_before"]),
        None if revoked_at is None else utc.parse(revoked_at),
        str(entry["note"]),
    )


def _secret(written: str) -> Secret:
    value = bytes.fromhex(written)
    if len(value) != SECRET_BYTES:
        raise ValueError("a secret of another length")
    return Secret(value)


def _of_month(month: str | None) -> str:
    if month is None:
        return ""
    if not _MONTH.fullmatch(month):
        raise UsageError(f"month: expected a month like 2026-03, got {month!r}")
    return f" {month}"


def _now(now: datetime | None) -> datetime:
    return (datetime.now(UTC) if now is None else utc.aware(now)).replace(microsecond=0)
