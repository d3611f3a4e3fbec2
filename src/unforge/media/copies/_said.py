"""What a film says of itself in words: tags of the film and of its streams, and chapters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from unforge.errors import OutputError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

# What whoever writes the file says of it, not of the film.
_OF_WRITING = {"major_brand", "minor_version", "compatible_brands", "encoder", "vendor_id", "duration"}
_COUNTED = re.compile(r"(bps|number_of_\w+|_statistics_\w+)(-\w+)?")  # of coded streams, by programs for Matroska
# These MP4 and QuickTime have places for. Where there are others, all go to a list of free names.
_WITH_PLACES = {"title", "artist", "album", "comment", "date", "genre", "copyright", "creation_time"}
_PLACE = re.compile(r"location(-\w+)?")
_SAME_DEG = 0.001  # MP4 rounds
_SAME_S = 0.001


@dataclass(frozen=True, slots=True)
class Said:
    """Tags by their names in lower case; those of streams by the number of the stream; chapters: start and title."""

    film: Mapping[str, str]
    streams: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    chapters: tuple[tuple[float, str], ...] = ()

    def missing_in(self, copied: "Said") -> list[str]:
        """What a copy does not say, in words."""
        missing = [f"the tag {name}" for name in _missing(self.film, copied.film)]
        for number, tags in self.streams.items():
            found = copied.streams.get(number, {})
            missing += [f"the tag {name} of stream {number}" for name in _missing(tags, found)]
        return missing + ([] if _same_chapters(self.chapters, copied.chapters) else ["the chapters"])

    def check(self, copied: "Said", source: Path) -> None:
        """Raises OutputError where a copy does not say all of it."""
        if missing := self.missing_in(copied):
            raise OutputError(
                f"{source.name}: the copy would lose {', '.join(missing)}; write the film anew without and take that"
            )


def said(container: "InputContainer", numbers: "Mapping[Stream, int]") -> Said:
    """What is said in a film. numbers: of the streams that count, as they are called in the copy."""
    return Said(
        tags(container.metadata),
        {number: tags(stream.metadata) for stream, number in numbers.items()},
        tuple(
            (float(one["start"] * (one["time_base"] or 1)), one["metadata"].get("title", ""))
            for one in container.chapters()
        ),
    )


def tags(metadata: Mapping[str, str]) -> dict[str, str]:
    """Tags that speak of the film, by names in lower case, because Matroska writes some of them in capitals."""
    lower = {name.lower(): text for name, text in metadata.items()}
    return {name: text for name, text in lower.items() if name not in _OF_WRITING and not _COUNTED.fullmatch(name)}


def have_places(metadata: Mapping[str, str]) -> bool:
    """Whether MP4 and QuickTime have places of their own for all of these tags."""
    return all(name in _WITH_PLACES or _PLACE.fullmatch(name) for name in tags(metadata))


def _missing(wanted: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    return [name for name, text in wanted.items() if not _same(name, text, found.get(name))]


def _same(name: str, text: str, found: str | None) -> bool:
    if found is None or not _PLACE.fullmatch(name):
        return text == found
    one, other = _degrees(text), _degrees(found)
    return len(one) == len(other) and all(abs(a - b) <= _SAME_DEG for a, b in zip(one, other, strict=True))


def _degrees(text: str) -> list[float]:
    """Latitude and longitude of ISO 6709."""
    return [float(number) for number in re.findall(r"[+-]\d+(?:\.\d+)?", text)[:2]]


def _same_chapters(wanted: tuple[tuple[float, str], ...], found: tuple[tuple[float, str], ...]) -> bool:
    return len(wanted) == len(found) and all(
        abs(start_s - other_s) <= _SAME_S and title == other
        for (start_s, title), (other_s, other) in zip(wanted, found, strict=True)
    )
