"""The folder that reports go to: NAME.html and NAME.json for each file."""

import tempfile
from pathlib import Path

from unforge.errors import OutputError
from unforge.report import Report

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
        from unforge.media.write import atomic_write

        name = self._unique(Path(report.exhibit.path))
        written = []
        for form in map(formats.load, FORMATS):
            target = self.path / f"{name}{form.SUFFIX}"
            atomic_write(target, form.render(report, self._language))
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
