"""How a report leaves the program: one file here is one format, e.g. `formats.load("html")`."""

from typing import Protocol, cast

from unforge.plugins import Registry
from unforge.report import Report

_registry = Registry(__name__, __path__, "report format")


class Format(Protocol):
    """What every format offers: the ending of its files and one function."""

    SUFFIX: str  # with its dot, e.g. ".html"

    def render(self, report: Report, lang: str = "en") -> bytes:
        """The file, whole. lang: "en" or "zh", whichever a reader meets first; both are in it."""
        ...


def available() -> tuple[str, ...]:
    """Names of all formats, sorted; none of them is imported."""
    return _registry.available()


def load(name: str) -> Format:
    """The format called `name`; raises UnknownName with the choices if there is none."""
    return cast(Format, _registry.module(name))
