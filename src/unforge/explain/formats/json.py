"""The report as JSON, schema unforge.report/1: the source of every other format."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from unforge.report import Report

SUFFIX = ".json"


def render(report: Report, lang: str = "en") -> bytes:
    """UTF-8 JSON, indented, with a final newline. `lang` changes nothing: both languages are always in it."""
    return (report.to_json(indent=2) + "\n").encode("utf-8", "replace")


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every report follows; treat as read-only."""
    text = files("unforge.explain.formats").joinpath("report.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
