"""One JSON file per run (schema `unforge.record/1`): numbers are records before they are tables."""

import hashlib
import json
import math
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unforge import __version__
from unforge.errors import SchemaError

SCHEMA = "unforge.record/1"


@dataclass(frozen=True, slots=True)
class Value:
    """A figure with its 95 % interval; None where the data cannot give one.

    n: how many independent samples stand behind it.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Record:
    """What one run of a protocol found.

    name: file name under results/ and table name in documents. rows: by row (a method, a set), then by
    figure.
    manifest_sha256: of the list of data. weights: SHA-256 of every network that took part, by card.
    date: UTC, day. host: the machine in words. settings: whatever else decides the figures.
    """

    name: str
    protocol: str
    split: str
    rows: Mapping[str, Mapping[str, Value]]
    manifest_sha256: str
    weights: Mapping[str, str]
    version: str
    date: str
    host: str
    seed: int
    settings: Mapping[str, str | int | float]

    def to_json(self) -> str:
        rows = {
            row: {figure: [v.value, v.low, v.high, v.n] for figure, v in values.items()}
            for row, values in self.rows.items()
        }
        plain = {
            "schema": SCHEMA,
            "name": self.name,
            "protocol": self.protocol,
            "split": self.split,
            "columns": ["value", "low", "high", "n"],
            "rows": rows,
            "manifest_sha256": self.manifest_sha256,
            "weights": dict(self.weights),
            "version": self.version,
            "date": self.date,
            "host": self.host,
            "seed": self.seed,
            "settings": dict(self.settings),
        }
        return _readable(plain)

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read what `to_json` wrote. Raises SchemaError for anything else."""
        try:
            data = json.loads(text)
            if data["schema"] != SCHEMA:
                raise SchemaError(f"expected a record of schema {SCHEMA!r}; got {data['schema']!r}")
            rows = {
                row: {figure: Value(*numbers) for figure, numbers in values.items()}
                for row, values in data["rows"].items()
            }
            fields = {field: data[field] for field in cls.__slots__ if field != "rows"}
        except (json.JSONDecodeError, KeyError, TypeError) as cause:
            raise SchemaError(f"expected a record of schema {SCHEMA!r}; it does not parse: {cause}") from cause
        return cls(rows=rows, **fields)


def of_today(
    name: str,
    protocol: str,
    split: str,
    rows: Mapping[str, Mapping[str, Value]],
    manifest_sha256: str,
    weights: Mapping[str, str],
    seed: int,
    settings: Mapping[str, str | int | float],
) -> Record:
    """A record with the version, the date and the machine of this run."""
    return Record(
        name=name,
        protocol=protocol,
        split=split,
        rows=rows,
        manifest_sha256=manifest_sha256,
        weights=weights,
        version=__version__,
        date=datetime.now(UTC).date().isoformat(),
        host=host(),
        seed=seed,
        settings=settings,
    )


def measured(statistic: float, bounds: tuple[float, float], n: int) -> Value:
    """A Value from plain floats, where nan stands for no value."""
    value, low, high = (None if math.isnan(number) else round(number, 4) for number in (statistic, *bounds))
    return Value(value, low, high, n)


def host() -> str:
    """The machine in words, without its name."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    words = f"{cores} CPU core{'s' if cores > 1 else ''}, {platform.machine()}, {platform.system()}"
    return f"{words}, Python {platform.python_version()}"


def sha256_of(path: Path) -> str:
    """Hash of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_all(folder: Path) -> dict[str, Record]:
    """The records of a folder by name, sorted. Raises SchemaError, naming the file."""
    records = {}
    for path in sorted(folder.glob("*.json")):
        try:
            record = Record.from_json(path.read_text("utf-8"))
        except SchemaError as error:
            raise SchemaError(f"{path.name}: {error}") from error
        records[record.name] = record
    return records


def _readable(plain: Mapping[str, Any]) -> str:
    """JSON with one line per figure: records are read in diffs."""
    text = json.dumps({**plain, "rows": {}}, ensure_ascii=False, allow_nan=False, indent=2)
    line: Callable[[Any], str] = lambda value: json.dumps(value, ensure_ascii=False, allow_nan=False)  # noqa: E731
    rows = ",\n".join(
        f"    {line(row)}: {{\n"
        + ",\n".join(f"      {line(figure)}: {line(numbers)}" for figure, numbers in values.items())
        + "\n    }"
        for row, values in plain["rows"].items()
    )
    return text.replace('"rows": {}', f'"rows": {{\n{rows}\n  }}' if rows else '"rows": {}', 1) + "\n"
