"""The same face drawn by a small decoder: a real up-sampling fingerprint, and nobody else's face.

The network (weights card `decoder`) was trained on real faces by train/recipes/decoder.py. It works on a square around
the region: the smaller the square, the finer what it draws. A mouth alone is drawn as often as a face, because
renderers that move lips leave nothing else; and now and then the whole picture, bent a little, because programs that
animate a photograph draw hair and background too, and then there is no seam to find.
"""

from collections.abc import Mapping
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge import weights
from unforge.faces import align, regions
from unforge.train.fakes import Donors, Fake
from unforge.train.fakes._alter import sharpened
from unforge.train.fakes._coarse import UP, askew, onto, through, whole_grid
from unforge.train.fakes._fit import detail
from unforge.train.fakes._mask import (
    BROWS,
    Generator,
    Mask,
    Mesh,
    Picture,
    clipped,
    draw,
    face_px,
    named,
    paste,
    region_mask,
    smooth_field,
    until_visible,
)

NETWORK = "decoder"
WHOLE = "picture"
REGIONS: Mapping[str, float] = {
    WHOLE: 0.16,
    "face": 0.25,
    "inner face": 0.15,
    "lower face": 0.10,
    "mouth": 0.22,
    "eyes": 0.08,
    "nose": 0.04,
}
# Around which points the square lies, and its side over the longer side of the face
SQUARES: Mapping[str, tuple[tuple[int, ...], tuple[float, float]]] = {
    "face": (regions.OVAL, (1.12, 1.35)),
    "inner face": (BROWS + regions.MOUTH + regions.NOSE, (0.95, 1.25)),
    "lower face": (regions.MOUTH + regions.NOSE + (152,), (0.95, 1.25)),
    "mouth": (regions.MOUTH, (0.60, 1.00)),
    "eyes": (BROWS + regions.LEFT_EYE + regions.RIGHT_EYE, (0.85, 1.10)),
    "nose": (regions.NOSE, (0.60, 1.00)),
}
BEND_PX = 4.0
CLEARLY_SOFTER = 0.7  # detail of the drawn face over that of the picture; less counts as smoothing


def make(rgb: Picture, landmarks_px: Mesh, rng: Generator, donors: Donors | None = None) -> Fake:
    """Forge a face crop (H, W, 3) with mesh (468, 2) on it; no donors are needed.

    The untouched partner half of the time is the whole picture, softened about as much by a plain grid: softness
    alone is no label, and what the decoder drew is.
    """
    return until_visible(lambda: _attempt(rgb, landmarks_px, rng))


def _attempt(rgb: Picture, landmarks_px: Mesh, rng: Generator) -> Fake:
    region = draw(REGIONS, rng)
    if region == WHOLE:
        return _whole(rgb, rng)
    mask = region_mask(landmarks_px, rgb.shape[:2], rng, region)
    forth, size_px = _square(landmarks_px, region, rng), _size_px()
    back, kernel = align.invert(forth), UP[rng.integers(len(UP))]
    drawn = _finished(_drawn(align.warp(rgb, forth, size_px), rng), rng)
    crooked = rng.random() < 0.4
    if crooked:
        back = askew(back, landmarks_px.mean(axis=0), face_px(landmarks_px), rng.uniform(0.2, 1.0), rng)
    inside = _inside(mask, forth, size_px)
    source = onto(drawn, back, (rgb.shape[1], rgb.shape[0]), kernel)
    softer = _detail_left(source, rgb, inside)
    partner = _softened(rgb, inside, softer, rng) if rng.random() < 0.5 else rgb
    artefacts = (
        "upsampling",
        *(("smoothing",) if softer < CLEARLY_SOFTER else ()),
        *(("geometry",) if crooked else ()),
    )
    return Fake(paste(source, rgb, inside), partner, inside, artefacts, named(region))


