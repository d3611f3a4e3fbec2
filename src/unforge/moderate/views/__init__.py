"""Views of a text: one file each; what an evasion changes, one of them undoes.

A view says in `OF` which view it starts from ("" for the text as it came in), and `load()` gives the change
itself; a view whose library is missing raises UsageError there, with what to install.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol, cast

from unforge.errors import UsageError
from unforge.moderate.traced import Traced
from unforge.plugins import Registry

_REGISTRY = Registry(__name__, __path__, "view")
available = _REGISTRY.available

Change = Callable[[Traced], Traced]


class _Module(Protocol):
    OF: str

    def load(self) -> Change: ...


def of(text: str, names: Sequence[str]) -> dict[str, Traced]:
    """What the views show of a text, by name; those whose library is missing are left out (see `missing`).

    Raises UnknownName for a view that is not there.
    """
    seen = {"": Traced.of(text)}
    return {name: _seen(name, seen) for name in names if not missing(name)}


@cache
def missing(name: str) -> str:
    """Why a view cannot be had here; empty where it can."""
    try:
        start, _ = _loaded(name)
    except UsageError as reason:
        return str(reason)
    return missing(start) if start else ""


def _seen(name: str, seen: dict[str, Traced]) -> Traced:
    if name not in seen:
        start, change = _loaded(name)
        seen[name] = change(_seen(start, seen))
    return seen[name]


@cache
def _loaded(name: str) -> tuple[str, Change]:
    """The view that one starts from, and its change."""
    module = cast(_Module, _REGISTRY.module(name))
    return module.OF, module.load()
