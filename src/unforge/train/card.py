"""Weights cards, written: TOML with strings, numbers, lists and tables."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Inline:
    """A mapping that is written in one line."""

    values: Mapping[str, Any]


def write(path: Path, card: Mapping[str, Any]) -> None:
    """Write a card; nested mappings become tables, and numbers keep six significant digits."""
    path.write_text(text(card), "utf-8")


def text(card: Mapping[str, Any]) -> str:
    """The card as TOML."""
    return _table(card, ())


def _table(values: Mapping[str, Any], place: tuple[str, ...]) -> str:
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    nested = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    head = [f"\n[{'.'.join(place)}]"] if place and plain else []
    lines = head + [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    text = "\n".join(lines) + ("\n" if lines else "")
    return text + "".join(_table(value, (*place, _key(key))) for key, value in nested.items())


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)


def _value(value: Any) -> str:
    if isinstance(value, Inline):
        return "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.values.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, bool) or value is None:
        raise TypeError(f"a card holds strings, numbers and lists; got {value!r}")
    if isinstance(value, float):
        return repr(float(f"{value:.6g}"))
    return str(value) if isinstance(value, int) else json.dumps(value, ensure_ascii=False)
