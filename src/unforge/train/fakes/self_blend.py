"""A face blended with an altered copy of itself: a seam, and nothing else, tells the forgery from its original.

The idea is public (Self-Blended Images, CVPR 2022; Face X-ray, CVPR 2020); regions, cues, ranges and code are ours.
The cue is drawn first and balanced, because a generator that draws alterations blindly teaches colour steps only.
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge import channel
from unforge.faces import regions
from unforge.train.fakes import REGIONS as NAMED
from unforge.train.fakes import Donors, Fake

Picture = NDArray[np.uint8]
Generator = np.random.Generator
Alteration = Callable[[Picture, Generator], Picture]

MIN_CHANGE = 1.0  # mean difference inside the mask in grey levels; less is no forgery
TRIES = 6
CUES: Mapping[str, float] = {
    "colour": 0.22,
    "sharpness": 0.31,
    "smoothing": 0.07,
    "compression": 0.10,
    "geometry": 0.12,
    "mixed": 0.18,
}
REGIONS: Mapping[str, float] = {
    "face": 0.40,
    "inner face": 0.20,
    "lower face": 0.14,
    "mouth": 0.08,
    "eyes": 0.08,
    "nose": 0.04,
    "half": 0.06,
}


def make(
    rgb: Picture,
    landmarks_px: NDArray[np.float32],
    rng: Generator,
    donors: Donors | None = None,
    cue: str | None = None,
    region: str | None = None,
) -> Fake:
    """Forge a face crop (H, W, 3) with mesh (468, 2) on it; no donors are needed.

    cue, region: force what is otherwise drawn (for probes and tests). One side of the seam is the altered copy, by
    chance the inner or the outer one; the untouched partner is altered as a whole half of the time. So neither the
    alteration nor its absence is a label: only the seam is.
    """
    fake = _attempt(rgb, landmarks_px, rng, cue, region)
    for _ in range(TRIES):
        if _change(fake) >= MIN_CHANGE:
            break
        fake = _attempt(rgb, landmarks_px, rng, cue, region)
    return fake


def _attempt(
    rgb: Picture, landmarks_px: NDArray[np.float32], rng: Generator, cue: str | None, region: str | None
) -> Fake:
    cue = cue or _draw(CUES, rng)
    region = region or _draw(REGIONS, rng)
    mask = region_mask(landmarks_px, rgb.shape[:2], rng, region)
    altered, artefacts = _altered(rgb, cue, rng)
    inside_altered = rng.random() < 0.6
    source, target = (altered, rgb) if inside_altered else (rgb, altered)
    if cue == "geometry" or rng.random() < 0.4:
        size_px = float(np.ptp(landmarks_px, axis=0).max())
        source = _moved(source, size_px, 1.0 if cue == "geometry" else 0.6, rng)
        artefacts = (*artefacts, "geometry")
    weight = mask[..., None]
    blended = source * weight + target * (1.0 - weight)
    partner = altered if rng.random() < 0.5 else rgb
    return Fake(
        _clipped(blended), partner, mask, tuple(dict.fromkeys(artefacts)), region if region in NAMED else "face"
    )


def _change(fake: Fake) -> float:
    """Mean difference from the nearer of the partner's versions inside the mask, in grey levels."""
    difference = np.abs(fake.rgb.astype(np.float32) - fake.real).mean(axis=2)
    inside, outside = fake.mask > 0.3, fake.mask <= 0.02
    if not inside.any():
        return 0.0
    return max(float(difference[inside].mean()), float(difference[outside].mean()) if outside.any() else 0.0)


def _draw(shares: Mapping[str, float], rng: Generator) -> str:
    names = list(shares)
    weights = np.array([shares[name] for name in names])
    return names[rng.choice(len(names), p=weights / weights.sum())]


# Where