def _whole(rgb: Picture, rng: Generator) -> Fake:
    """Everything drawn, and bent before that as a field of motion would; the partner is always softened."""
    size_px, height, width = _size_px(), *rgb.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    bend = smooth_field((height, width), rng) * rng.uniform(0.0, BEND_PX)
    moved = cv2.remap(rgb, x + bend[..., 0], y + bend[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    square = np.asarray(cv2.resize(moved, (size_px, size_px), interpolation=cv2.INTER_AREA), np.uint8)
    drawn = _finished(_drawn(square, rng), rng)
    source = np.asarray(cv2.resize(drawn, (width, height), interpolation=UP[rng.integers(len(UP))]), np.uint8)
    everywhere = np.ones((height, width), np.float32)
    softer = _detail_left(source, rgb, everywhere)
    partner = _softened(rgb, everywhere, softer, rng)
    artefacts = ("upsampling", *(("smoothing",) if softer < CLEARLY_SOFTER else ()))
    return Fake(source, partner, everywhere, artefacts, "face")


@cache
def _size_px() -> int:
    return int(weights.card(NETWORK).details["size_px"])


def _square(landmarks_px: Mesh, region: str, rng: Generator) -> NDArray[np.float64]:
    """Matrix (2, 3) of the square that the network sees: around the region, a little turned and beside it."""
    around, sides = SQUARES[region]
    points, size_px = landmarks_px[list(around)], face_px(landmarks_px)
    centre = (points.min(axis=0) + points.max(axis=0)) / 2.0 + rng.uniform(-0.03, 0.03, 2) * size_px
    angle = np.radians(rng.uniform(-6, 6))
    across = landmarks_px[263] - landmarks_px[33]
    eyes = np.array([[0.0, 0.0], np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ across])
    return align.level_square(centre, rng.uniform(*sides) * size_px, eyes, _size_px())


def _drawn(square: Picture, rng: Generator) -> Picture:
    """The square as one of the decoders draws it; what it is given may be softened or noisy, for variety."""
    if rng.random() < 0.35:
        square = np.asarray(cv2.GaussianBlur(square, (0, 0), rng.uniform(0.4, 1.2)), np.uint8)
    fed = square.astype(np.float32)
    if rng.random() < 0.35:
        fed = fed + rng.uniform(1.0, 6.0) * rng.standard_normal(fed.shape, np.float32)
    session = weights.session(NETWORK)
    names = [output.name for output in session.get_outputs()]
    wanted = names[rng.integers(len(names))]
    (drawn,) = session.run([wanted], {"rgb": np.ascontiguousarray(fed.transpose(2, 0, 1)[None])})
    return clipped(drawn[0].transpose(1, 2, 0))


def _finished(drawn: Picture, rng: Generator) -> Picture:
    """What programs do to a drawn face before it is pasted: another resolution, a mild filter."""
    size_px = drawn.shape[0]
    if rng.random() < 0.35:
        small = int(rng.integers(round(0.55 * size_px), size_px))
        reduced = cv2.resize(drawn, (small, small), interpolation=cv2.INTER_AREA)
        drawn = np.asarray(cv2.resize(reduced, (size_px, size_px), interpolation=cv2.INTER_CUBIC), np.uint8)
    way = rng.random()
    if way < 0.30:
        return sharpened(drawn, rng.uniform(0.7, 1.4), rng.uniform(0.3, 1.2))
    if way < 0.45:
        return np.asarray(cv2.GaussianBlur(drawn, (0, 0), rng.uniform(0.4, 0.8)), np.uint8)
    return drawn


def _inside(mask: Mask, forth: NDArray[np.float64], size_px: int) -> Mask:
    """The mask without what the square does not hold; its border fades over a few pixels."""
    held = np.zeros((size_px, size_px), np.float32)
    held[4:-4, 4:-4] = 1.0
    height, width = mask.shape
    seen = cv2.warpAffine(cv2.blur(held, (7, 7)), align.invert(forth), (width, height), flags=cv2.INTER_LINEAR)
    return np.asarray(mask * np.clip(seen, 0.0, 1.0), np.float32)


def _detail_left(source: Picture, rgb: Picture, mask: Mask) -> float:
    inside = mask > 0.5 * mask.max()
    return (detail(source, inside) + 0.3) / (detail(rgb, inside) + 0.3)


def _softened(rgb: Picture, mask: Mask, share: float, rng: Generator) -> Picture:
    """The whole picture through a plain grid that leaves about the same share of the detail."""
    inside, kernel = mask > 0.5 * mask.max(), UP[rng.integers(len(UP))]
    angle, soft = np.radians(rng.uniform(-8, 8)), rgb
    for scale in (1.0, 0.8, 0.65, 0.5, 0.4, 0.32):
        forth, size_wh = whole_grid(rgb.shape, scale, angle)
        _, soft = through(rgb, forth, size_wh, align.invert(forth), kernel)
        if (detail(soft, inside) + 0.3) / (detail(rgb, inside) + 0.3) <= share * rng.uniform(0.9, 1.25):
            break
    return soft
