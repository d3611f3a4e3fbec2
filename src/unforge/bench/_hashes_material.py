"""Stills to keep in a bank and to ask about, and whether two of them are one photograph."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.bench import material
from unforge.errors import MediaError

Rgb = NDArray[np.uint8]

LONGEST_PX = 640
SAME_POINTS = 25  # that fit one movement: more than pictures of different things ever share


@dataclass(frozen=True, slots=True)
class Picture:
    """A still of the data. name: its path there."""

    name: str
    dataset: str


def stills(data: Path | None, split: str) -> list[Picture]:
    """All stills of a split, one of each set after the other, so that the first ones are of many sets."""
    sets: dict[str, list[Picture]] = defaultdict(list)
    for item in material.read(data, split, "image"):
        sets[item.dataset].append(Picture(item.path, item.dataset))
    return [one for turn in zip_longest(*sets.values()) for one in turn if one is not None]


def read(data: Path, picture: Picture) -> Rgb:
    """(H, W, 3) uint8, at most LONGEST_PX long. Raises MediaError."""
    bgr = cv2.imread(str(data / picture.name), cv2.IMREAD_COLOR)
    if bgr is None:
        raise MediaError("the picture cannot be read", code="unreadable", path=data / picture.name)
    scale = LONGEST_PX / max(bgr.shape[:2])
    if scale < 1.0:
        bgr = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(np.asarray(bgr, np.uint8)[..., ::-1])


def one_photograph(first: Rgb, second: Rgb) -> bool:
    """Whether many points of both fit one movement: the same picture, or one taken a moment later.

    Independent of any hash; source: Lowe, Distinctive image features from scale-invariant keypoints (2004).
    """
    detector = cv2.SIFT.create(1000)
    (points, words), (others, other_words) = (
        detector.detectAndCompute(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), None) for rgb in (first, second)
    )
    if words is None or other_words is None or len(other_words) < 2:
        return False
    pairs = [pair for pair in cv2.BFMatcher().knnMatch(words, other_words, k=2) if len(pair) == 2]
    good = [near for near, next_one in pairs if near.distance < 0.75 * next_one.distance]
    if len(good) < SAME_POINTS:
        return False
    ours = np.array([points[match.queryIdx].pt for match in good], np.float32)
    theirs = np.array([others[match.trainIdx].pt for match in good], np.float32)
    _, fits = cv2.estimateAffinePartial2D(ours, theirs, ransacReprojThreshold=5.0)
    return fits is not None and int(fits.sum()) >= SAME_POINTS


def parts(rgb: Rgb) -> Iterator[Rgb]:
    """The halves of a picture, as further pictures to fill a bank with."""
    middle = rgb.shape[1] // 2
    yield np.ascontiguousarray(rgb[:, :middle])
    yield np.ascontiguousarray(rgb[:, middle:])
