"""The face through a coarse grid and back: what generators of low resolution leave, without a generator."""

from collections.abc import Mapping

import cv2
import numpy as np

from unforge.faces import align
from unforge.train.fakes import Donors, Fake
from unforge.train.fakes._alter import altered
from unforge.train.fakes._coarse import UP, askew, onto, through, whole_grid
from unforge.train.fakes._mask import (
    Generator,
    Mesh,
    Picture,
    draw,
    face_px,
    named,
    paste,
    region_mask,
    until_visible,
)

REGIONS: Mapping[str, float] = {
    "face": 0.42,
    "inner face": 0.24,
    "lower face": 0.10,
    "mouth": 0.12,
    "eyes": 0.08,
    "nose": 0.04,
}
FACE_CELLS = (48, 160)  # of the grid across the longer side of the face
TREATMENTS: Mapping[str, float] = {"none": 0.45, "blur": 0.25, "smoothing": 0.20, "compression": 0.10}


def make(rgb: Picture, landmarks_px: Mesh, rng: Generator, donors: Donors | None = None) -> Fake:
    """Forge a face crop (H, W, 3) with mesh (468, 2) on it; no donors are needed.

    The untouched partner half of the time is the whole picture through the same grid: softness alone is no label.
    """
    return until_visible(lambda: _attempt(rgb, landmarks_px, rng))


def _attempt(rgb: Picture, landmarks_px: Mesh, rng: Generator) -> Fake:
    region, treatment = draw(REGIONS, rng), draw(TREATMENTS, rng)
    mask = region_mask(landmarks_px, rgb.shape[:2], rng, region)
    size_px = face_px(landmarks_px)
    cells = np.exp(rng.uniform(*np.log(FACE_CELLS)))
    forth, size_wh = whole_grid(rgb.shape, cells / size_px, np.radians(rng.uniform(-8, 8)))
    back, kernel = align.invert(forth), UP[rng.integers(len(UP))]
    grid, _ = through(rgb, forth, size_wh, back, kernel)
    grid = _treated(grid, treatment, rng)
    size_wh = (rgb.shape[1], rgb.shape[0])
    partner = onto(grid, back, size_wh, kernel) if rng.random() < 0.5 else rgb
    crooked = rng.random() < 0.6
    if crooked:
        back = askew(back, landmarks_px.mean(axis=0), size_px, rng.uniform(0.3, 1.2), rng)
    forged = paste(onto(grid, back, size_wh, kernel), rgb, mask)
    artefacts = ("sharpness", *(("geometry",) if crooked else ()), *_named(treatment))
    return Fake(forged, partner, mask, artefacts, named(region))


def _treated(grid: Picture, treatment: str, rng: Generator) -> Picture:
    if treatment == "blur":
        return np.asarray(cv2.GaussianBlur(grid, (0, 0), rng.uniform(0.4, 0.9)), np.uint8)
    return altered(grid, treatment, rng) if treatment != "none" else grid


def _named(treatment: str) -> tuple[str, ...]:
    return (treatment,) if treatment in ("smoothing", "compression") else ()
