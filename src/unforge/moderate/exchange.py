"""Hashes as they are exchanged: one JSON object a line.

    {"hash": "f8f8f0cc...", "quality": 100, "reason": "fraud", "source": "...", "media": "video", "time_s": 3.0,
     "sha256": "...", "variants": {"inner 80 %": "..."}}

`hash` (the published PDQ in hexadecimal), `quality` and `reason` are needed; the rest finds more. Lines of
one SHA-256 that follow each other are looks at one film.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from unforge.errors import SchemaError
from unforge.moderate import pdq, variants
from unforge.moderate.fingerprint import MEDIA, Look, Media

_FIELDS = {"hash", "quality", "reason", "source", "media", "time_s", "sha256", "variants"}


@dataclass(frozen=True, slots=True)
class Line:
    """One look. source, sha256: "" where they are not said."""

    look: Look
    reason: str
    source: str = ""
    media: Media = "hash"
    sha256: str = ""


def written(line: Line) -> str:
    """The line as JSON."""
    look = line.look
    others = {name: data.hex() for name, data in look.hashes.items() if name != variants.WHOLE}
    plain = {
        "hash": look.hashes[variants.WHOLE].hex(),
        "quality": look.quality,
        "reason": line.reason,
        "source": line.source,
        "media": line.media,
        "time_s": look.time_s,
        "sha256": line.sha256,
        "variants": others,
    }
    return json.dumps(plain, ensure_ascii=False)


def grouped(lines: Iterable[str]) -> Iterator[tuple[Line, ...]]:
    """The looks of one thing after the other; empty lines are passed over. Raises SchemaError, naming the line."""
    read = ((n, _read(n, text)) for n, text in enumerate(lines, 1) if text.strip())
    for _, group in groupby(read, key=lambda one: one[1].sha256 or one[0]):
        yield tuple(line for _, line in group)


def _read(number: int, text: str) -> Line:
    try:
        said = json.loads(text)
        if not isinstance(said, Mapping):
            raise SchemaError(f"expected a JSON object, got {type(said).__name__}")
        return _line(said)
    except (json.JSONDecodeError, SchemaError, RecursionError) as error:
        raise SchemaError(f"line {number}: {error}") from error


def _line(said: Mapping[str, Any]) -> Line:
    unknown = sorted(set(said) - _FIELDS)
    if unknown:
        raise SchemaError(f"unknown fields {', '.join(unknown)}; expected {', '.join(sorted(_FIELDS))}")
    hashes = {variants.WHOLE: pdq.from_hex(_text(said, "hash"))}
    others = said.get("variants", {})
    if not isinstance(others, Mapping) or not set(others) <= variants.NAMES:
        raise SchemaError(f"variants: expected an object with names of {', '.join(sorted(variants.NAMES))}")
    hashes |= {name: pdq.from_hex(_text(others, name)) for name in others}
    media: Media | None = next((one for one in MEDIA if one == said.get("media", "hash")), None)
    if media is None:
        raise SchemaError(f"media: expected one of {', '.join(MEDIA)}, got {said['media']!r}")
    look = Look(_number(said, "time_s", 0.0), int(_number(said, "quality")), hashes)
    if not 0 <= look.quality <= 100:
        raise SchemaError(f"quality: expected 0 to 100, got {look.quality}")
    return Line(look, _text(said, "reason"), _text(said, "source", ""), media, _text(said, "sha256", ""))


def _text(said: Mapping[str, Any], name: str, otherwise: str | None = None) -> str:
    value = said.get(name, otherwise)
    if not isinstance(value, str) or (otherwise is None and not value.strip()):
        raise SchemaError(f"{name}: expected a text, got {value!r}")
    return value


def _number(said: Mapping[str, Any], name: str, otherwise: float | None = None) -> float:
    value = said.get(name, otherwise)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SchemaError(f"{name}: expected a number, got {value!r}")
    return float(value)
