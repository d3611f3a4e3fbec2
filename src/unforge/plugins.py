"""A folder is a registry: every file in it is a plug-in, found by name.

Listing imports nothing; loading imports one file. Other distributions add to a folder by entry points of the group
that the folder is called by, e.g. `unforge.detect`.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from unforge.errors import UnknownName


@dataclass(frozen=True, slots=True)
class Registry:
    """The plug-ins of one package folder.

    package: the import name, also the entry-point group, e.g. "unforge.detect".
    folders: the package's `__path__`.
    kind: what one plug-in is called in messages, e.g. "detector".
    """

    package: str
    folders: Sequence[str]
    kind: str

    def available(self) -> tuple[str, ...]:
        """Names of all plug-ins, sorted; none of them is imported."""
        return tuple(sorted({*self._files(), *self._entries()}))

    def module(self, name: str) -> ModuleType:
        """The module called `name`; raises UnknownName with the choices if there is none."""
        if name in self._files():
            return importlib.import_module(f"{self.package}.{name}")
        entries = self._entries()
        if name not in entries:
            raise UnknownName(self.kind, name, self.available())
        loaded = entries[name].load()
        if not isinstance(loaded, ModuleType):
            raise TypeError(f"entry point {name!r} of {self.package}: expected a module, got {type(loaded).__name__}")
        return loaded

    def _files(self) -> set[str]:
        return {found.name for found in pkgutil.iter_modules(self.folders) if not found.name.startswith("_")}

    def _entries(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=self.package)}
