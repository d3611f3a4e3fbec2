"""Lists of videos as frames, in the JSON layout that DeepfakeBench made common.

    {dataset: {label: {split: {[compression:] {video: {"label": ..., "frames": [path, ...]}}}}}}

Who has the public sets cut into frames has such a list for each. Files in the wild differ: levels are left out or
swapped, paths have backslashes or start at another folder. What is there is taken as far as it is clear.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from unforge.errors import UsageError

SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
UNTOUCHED = ("real", "original", "pristine")  # a label with one of these words means that nobody forged it
FRAMES_PER_VIDEO = 32  # evenly spread, as the public tables are counted


@dataclass(frozen=True, slots=True)
class Listed:
    """One video of a list; dataset: with its compression if there is one; method: its label, "" for an untouched one.

    frames: paths below the data folder, in order.
    """

    name: str
    fake: bool
    dataset: str
    method: str
    frames: tuple[str, ...]


def read(listed: Path, data: Path, split: str) -> list[Listed]:
    """The videos of one split in the order of the list. Raises UsageError if it has none, or a frame is missing."""
    try:
        content = json.loads(listed.read_text("utf-8"))
    except (OSError, ValueError) as cause:
        raise UsageError(f"list: expected JSON of datasets, labels, splits and videos; {listed}: {cause}") from cause
    found: dict[str, list[Listed]] = {}
    for keys, video in _videos(content, ()):
        found.setdefault(_split(keys), []).append(_listed(keys, video))
    if split not in found:
        raise UsageError(f"{listed}: expected videos of the split {split!r}; it has {', '.join(found) or 'none'}")
    return [_rooted(video, data, listed) for video in found[split]]


def _videos(node: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Every entry with frames, and the keys that lead to it."""
    if not isinstance(node, dict):
        return
    frames = node.get("frames")
    if isinstance(frames, list):
        if frames and len(keys) >= 2:
            yield keys, node
        return
    for key, below in node.items():
        yield from _videos(below, (*keys, key))


def _split(keys: tuple[str, ...]) -> str:
    return next((SPLITS[key.lower()] for key in keys[1:-1] if key.lower() in SPLITS), "test")


def _listed(keys: tuple[str, ...], video: Mapping[str, Any]) -> Listed:
    levels = [key for key in keys[1:-1] if key.lower() not in SPLITS]
    label = video.get("label", levels[0] if levels else "")
    fake = _fake(label)
    compression = levels[1:]
    frames = [str(frame).replace("\\", "/") for frame in video["frames"]]
    kept = np.linspace(0, len(frames) - 1, min(len(frames), FRAMES_PER_VIDEO)).round().astype(int)
    return Listed(
        name="/".join((keys[0], *levels, keys[-1])),
        fake=fake,
        dataset=" ".join((keys[0], *compression)),
        method=(levels[0] if levels else str(label)) if fake else "",
        frames=tuple(frames[n] for n in kept),
    )


def _fake(label: object) -> bool:
    if isinstance(label, int | float):
        return bool(label)
    return not any(word in str(label).lower() for word in UNTOUCHED)


def _rooted(video: Listed, data: Path, listed: Path) -> Listed:
    """The video with paths that exist: lists start at a folder of their maker's, of which a user may have the rest."""
    first = PurePosixPath(video.frames[0]).parts
    for dropped in range(len(first)):
        if (data / Path(*first[dropped:])).is_file():
            frames = tuple(str(PurePosixPath(*PurePosixPath(f).parts[dropped:])) for f in video.frames)
            return Listed(video.name, video.fake, video.dataset, video.method, frames)
    raise UsageError(f"{listed}: expected the frame {video.frames[0]!r} below {data}; it is not there")
