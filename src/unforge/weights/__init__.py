"""The networks in the wheel: a card tells what a file is, the loader runs it only if its SHA-256 agrees."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unforge.errors import UnknownName, WeightsError
from unforge.verdict import Trust, Voices

if TYPE_CHECKING:
    import onnxruntime

CARDS = Path(__file__).parent / "cards"
FILES = Path(__file__).parent / "files"
TRUST = Path(__file__).parent / "trust.toml"
TAMPERING = Path(__file__).parent / "tampering.toml"


@dataclass(frozen=True, slots=True)
class Card:
    """What is known about one network.

    purpose, feed: what it is for and how to feed it, in words.
    details: everything else on the card: training data, calibration, measured numbers with their intervals.
    """

    name: str
    file: str
    sha256: str
    licence: str
    origin: str
    purpose: str
    feed: str
    details: Mapping[str, Any]

    @property
    def path(self) -> Path:
        return FILES / self.file


_FIELDS = ("name", "file", "sha256", "licence", "origin", "purpose", "feed")


def available() -> tuple[str, ...]:
    """Names of all cards, sorted."""
    return tuple(sorted(path.stem for path in CARDS.glob("*.toml")))


@cache
def card(name: str) -> Card:
    """The card called `name`. Raises UnknownName with the choices, WeightsError if the card is incomplete."""
    if name not in available():
        raise UnknownName("weights card", name, available())
    data = tomllib.loads((CARDS / f"{name}.toml").read_text("utf-8"))
    missing = [key for key in _FIELDS if key not in data]
    if missing:
        raise WeightsError(f"weights card {name!r}: expected the fields {', '.join(missing)}; they are missing")
    return Card(**{key: data.pop(key) for key in _FIELDS} | {"details": data})


def verified(name: str) -> bytes:
    """The file of a card, read and checked. Raises WeightsError if it is missing or its SHA-256 differs."""
    wanted = card(name)
    try:
        content = wanted.path.read_bytes()
    except OSError as cause:
        raise WeightsError(f"weights {name!r}: {wanted.file} cannot be read; reinstall unforge") from cause
    got = hashlib.sha256(content).hexdigest()
    if got != wanted.sha256:
        raise WeightsError(
            f"weights {name!r}: expected SHA-256 {wanted.sha256}, {wanted.file} has {got}; reinstall unforge"
        )
    return content


@cache
def session(name: str) -> "onnxruntime.InferenceSession":
    """A verified network, ready to run on the CPU.

    One thread: sums then come in one order on every machine, and spinning threads on shared cores cost more than
    they give.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(verified(name), options, providers=["CPUExecutionProvider"])


@cache
def trust() -> Trust:
    """What was learned about weighing the examiners against each other (trust.toml); empty where nothing was."""
    if not TRUST.exists():
        return Trust({})
    data = tomllib.loads(TRUST.read_text("utf-8"))
    voices = {}
    for entry in data["voices"]:
        fields = ("offset", "cap", "llr_manipulated", "llr_no_evidence")
        plain = {name: float(entry[name]) for name in fields}
        voices[frozenset(entry["weights"])] = Voices(entry["weights"], **plain, rates=entry["rates"])
    return Trust(voices, frozenset(data["silent"]), frozenset(data["weak"]))


@cache
def tampering() -> Mapping[str, Any]:
    """How tampering with a network is told from what it reads (tampering.toml): line, calibrations, whose readings.

    Raises WeightsError where it was learned of another file than the one that the card of that network names.
    """
    data = tomllib.loads(TAMPERING.read_text("utf-8"))
    wanted, got = data["network_sha256"], card(data["network"]).sha256
    if wanted != got:
        raise WeightsError(
            f"tampering.toml: expected the network {data['network']!r} with SHA-256 {wanted}, its card names {got}; "
            "learn it anew: python -m unforge.bench._adversarial_learning DATA"
        )
    return data