def region_mask(
    landmarks_px: NDArray[np.float32], shape: tuple[int, int], rng: Generator, region: str | None = None
) -> NDArray[np.float32]:
    """(H, W) float32 in [0, 1]: a part of the face, bent, grown or shrunk, with a soft rim."""
    region = region or _draw(REGIONS, rng)
    size_px = float(np.ptp(landmarks_px, axis=0).max())
    hard = _polygon(region, landmarks_px, shape, rng)
    bent = _bent(hard, size_px * rng.uniform(0.0, 0.05), rng)
    small = region in ("mouth", "eyes", "nose")
    rim_px = size_px * rng.uniform(0.006, 0.035 if small else 0.07)
    if not small and rng.random() < 0.5:
        rim_px *= 0.4
    soft = np.clip(cv2.GaussianBlur(bent, (0, 0), max(rim_px, 0.6)), 0.0, 1.0)
    opacity = 1.0 if rng.random() < 0.65 else rng.uniform(0.6, 1.0)
    return np.asarray(soft * opacity, np.float32)


def _polygon(
    region: str, landmarks_px: NDArray[np.float32], shape: tuple[int, int], rng: Generator
) -> NDArray[np.float32]:
    points = landmarks_px
    size_px = float(np.ptp(points, axis=0).max())

    def hull(*indices: tuple[int, ...]) -> NDArray[np.float32]:
        return regions.hull_mask(points[[i for part in indices for i in part]], shape)

    brows = regions.LEFT_BROW + regions.RIGHT_BROW
    if region == "face":
        return _grown(hull(regions.OVAL), size_px * rng.uniform(-0.06, 0.05))
    if region == "inner face":
        return _grown(hull(brows, regions.MOUTH, regions.NOSE), size_px * rng.uniform(-0.01, 0.08))
    if region == "lower face":
        low = hull(regions.OVAL) * (np.arange(shape[0])[:, None] > points[list(regions.NOSE), 1].mean())
        return _grown(low.astype(np.float32), size_px * rng.uniform(-0.05, 0.03))
    if region == "mouth":
        return _grown(hull(regions.MOUTH), size_px * rng.uniform(0.01, 0.09))
    if region == "eyes":
        left, right = hull(regions.LEFT_EYE, regions.LEFT_BROW), hull(regions.RIGHT_EYE, regions.RIGHT_BROW)
        both = np.maximum(left, right) if rng.random() < 0.7 else hull(brows, regions.LEFT_EYE, regions.RIGHT_EYE)
        return _grown(both, size_px * rng.uniform(0.0, 0.06))
    if region == "nose":
        return _grown(hull(regions.NOSE), size_px * rng.uniform(0.0, 0.05))
    return _half(hull(regions.OVAL), points, rng)


def _half(oval: NDArray[np.float32], points_px: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """The part of the face on one side of a random line through its middle."""
    y, x = np.mgrid[: oval.shape[0], : oval.shape[1]]
    angle, middle = rng.uniform(0, 2 * np.pi), points_px.mean(axis=0)
    side = (x - middle[0]) * np.cos(angle) + (y - middle[1]) * np.sin(angle) > 0
    return np.asarray(oval * side, np.float32)


def _grown(mask: NDArray[np.float32], by_px: float) -> NDArray[np.float32]:
    radius = round(abs(by_px))
    if radius < 1:
        return mask
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    turned = np.asarray(cv2.dilate(mask, kernel) if by_px > 0 else cv2.erode(mask, kernel), np.float32)
    return turned if turned.any() else mask


def _bent(mask: NDArray[np.float32], by_px: float, rng: Generator) -> NDArray[np.float32]:
    """The mask under a smooth random displacement of up to about by_px."""
    if by_px < 0.5:
        return mask
    shift = _smooth_field(mask.shape, rng) * by_px
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]].astype(np.float32)
    return np.asarray(cv2.remap(mask, x + shift[..., 0], y + shift[..., 1], cv2.INTER_LINEAR), np.float32)


def _smooth_field(shape: tuple[int, ...], rng: Generator) -> NDArray[np.float32]:
    """(H, W, 2) float32 smooth random vectors of about unit length."""
    cells = int(rng.integers(3, 7))
    coarse = rng.standard_normal((cells, cells, 2)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)


