"""The folder that reports go to: NAME.html and NAME.json for each file."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from unforge.errors import OutputError
from unforge.report import Investigation, Protection, Report

FORMATS = ("html", "json")
_LONGEST = 180  # bytes of a name; file systems allow 255 with ending and draft mark


class Folder:
    """Writes reports under names that are unique within one run, whichever folders the files came from.

    Raises OutputError at once if the folder cannot be made or written to: better before the work than after
    it.
    """

    def __init__(self, path: Path, language: str) -> None:
        self.path, self._language = path, language
        self._taken: set[str] = set()
        try:
            path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path) as probe:
                probe.write(b"unforge")
        except OSError as cause:
            reason = cause.strerror or cause
            raise OutputError(f"cannot write reports to {path}: {reason}; choose another folder") from cause

    def write(self, report: Report) -> tuple[Path, ...]:
        """The files written, HTML first. Raises OutputError; what stood there before then survives."""
        from unforge.explain import formats

        rendered = {form.SUFFIX: form.render(report, self._language) for form in map(formats.load, FORMATS)}
        return self._written(Path(report.exhibit.path), rendered)

    def write_investigation(self, found: Investigation) -> tuple[Path, ...]:
        """As `write`, for a photograph of a screen."""
        from unforge.explain.formats import _investigation

        page = _investigation.render(found, self._language)
        return self._written(Path(found.path), {_investigation.SUFFIX: page, ".json": found.to_json(2).encode()})

    def write_protection(self, told: Protection) -> tuple[Path, ...]:
        """As `write`, for a protected copy."""
        from unforge.explain.formats import _protection

        page = _protection.render(told, self._language)
        return self._written(Path(told.path), {_protection.SUFFIX: page, ".json": told.to_json(2).encode()})

    def _written(self, examined: Path, rendered: Mapping[str, bytes]) -> tuple[Path, ...]:
        from unforge.media.write import atomic_write

        name = self._unique(examined)
        written = []
        for suffix, content in rendered.items():
            target = self.path / f"{name}{suffix}"
            atomic_write(target, content)
            written.append(target)
        return tuple(written)

    def _unique(self, exhibit: Path) -> str:
        """The file's name without its ending; `-2`, `-3`, ... where another file of this run has it."""
        stem = exhibit.stem.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore") or "exhibit"
        name, number = stem, 1
        while name.casefold() in self._taken:  # some file systems do not tell A from a
            number += 1
            name = f"{stem}-{number}"
        self._taken.add(name.casefold())
        return name
