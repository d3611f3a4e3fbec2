"""What is measured on: lines of a manifest or videos of a list, as plain values."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unforge.bench import lists
from unforge.bench.record import sha256_of
from unforge.errors import UsageError
from unforge.train import datasets
from unforge.train.sample import Sample

SPLITS = ("train", "val")


@dataclass(frozen=True, slots=True)
class Item:
    """One picture or video with its label.

    path: below the data folder, or the name of a video of which only frames are kept; kind: "image" or "video".
    central_face: neighbours in the picture may carry another label. frames: pictures of a listed video, in order.
    """

    path: str
    fake: bool
    kind: str
    dataset: str
    method: str
    central_face: bool = False
    frames: tuple[str, ...] = ()


def read(data: Path | None, split: str, kind: str) -> list[Item]:
    """The images or videos of one split of `data / manifest.csv`, in its order. Raises UsageError."""
    if data is None:
        raise UsageError("data: expected a folder with a manifest.csv (--data DIR); got none")
    if split not in SPLITS:
        raise UsageError(f"split: expected one of {', '.join(SPLITS)}; got {split!r}")
    items = [
        Item(
            path=sample.path.relative_to(data).as_posix(),
            fake=sample.label == "fake",
            kind=sample.kind,
            dataset=sample.dataset,
            method=sample.method,
            central_face=sample.central_face,
        )
        for sample in datasets.index("manifest", data)
        if sample.kind == kind and sample.split == split
    ]
    if not items:
        raise UsageError(f"{data / 'manifest.csv'}: no {kind}s in the split {split!r}")
    return items


def read_list(listed: Path, data: Path | None, split: str) -> list[Item]:
    """The videos of one split of a list (bench/lists.py) whose frames lie below `data`. Raises UsageError."""
    if data is None:
        raise UsageError("data: expected the folder below which the frames of the list lie (--data DIR); got none")
    return [
        Item(video.name, video.fake, "video", video.dataset, video.method, central_face=True, frames=video.frames)
        for video in lists.read(listed, data, split)
    ]


def evenly(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many items, evenly over all."""
    return list(items[:: max(1, len(items) // most)][:most])


def sample(data: Path | None, item: Item, split: str) -> Sample:
    """An item as training knows it, to find its face."""
    return Sample(
        (data or Path()) / item.path,
        "fake" if item.fake else "real",
        "video" if item.kind == "video" else "image",
        item.dataset,
        item.method,
        "train" if split == "train" else "val",
        item.central_face,
    )


def sha256(data: Path | None, listed: Path | None = None) -> str:
    """Hash of the list of data that a record names."""
    if listed is not None:
        return sha256_of(listed)
    return "" if data is None else sha256_of(data / "manifest.csv")


def no_list(protocol: str, listed: Path | None) -> None:
    """Raises UsageError where a protocol was given a list that it cannot use."""
    if listed is not None:
        raise UsageError(f"{protocol}: expected a folder with a manifest.csv; lists are for the protocol clips")


def no_peers(protocol: str, peers: Sequence[str]) -> None:
    """Raises UsageError where a protocol was asked for peers that it cannot measure."""
    if peers:
        raise UsageError(f"{protocol}: expected no peers, because they have nothing to measure there; got {peers}")
