"""Classifiers of texts with their cards: those in the wheel, and those that a user has trained."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from unforge import weights
from unforge.errors import WeightsError
from unforge.moderate.linear import Form, Linear
from unforge.moderate.said import Judged
from unforge.weights.calibration import Calibration


@dataclass(frozen=True, slots=True)
class Taught:
    """A classifier, what its scores are worth, and who speaks."""

    source: str
    model: Linear
    calibration: Calibration

    def judge(self, text: str) -> Judged:
        """The worst stretch of a text."""
        found = self.model.judge(text)
        return Judged(found.score, found.places)


@cache
def shipped(name: str) -> Taught:
    """The classifier of a card in the wheel. Raises WeightsError where its file differs from the card."""
    return _taught(weights.card(name).details, weights.verified(name))


@cache
def of_folder(folder: Path, name: str) -> Taught:
    """What `unforge train NAME --out FOLDER` wrote. Raises WeightsError where it is not there or was changed."""
    try:
        card = tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))
        content = (folder / f"{name}.npz").read_bytes()
    except (OSError, ValueError) as cause:
        raise WeightsError(
            f"{folder}: expected {name}.toml and {name}.npz as `unforge train {name}` writes them"
        ) from cause
    got = hashlib.sha256(content).hexdigest()
    if got != card.get("sha256"):
        raise WeightsError(f"{folder}: expected SHA-256 {card.get('sha256')}, {name}.npz has {got}; train it again")
    return _taught(card, content)


def _taught(card: Mapping[str, Any], content: bytes) -> Taught:
    model = Linear.from_file(content, Form.from_card(card["form"]), float(card["bias"]))
    return Taught(card["version"], model, Calibration.from_card(card["calibration"]))
