"""Labelled sentences, and who of them teaches, calibrates and is measured: by their hashes, for ever the same.

A sentence and everything that was made of it are on one side.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unforge.errors import UsageError
from unforge.moderate import views
from unforge.train.text.disguises import DISGUISES, disguised

CNTP = Path("text") / "cntp"
STONESKIPPING = Path("text") / "stoneskipping"
PERTURBED = {
    "homophone": "homo_toxi_transform.json",
    "split": "chaizi_transform.json",
    "emoji": "Emoji_toxic_transform.json",
    "pinyin": "pinyin_full_transform.json",
}
MOST_STRETCHES, LONGEST_STRETCH = 3, 4  # of a sentence whose telling words nobody marked


@dataclass(frozen=True, slots=True)
class Sentence:
    """One labelled text. words: what makes it bad, where somebody marked it. written: by others otherwise, by how."""

    text: str
    bad: bool
    words: tuple[str, ...] = ()
    written: Mapping[str, str] = field(default_factory=dict)

    def disguised(self, name: str, rng: np.random.Generator) -> str:
        """Its words, or a few stretches of it, written otherwise by one of our own disguises."""
        words = self.words or stretches(self.text, rng)
        return disguised(self.text, words, DISGUISES[name], rng)


@dataclass(frozen=True, slots=True)
class Parts:
    """Sentences that teach, that calibrate, and that are measured."""

    train: tuple[Sentence, ...]
    calibration: tuple[Sentence, ...]
    test: tuple[Sentence, ...]


def stretches(text: str, rng: np.random.Generator) -> tuple[str, ...]:
    """A few short stretches of a text."""
    found = []
    for _ in range(int(rng.integers(1, MOST_STRETCHES + 1))):
        length = int(rng.integers(1, LONGEST_STRETCH + 1))
        start = int(rng.integers(max(1, len(text) - length + 1)))
        found.append(text[start : start + length])
    return tuple(found)


def cntp(data: Path) -> list[Sentence]:
    """The sentences of ToxiBenchCN (ACL 2025, MIT licence). Raises UsageError where they are not there."""
    folder = data / CNTP
    written: dict[int, dict[str, str]] = {}
    for name, file in PERTURBED.items():
        for row in _rows(folder / file):
            written.setdefault(row["sentence_id"], {}).setdefault(name, row["perturbed_text"])
    toxic = [
        Sentence(row["original_text"], True, tuple(row["toxic_entity"]), written.get(row["sentence_id"], {}))
        for row in _rows(folder / "toxic_base.json")
    ]
    return toxic + [Sentence(row["original_text"], False) for row in _rows(folder / "non_toxic_base.json")]


def reviews(data: Path) -> list[Sentence]:
    """The reviews of StoneSkipping (EMNLP 2019, no licence: nothing learned of them is given on), each once.

    `spam_train.txt` and `ham_train.txt`, a text a line; `data` may be the folder itself. Raises UsageError where they
    are not there.
    """
    folder = data / STONESKIPPING if (data / STONESKIPPING).is_dir() else data
    found: dict[str, Sentence] = {}
    for file, bad in (("spam_train.txt", True), ("ham_train.txt", False)):
        for line in _text(folder / file).splitlines():
            text = views.of(line, ("base",))["base"].text.strip()
            if text:
                found.setdefault(text, Sentence(text, bad))
    return list(found.values())


def parted(sentences: Iterable[Sentence], train: Mapping[bool, int], calibration: Mapping[bool, int]) -> Parts:
    """So many good (False) and bad (True) ones for each part, the rest to be measured, in the order of their hashes."""
    found: tuple[list[Sentence], ...] = ([], [], [])
    for bad in (False, True):
        chosen = in_order([sentence for sentence in sentences if sentence.bad == bad])
        first, second = train[bad], train[bad] + calibration[bad]
        for part, members in zip(found, (chosen[:first], chosen[first:second], chosen[second:]), strict=True):
            part += members
    return Parts(*map(tuple, found))


def in_order(sentences: Iterable[Sentence]) -> list[Sentence]:
    """Sorted by the SHA-256 of the text, which has nothing to do with what it says."""
    return sorted(sentences, key=lambda one: hashlib.sha256(one.text.encode()).digest())


def _rows(path: Path) -> Sequence[Mapping[str, Any]]:
    rows = json.loads(_text(path))
    found: Sequence[Mapping[str, Any]] = rows["results"] if isinstance(rows, dict) else rows
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as cause:
        raise UsageError(f"texts: expected {path.name} in {path.parent}; it cannot be read") from cause
