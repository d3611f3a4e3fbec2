"""Where a forgery is pasted, and what all families share: masks, smooth fields, the gate of what can be seen."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.faces import regions
from unforge.train.fakes import REGIONS as NAMED
from unforge.train.fakes import Fake

Picture = NDArray[np.uint8]
Mesh = NDArray[np.float32]
Mask = NDArray[np.float32]
Generator = np.random.Generator

MIN_CHANGE = 1.0  # mean difference inside the mask in grey levels; less is no forgery
TRIES = 6
SMALL = ("mouth", "eyes", "nose")
BROWS = regions.LEFT_BROW + regions.RIGHT_BROW


def until_visible(attempt: Callable[[], Fake]) -> Fake:
    """The first forgery of a few whose change can be seen; the last one if none can."""
    fake = attempt()
    for _ in range(TRIES):
        if change(fake) >= MIN_CHANGE:
            break
        fake = attempt()
    return fake


def change(fake: Fake) -> float:
    """Mean difference from the partner in grey levels, inside the mask or outside of it, whichever is more.

    Where the partner went through the transform as a whole, the two differ outside.
    """
    difference = np.abs(fake.rgb.astype(np.float32) - fake.real).mean(axis=2)
    inside, outside = fake.mask > 0.3, fake.mask <= 0.02
    if not inside.any():
        return 0.0
    return max(float(difference[inside].mean()), float(difference[outside].mean()) if outside.any() else 0.0)


def draw(shares: Mapping[str, float], rng: Generator) -> str:
    """One of the names, as often as its share says."""
    names = list(shares)
    weights = np.array([shares[name] for name in names])
    return names[rng.choice(len(names), p=weights / weights.sum())]


def named(region: str) -> str:
    """The name of a region in the words of the report: whatever is larger than a part is "face"."""
    return region if region in NAMED else "face"


def face_px(landmarks_px: Mesh) -> float:
    """Longer side of the box around a mesh."""
    return float(np.ptp(landmarks_px, axis=0).max())


def clipped(values: NDArray[np.floating]) -> Picture:
    """Grey levels rounded to uint8."""
    return np.asarray(np.clip(np.round(values), 0, 255), np.uint8)


def paste(source: Picture, target: Picture, mask: Mask) -> Picture:
    """`source` where the mask is 1, `target` where it is 0."""
    weight = mask[..., None]
    return clipped(source * weight + target * (1.0 - weight))


# Shapes


def region_mask(landmarks_px: Mesh, shape: tuple[int, int], rng: Generator, region: str) -> Mask:
    """(H, W) float32 in [0, 1]: a part of the face, bent, grown or shrunk, with a soft rim."""
    size_px = face_px(landmarks_px)
    hard = _polygon(region, landmarks_px, shape, rng)
    crooked = bent(hard, size_px * rng.uniform(0.0, 0.05), rng)
    small = region in SMALL
    rim_px = size_px * rng.uniform(0.006, 0.035 if small else 0.07)
    if not small and rng.random() < 0.5:
        rim_px *= 0.4
    soft = np.clip(cv2.GaussianBlur(crooked, (0, 0), max(rim_px, 0.6)), 0.0, 1.0)
    opacity = 1.0 if rng.random() < 0.65 else rng.uniform(0.6, 1.0)
    return np.asarray(soft * opacity, np.float32)


def _polygon(region: str, points_px: Mesh, shape: tuple[int, int], rng: Generator) -> Mask:
    size_px = face_px(points_px)

    def hull(*indices: tuple[int, ...]) -> Mask:
        return regions.hull_mask(points_px[[i for part in indices for i in part]], shape)

    if region == "face":
        return grown(hull(regions.OVAL), size_px * rng.uniform(-0.06, 0.05))
    if region == "inner face":
        return grown(hull(BROWS, regions.MOUTH, regions.NOSE), size_px * rng.uniform(-0.01, 0.08))
    if region == "lower face":
        low = hull(regions.OVAL) * (np.arange(shape[0])[:, None] > points_px[list(regions.NOSE), 1].mean())
        return grown(low.astype(np.float32), size_px * rng.uniform(-0.05, 0.03))
    if region == "mouth":
        return grown(hull(regions.MOUTH), size_px * rng.uniform(0.01, 0.09))
    if region == "eyes":
        left, right = hull(regions.LEFT_EYE, regions.LEFT_BROW), hull(regions.RIGHT_EYE, regions.RIGHT_BROW)
        both = np.maximum(left, right) if rng.random() < 0.7 else hull(BROWS, regions.LEFT_EYE, regions.RIGHT_EYE)
        return grown(both, size_px * rng.uniform(0.0, 0.06))
    if region == "nose":
        return grown(hull(regions.NOSE), size_px * rng.uniform(0.0, 0.05))
    return _half(hull(regions.OVAL), points_px, rng)


def _half(oval: Mask, points_px: Mesh, rng: Generator) -> Mask:
    """The part of the face on one side of a random line through its middle."""
    y, x = np.mgrid[: oval.shape[0], : oval.shape[1]]
    angle, middle = rng.uniform(0, 2 * np.pi), points_px.mean(axis=0)
    side = (x - middle[0]) * np.cos(angle) + (y - middle[1]) * np.sin(angle) > 0
    return np.asarray(oval * side, np.float32)


def grown(mask: Mask, by_px: float) -> Mask:
    """The mask dilated, or eroded where by_px is negative; a mask that would vanish stays."""
    radius = round(abs(by_px))
    if radius < 1:
        return mask
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    turned = np.asarray(cv2.dilate(mask, kernel) if by_px > 0 else cv2.erode(mask, kernel), np.float32)
    return turned if turned.any() else mask


def bent(mask: Mask, by_px: float, rng: Generator) -> Mask:
    """The mask under a smooth random displacement of up to about by_px."""
    if by_px < 0.5:
        return mask
    shift = smooth_field(mask.shape, rng) * by_px
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]].astype(np.float32)
    return np.asarray(cv2.remap(mask, x + shift[..., 0], y + shift[..., 1], cv2.INTER_LINEAR), np.float32)


def smooth_field(shape: tuple[int, ...], rng: Generator) -> NDArray[np.float32]:
    """(H, W, 2) float32 smooth random vectors of about unit length."""
    cells = int(rng.integers(3, 7))
    coarse = rng.standard_normal((cells, cells, 2)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)
