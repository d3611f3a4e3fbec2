"""Machines from a file, CSV with a heading or JSON lines, each line with its number and what is wrong with it."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from unforge.errors import UsageError
from unforge.trace import utc

COLUMNS = ("id", "name", "user", "place", "app", "since", "until")

Entry = Mapping[str, Any] | str  # the fields of a line, or what is wrong with it

_TEXTS = ("name", "user", "app")
_SHOWN_PROBLEMS = 20


def entries(path: Path) -> Iterator[tuple[int, Entry]]:
    """Lines of a file by number: what they say, or what is wrong with them."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"expected a file whose name ends in {' or '.join(_READERS)}, got {path.name!r}")
    try:
        written = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise UsageError(f"{path}: expected text in UTF-8") from None
    return reader(written)


def _csv_entries(written: str) -> Iterator[tuple[int, Entry]]:
    reader = csv.DictReader(io.StringIO(written, newline=""), strict=True)
    try:
        for entry in reader:
            short_or_long = None in entry or None in entry.values()
            yield reader.line_num, "expected as many fields as the heading has" if short_or_long else entry
    except csv.Error as error:
        yield reader.reader.line_num, str(error)


def _json_entries(written: str) -> Iterator[tuple[int, Entry]]:
    for line, text in enumerate(written.split("\n"), 1):
        if text.strip():
            try:
                entry = json.loads(text)
            except (ValueError, RecursionError):
                entry = None
            yield line, entry if isinstance(entry, dict) else "expected a JSON object"


def fields(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments for a machine; empty fields are left out."""
    strange = set(entry) - set(COLUMNS)
    if strange:
        raise UsageError(f"expected fields of {', '.join(COLUMNS)}; got {', '.join(sorted(strange))}")
    given = {name: _text(name, value) for name, value in entry.items() if value not in (None, "")}
    arguments: dict[str, Any] = {"name": ""} | {name: given[name] for name in _TEXTS if name in given}
    arguments |= {name: utc.parse(given[name], name) for name in ("since", "until") if name in given}
    if "place" in given:
        arguments["place"] = given["place"] if _number(given["place"]) is None else _number(given["place"])
    if "id" in given:
        arguments["machine_id"] = _number(given["id"])
        if arguments["machine_id"] is None:
            raise UsageError(f"id: expected a whole number, got {given['id']!r}")
    return arguments


def _number(written: str) -> int | None:
    return int(written) if written.isdecimal() and len(written) < 10 else None


def _text(name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UsageError(f"{name}: expected text or a whole number, got {value!r}")
    return str(value).strip()


def in_words(path: Path, problems: Sequence[str]) -> str:
    more = len(problems) - _SHOWN_PROBLEMS
    shown = [*problems[:_SHOWN_PROBLEMS], *([f"and {more} more"] if more > 0 else [])]
    return "\n".join([f"{path}: nothing was added; lines to correct: {len(problems)}", *shown])


_READERS = {".csv": _csv_entries, ".jsonl": _json_entries}
