"""Eyes, nose or mouth of another face, or of the same one mirrored, moved, opened or closed."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.errors import UsageError
from unforge.faces import regions
from unforge.train.fakes import Donors, Fake
from unforge.train.fakes._alter import moved, resampled
from unforge.train.fakes._fit import as_sharp_as, bent_onto, coloured_like, donor_for, mismatch, similarity
from unforge.train.fakes._mask import (
    Generator,
    Mask,
    Mesh,
    Picture,
    draw,
    face_px,
    grown,
    paste,
    region_mask,
    until_visible,
)

PARTS: Mapping[str, float] = {"mouth": 0.45, "eyes": 0.40, "nose": 0.15}
WAYS: Mapping[str, float] = {"donor": 0.40, "mirrored": 0.12, "moved": 0.18, "morphed": 0.30}

LEFT = regions.LEFT_EYE + regions.LEFT_BROW
RIGHT = regions.RIGHT_EYE + regions.RIGHT_BROW
BRIDGE = (168, 6, 197, 195, 5, 4, 1, 2)  # from between the eyes to under the tip of the nose
# The same points as they come to lie when the face is mirrored
MIRRORED = {
    "eyes": (LEFT + RIGHT, RIGHT + LEFT),
    "mouth": (regions.MOUTH, regions.MOUTH[10::-1] + regions.MOUTH[:10:-1]),
    "nose": (BRIDGE, BRIDGE),
}
HOLDING = {"eyes": LEFT[::2] + RIGHT[::2], "mouth": (*regions.MOUTH, 2, 152), "nose": (*regions.NOSE, *BRIDGE)}


def make(rgb: Picture, landmarks_px: Mesh, rng: Generator, donors: Donors | None = None) -> Fake:
    """Forge a face crop (H, W, 3) with mesh (468, 2) on it; raises UsageError without donors.

    Half of the time the face, and with it the untouched partner, has been sampled once as the part has.
    """
    if donors is None:
        raise UsageError("part_swap: expected donors (unforge.train.donors.NearestDonors); got None")
    return until_visible(lambda: _attempt(rgb, landmarks_px, rng, donors))


def _attempt(rgb: Picture, landmarks_px: Mesh, rng: Generator, donors: Donors) -> Fake:
    part, way = draw(PARTS, rng), draw(WAYS, rng)
    mask = region_mask(landmarks_px, rgb.shape[:2], rng, part)
    target = resampled(rgb, rng) if rng.random() < 0.5 else rgb
    around = grown((mask > 0.05).astype(np.float32), 0.06 * face_px(landmarks_px))
    source = _other(target, landmarks_px, part, way, around, donors, rng)
    return Fake(paste(source, target, mask), target, mask, ("geometry", *mismatch(source, target, mask)), part)


def _other(
    target: Picture, landmarks_px: Mesh, part: str, way: str, around: Mask, donors: Donors, rng: Generator
) -> Picture:
    """A whole picture whose part is to be pasted; `around` is the part and its surroundings."""
    if way == "donor":
        return _donated(target, landmarks_px, part, around, donors, rng)
    if way == "mirrored":
        return _mirrored(target, landmarks_px, part, around)
    if way == "morphed" and part != "nose":
        return _morphed(target, landmarks_px, part, rng)
    return moved(target, face_px(landmarks_px), 1.2, rng)


def _donated(target: Picture, landmarks_px: Mesh, part: str, around: Mask, donors: Donors, rng: Generator) -> Picture:
    """Another's part, set by its own points; by chance it keeps its own shape."""
    crop, mesh_px = donor_for(target, landmarks_px, donors, rng)
    holding = list(HOLDING[part])
    wanted = landmarks_px[holding]
    own = similarity(mesh_px[holding], wanted)
    placed = own + rng.uniform(0.0, 1.0) * (wanted - own)
    source = bent_onto(crop, mesh_px[holding], placed, target.shape[:2])
    strength = rng.uniform(0.4, 0.7) if rng.random() < 0.1 else rng.uniform(0.7, 1.0)
    source = coloured_like(source, target, around, strength, strength * rng.uniform(0.3, 0.9))
    return as_sharp_as(source, target, around) if rng.random() < 0.75 else source


def _mirrored(target: Picture, landmarks_px: Mesh, part: str, around: Mask) -> Picture:
    """The part as a mirror shows it, at its place."""
    flipped = np.ascontiguousarray(target[:, ::-1])
    mesh_px = landmarks_px * (-1.0, 1.0) + (target.shape[1] - 1.0, 0.0)
    here, there = (list(points) for points in MIRRORED[part])
    wanted = landmarks_px[here]
    source = bent_onto(flipped, mesh_px[there], similarity(mesh_px[there], wanted), target.shape[:2])
    return coloured_like(source, target, around, 0.0, 0.7)


def _morphed(rgb: Picture, landmarks_px: Mesh, part: str, rng: Generator) -> Picture:
    """Mouth or eyes opened, closed, widened or pulled into another expression by a smooth local bending."""
    factor = _drawn_factor(rng)
    if part == "mouth":
        curl, wide = rng.uniform(-0.12, 0.12), 1.0 + rng.uniform(-0.12, 0.12)
        return _pulled(rgb, [_bulge(landmarks_px, regions.MOUTH, factor, wide, curl)])
    shift = rng.uniform(-0.05, 0.05)
    return _pulled(
        rgb, [_bulge(landmarks_px, eye, factor, 1.0, shift) for eye in (regions.LEFT_EYE, regions.RIGHT_EYE)]
    )


def _drawn_factor(rng: Generator) -> float:
    """How much higher a mouth or an eye becomes: clearly lower or clearly higher."""
    return float(rng.uniform(0.55, 0.82) if rng.random() < 0.5 else rng.uniform(1.2, 1.6))


Bulge = tuple[NDArray[np.float64], NDArray[np.float64], float, float, float]


def _bulge(landmarks_px: Mesh, points: tuple[int, ...], factor: float, wide: float, curl: float) -> Bulge:
    """Middle and half size of a part, how much higher and wider it becomes, how far its corners rise."""
    part = landmarks_px[list(points)].astype(np.float64)
    half = np.ptp(part, axis=0) / 2.0
    return part.mean(axis=0), np.maximum(half, half.max() * 0.35), factor, wide, curl


def _pulled(rgb: Picture, bulges: list[Bulge]) -> Picture:
    """The picture bent around each place; the bending fades to nothing at twice the part's size."""
    y, x = np.mgrid[: rgb.shape[0], : rgb.shape[1]].astype(np.float64)
    across, down = x.copy(), y.copy()
    for middle, half, factor, wide, curl in bulges:
        u, v = (x - middle[0]) / half[0], (y - middle[1]) / half[1]
        fading = np.exp(-0.5 * ((u / 1.15) ** 2 + (v / 1.3) ** 2) ** 2)
        across += fading * half[0] * u * (1.0 / wide - 1.0)
        down += fading * (half[1] * v * (1.0 / factor - 1.0) + half[0] * curl * (u**2 - 0.3))
    sampled = cv2.remap(
        rgb, across.astype(np.float32), down.astype(np.float32), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(sampled, np.uint8)
