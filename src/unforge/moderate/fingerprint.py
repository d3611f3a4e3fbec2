"""What is kept of a file in the bank: its hashes, never its picture.

Of a film one look a second is hashed, as in Facebook's vPDQ (2022). Flat pictures, whose hash would say nothing, are
left out and counted.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from unforge.media.image import read_image
from unforge.media.probe import probe
from unforge.media.video import frames
from unforge.moderate import pdq, variants
from unforge.moderate.item import LOOK_RATE_HZ, STILL_SIDE_PX, Still

Media = Literal["image", "video", "hash"]
MEDIA: tuple[Media, ...] = get_args(Media)


@dataclass(frozen=True, slots=True)
class Look:
    """One hashed picture. hashes: by variant, 32 bytes each, as `variants.stored` names them. quality: 0 to 100."""

    time_s: float
    quality: int
    hashes: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """sha256: of the file; media: "hash" where there never was one. flat: looks left out for their quality."""

    sha256: str
    media: Media
    looks: tuple[Look, ...]
    flat: int = 0


def of_file(path: Path) -> Fingerprint:
    """The fingerprint of a picture or film. Raises MediaError for a file that cannot be read."""
    facts = probe(path)
    return _of(facts.sha256, facts.kind, _stills(path, facts.kind))


def of_picture(rgb: NDArray[np.uint8]) -> Fingerprint:
    """The fingerprint of a picture (H, W, 3) uint8 in memory; its SHA-256 is that of the pixels."""
    return _of(hashlib.sha256(rgb.tobytes()).hexdigest(), "image", [Still(0.0, rgb)])


def of_hash(data: bytes, quality: int) -> Fingerprint:
    """The fingerprint of something of which there is only a published hash."""
    return Fingerprint("", "hash", (Look(0.0, quality, {variants.WHOLE: data}),))


def _of(sha256: str, media: Media, stills: Iterable[Still]) -> Fingerprint:
    looks, flat = [], 0
    for still in stills:
        seen = variants.reduced(still.rgb)
        quality = max(one.quality for one in seen)
        if quality < pdq.LEAST_QUALITY:
            flat += 1
        else:
            looks.append(Look(still.time_s, quality, variants.stored(seen)))
    return Fingerprint(sha256, media, tuple(looks), flat)


def _stills(path: Path, kind: str) -> Iterator[Still]:
    if kind == "image":
        yield Still(0.0, read_image(path, STILL_SIDE_PX).rgb)
        return
    with frames(path, rate_hz=LOOK_RATE_HZ, max_side_px=STILL_SIDE_PX) as source:
        for frame in source:
            yield Still(frame.time_s, frame.rgb)
