"""Everything that can go wrong, in one tree.

UnforgeError
├── MediaError      a file cannot be examined                  (also OSError)
├── UnknownName     no plug-in of that name                    (also LookupError)
├── ShapeError      an array has the wrong shape or range      (also ValueError)
├── WeightsError    a model file is missing or altered         (also RuntimeError)
├── SchemaError     a stored report does not fit its schema    (also ValueError)
├── StoreError      a key ring or registry cannot be used      (also RuntimeError)
├── PolicyError     a policy of moderation makes no sense      (also ValueError)
├── OutputError     a result could not be written              (also OSError)
├── NotApplicable   there is nothing to do on a file, or it is done already
└── UsageError      a setting makes no sense                   (also ValueError)

Messages say what was expected, what came and what to do next. Files that cannot be read are errors; files in which
there is nothing to see are not: an examiner abstains (see evidence.py).
"""

from collections.abc import Iterable
from typing import ClassVar


class UnforgeError(Exception):
    """Any error that unforge raises on purpose; `code` is stable and meant for programs."""

    code: str = "error"


class MediaError(UnforgeError, OSError):
    """A file cannot be examined; `code` tells why, `path` which one."""

    CODES: ClassVar[tuple[str, ...]] = (
        "not_found",
        "no_media",
        "unreadable",
        "not_media",
        "no_picture",
        "no_sound",
        "too_large",
        "timeout",
        "out_of_memory",
    )

    def __init__(self, message: str, *, code: str, path: object) -> None:
        if code not in self.CODES:
            raise ValueError(f"expected a media error code, one of {', '.join(self.CODES)}; got {code!r}")
        super().__init__(message)
        self.message = message
        self.code = code
        self.path = str(path)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions come from other processes by their arguments alone, which here are named.
        return _media_error, (self.message, self.code, self.path)


def _media_error(message: str, code: str, path: str) -> MediaError:
    return MediaError(message, code=code, path=path)


class UnknownName(UnforgeError, LookupError):
    """A plug-in was asked for by a name that nothing carries."""

    code = "unknown_name"

    def __init__(self, kind: str, name: str, available: Iterable[str]) -> None:
        self.kind, self.name, self.available = kind, name, tuple(available)
        choices = ", ".join(self.available) or "none"
        super().__init__(f"unknown {kind} {name!r}; available: {choices}")

    def __reduce__(self) -> tuple[object, ...]:
        return UnknownName, (self.kind, self.name, self.available)


class ShapeError(UnforgeError, ValueError):
    """An array has another shape, type or range than expected."""

    code = "shape"

    def __init__(self, what: str, *, expected: object, got: object) -> None:
        self.what, self.expected, self.got = what, expected, got
        super().__init__(f"{what}: expected {expected}, got {got}")

    def __reduce__(self) -> tuple[object, ...]:
        return _shape_error, (self.what, self.expected, self.got)


def _shape_error(what: str, expected: object, got: object) -> ShapeError:
    return ShapeError(what, expected=expected, got=got)


class WeightsError(UnforgeError, RuntimeError):
    """A model file is missing or differs from its card; unforge never runs an unverified model."""

    code = "weights"


class SchemaError(UnforgeError, ValueError):
    """A stored report does not follow the schema that it names."""

    code = "schema"


class StoreError(UnforgeError, RuntimeError):
    """A key ring or a registry is missing, busy, damaged or of a newer schema, or holds nothing that would do."""

    code = "store"


class PolicyError(UnforgeError, ValueError):
    """A policy names what does not exist, contradicts itself, or would do what no policy may."""

    code = "policy"


class OutputError(UnforgeError, OSError):
    """A result could not be written; whatever stood there before is untouched."""

    code = "output"


class NotApplicable(UnforgeError):
    """What was asked for makes no sense for this file: it holds nothing to protect, or is protected already."""

    code = "not_applicable"


class UsageError(UnforgeError, ValueError):
    """A setting is outside of what makes sense."""

    code = "usage"
