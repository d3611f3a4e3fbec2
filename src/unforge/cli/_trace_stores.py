"""Where the key ring and the registry lie: as typed, else as the environment says, else the user's own."""

import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from unforge.errors import OutputError, StoreError

if TYPE_CHECKING:
    from unforge.trace.keys import KeyRing
    from unforge.trace.registry import Registry

RING_VARIABLE, REGISTRY_VARIABLE = "UNFORGE_KEY_RING", "UNFORGE_REGISTRY"

_Command = TypeVar("_Command", bound=Callable[..., Any])


def ring_option(command: _Command) -> _Command:
    """The option --key-ring."""
    told = f"The key ring.  [default: ${RING_VARIABLE}, else the user's own]"
    return click.option("--key-ring", "ring", type=click.Path(path_type=Path), metavar="FILE", help=told)(command)


def registry_option(command: _Command) -> _Command:
    """The option --registry."""
    told = f"The registry.  [default: ${REGISTRY_VARIABLE}, else the user's own]"
    return click.option("--registry", type=click.Path(path_type=Path), metavar="FILE", help=told)(command)


def ring_path(typed: Path | None) -> Path:
    return typed or _from_environment(RING_VARIABLE) or _folder() / "keyring.json"


def registry_path(typed: Path | None) -> Path:
    return typed or _from_environment(REGISTRY_VARIABLE) or _folder() / "registry.sqlite"


def load_ring(typed: Path | None) -> "KeyRing":
    """The key ring; raises StoreError with what to do where there is none."""
    from unforge.trace import keys

    path = ring_path(typed)
    if not path.exists():
        raise StoreError(
            f"there is no key ring at {path}; make one with `unforge trace key new`, or say where it is with "
            f"--key-ring or {RING_VARIABLE}"
        )
    return keys.load(path)


def open_registry(typed: Path | None, *, create: bool = False) -> "Registry":
    """The registry; raises StoreError with what to do where there is none."""
    from unforge.trace.registry import Registry

    path = registry_path(typed)
    if create:
        make_folder(path)
    elif not path.exists():
        raise StoreError(
            f"there is no registry at {path}; `unforge trace registry add` makes one, or say where it is with "
            f"--registry or {REGISTRY_VARIABLE}"
        )
    return Registry(path, create=create)


def registry_if_any(typed: Path | None) -> "Registry | None":
    """The registry that was asked for, which must exist; else the usual one where there is one."""
    if typed is None and not registry_path(None).exists() and not os.environ.get(REGISTRY_VARIABLE):
        return None
    return open_registry(typed)


def make_folder(path: Path) -> None:
    """The folder of a file that is about to be made, open to its owner alone."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {path.parent}: {error.strerror or error}") from error


class Moment(click.ParamType[datetime]):
    """A time with its zone, as ISO 8601 writes it."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        from unforge.errors import UsageError
        from unforge.trace import utc

        try:
            return value if isinstance(value, datetime) else utc.parse(str(value))
        except UsageError as error:
            self.fail(str(error), param, ctx)


def _from_environment(variable: str) -> Path | None:
    named = os.environ.get(variable)
    return Path(named) if named else None


def _folder() -> Path:
    """The user's folder for things that must not be lost."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "unforge"
