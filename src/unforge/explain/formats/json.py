"""The report as JSON, schema unforge.report/1: the source of every other format."""

from unforge.report import Report

SUFFIX = ".json"


def render(report: Report, lang: str = "en") -> bytes:
    """UTF-8 JSON, indented, with a final newline. `lang` changes nothing: both languages are always in it."""
    return (report.to_json(indent=2) + "\n").encode("utf-8", "replace")
