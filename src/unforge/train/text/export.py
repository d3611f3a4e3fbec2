"""A classifier of texts with its card, as `moderate.taught` reads them."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unforge.media.write import atomic_write
from unforge.moderate.linear import Form, Linear
from unforge.train import card
from unforge.weights.calibration import Calibration

FEED = "hashed n-grams of views of a text (moderate/ngrams.py); the score is `bias` plus the numbers at their slots"


def write(out: Path, name: str, model: Linear, calibration: Calibration, words: Mapping[str, Any]) -> None:
    """`NAME.npz` and `NAME.toml` in a folder. words: what the card says of licence, origin, purpose and data."""
    content = model.to_file()
    out.mkdir(parents=True, exist_ok=True)
    atomic_write(out / f"{name}.npz", content)
    plain = {key: value for key, value in words.items() if not isinstance(value, Mapping)}
    nested = {key: value for key, value in words.items() if isinstance(value, Mapping)}
    head = {
        "name": name,
        "version": f"{name}-1",
        "file": f"{name}.npz",
        "sha256": hashlib.sha256(content).hexdigest(),
        **plain,
        "feed": FEED,
        "trained": datetime.now(UTC).date().isoformat(),
        "bias": model.bias,
    }
    atomic_write(
        out / f"{name}.toml",
        card.text({**head, "form": _form(model.form), "calibration": of_calibration(calibration), **nested}).encode(),
    )


def of_calibration(calibration: Calibration) -> dict[str, Any]:
    """A calibration as cards hold it."""
    return {**asdict(calibration), "refits": [list(line) for line in calibration.refits]}


def _form(form: Form) -> dict[str, Any]:
    return {**asdict(form), "groups": [card.Inline(asdict(group)) for group in form.groups]}
