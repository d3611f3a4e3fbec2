"""Pairs of a real face and its own forgery, as the network will meet them: degraded alike and cropped alike."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge import channel
from unforge.faces import align
from unforge.train import fakes

# (effect, how often, up to which strength): what a face goes through between camera and examiner
DEGRADATIONS = (
    ("resize", 0.35, 0.6),
    ("blur", 0.15, 0.4),
    ("noise", 0.15, 0.4),
    ("jpeg", 0.45, 0.75),
    ("h264", 0.35, 0.8),
)


@dataclass(frozen=True, slots=True)
class View:
    """How a crop of 224 px is brought to the network: side in pixels and the range of margins."""

    size_px: int
    margin_low: float
    margin_high: float


@dataclass(frozen=True, slots=True)
class Pair:
    """real, fake: (H, W, 3) uint8; mask: (H / 4, W / 4) float32."""

    real: NDArray[np.uint8]
    fake: NDArray[np.uint8]
    mask: NDArray[np.float32]


def make_pair(
    crop: NDArray[np.uint8],
    landmarks_px: NDArray[np.float32],
    family: fakes.Family,
    view: View,
    rng: np.random.Generator,
    degraded: bool = True,
) -> Pair:
    """One real face crop (224, 224, 3) with its mesh, forged and brought to the network's view."""
    made = family.make(crop, landmarks_px, rng)
    real, fake = made.real, made.rgb
    if degraded:
        seed = int(rng.integers(2**63))
        real, fake = (degrade(picture, np.random.default_rng(seed)) for picture in (real, fake))
    matrix = _view_matrix(landmarks_px, view, rng)
    real, fake = (align.warp(picture, matrix, view.size_px) for picture in (real, fake))
    mask = cv2.warpAffine(made.mask, matrix, (view.size_px, view.size_px), flags=cv2.INTER_LINEAR)
    mask = cv2.resize(mask, (view.size_px // 4, view.size_px // 4), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        real, fake, mask = real[:, ::-1], fake[:, ::-1], mask[:, ::-1]
    return Pair(np.ascontiguousarray(real), np.ascontiguousarray(fake), np.ascontiguousarray(mask, np.float32))


def degrade(rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A random way through the world; the same rng gives the same way, so a pair goes through it together."""
    for name, share, strongest in DEGRADATIONS:
        chosen, strength, seed = rng.random() < share, rng.uniform(0.0, strongest), rng.integers(2**63)
        if chosen:
            rgb = channel.load(name).apply(rgb, strength, np.random.default_rng(seed))
    gain, shift = np.exp(rng.uniform(-0.15, 0.15)), rng.uniform(-12, 12)
    return np.asarray(np.clip(np.round(rgb * gain + shift), 0, 255), np.uint8)


def _view_matrix(landmarks_px: NDArray[np.float32], view: View, rng: np.random.Generator) -> NDArray[np.float64]:
    low, high = landmarks_px.min(axis=0), landmarks_px.max(axis=0)
    size_px = float(np.max(high - low))
    centre = (low + high) / 2.0 + rng.uniform(-0.03, 0.03, 2) * size_px
    angle = np.radians(rng.uniform(-6, 6))
    eyes = np.array([[0.0, 0.0], [np.cos(angle), np.sin(angle)]])
    return align.level_square(centre, rng.uniform(view.margin_low, view.margin_high) * size_px, eyes, view.size_px)
