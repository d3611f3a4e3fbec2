"""Training runs: one file each, with `main(data, out, ...)`."""

from types import ModuleType

from unforge.plugins import Registry

_REGISTRY = Registry(__name__, __path__, "recipe")
available = _REGISTRY.available


def load(name: str) -> ModuleType:
    """The recipe called `name`; raises UnknownName with the choices."""
    return _REGISTRY.module(name)