def _moved(rgb: Picture, size_px: float, amount: float, rng: Generator) -> Picture:
    """The picture under a small similarity and a smooth bending, as if another face had been fitted in."""
    height, width = rgb.shape[:2]
    turn, scale = rng.uniform(-3.0, 3.0) * amount, 1.0 + rng.uniform(-0.045, 0.045) * amount
    matrix = cv2.getRotationMatrix2D((width / 2.0, height / 2.0), turn, scale)
    shift_px = rng.uniform(-0.035, 0.035, 2) * amount * size_px
    y, x = np.mgrid[:height, :width].astype(np.float32)
    across = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] + shift_px[0]
    down = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] + shift_px[1]
    bend = _smooth_field((height, width), rng) * (0.012 * amount * size_px)
    moved = cv2.remap(
        rgb,
        (across + bend[..., 0]).astype(np.float32),
        (down + bend[..., 1]).astype(np.float32),
        cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(moved, np.uint8)


# What


def _altered(rgb: Picture, cue: str, rng: Generator) -> tuple[Picture, tuple[str, ...]]:
    if cue == "geometry":
        return rgb, ()
    if cue != "mixed":
        return _one_of(ALTERATIONS[cue], rgb, rng), (cue,)
    names = list(ALTERATIONS)
    chosen = [names[n] for n in sorted(rng.choice(len(names), 2, replace=False))]
    for name in chosen:
        rgb = _one_of(ALTERATIONS[name], rgb, rng)
    return rgb, tuple(chosen)


def _one_of(alterations: tuple[Alteration, ...], rgb: Picture, rng: Generator) -> Picture:
    return alterations[rng.integers(len(alterations))](rgb, rng)


def _clipped(values: NDArray[np.floating]) -> Picture:
    return np.asarray(np.clip(np.round(values), 0, 255), np.uint8)


def _shift_lab(rgb: Picture, rng: Generator) -> Picture:
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    gain = 1.0 + rng.uniform(-0.12, 0.12, 3)
    shift = rng.uniform(-1.0, 1.0, 3) * (14.0, 7.0, 7.0)
    mean = lab.mean(axis=(0, 1))
    return np.asarray(cv2.cvtColor(_clipped((lab - mean) * gain + mean + shift), cv2.COLOR_LAB2RGB), np.uint8)


def _gamma(rgb: Picture, rng: Generator) -> Picture:
    exponent = np.exp(rng.choice([-1, 1]) * rng.uniform(0.06, 0.30))
    table = _clipped(255.0 * (np.arange(256) / 255.0) ** exponent)
    return table[rgb]


def _white_balance(rgb: Picture, rng: Generator) -> Picture:
    return _clipped(rgb * (1.0 + rng.uniform(-0.10, 0.10, 3)))


def _saturation(rgb: Picture, rng: Generator) -> Picture:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    return _clipped(grey + (rgb - grey) * (1.0 + rng.choice([-1, 1]) * rng.uniform(0.15, 0.5)))


def _resampled(rgb: Picture, rng: Generator) -> Picture:
    return channel.load("resize").apply(rgb, rng.uniform(0.2, 1.0), rng)


def _blurred(rgb: Picture, rng: Generator) -> Picture:
    return channel.load("blur").apply(rgb, rng.uniform(0.2, 0.8), rng)


def _sharpened(rgb: Picture, rng: Generator) -> Picture:
    soft = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.8, 2.0)).astype(np.float32)
    return _clipped(rgb + rng.uniform(0.4, 1.5) * (rgb - soft))


def _smoothed(rgb: Picture, rng: Generator) -> Picture:
    if rng.random() < 0.4:
        return np.asarray(cv2.medianBlur(rgb, int(rng.choice([3, 5]))), np.uint8)
    return np.asarray(cv2.bilateralFilter(rgb, 7, rng.uniform(15, 50), rng.uniform(2, 5)), np.uint8)


def _jpeg(rgb: Picture, rng: Generator) -> Picture:
    return channel.load("jpeg").apply(rgb, rng.uniform(0.4, 0.95), rng)


def _noise(rgb: Picture, rng: Generator) -> Picture:
    return channel.load("noise").apply(rgb, rng.uniform(0.25, 0.9), rng)


ALTERATIONS: Mapping[str, tuple[Alteration, ...]] = {
    "colour": (_shift_lab, _gamma, _white_balance, _saturation),
    "sharpness": (_resampled, _resampled, _blurred, _sharpened),
    "smoothing": (_smoothed,),
    "compression": (_jpeg, _noise),
}
