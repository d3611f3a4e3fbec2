"""The mouth of another moment set into every frame: what a program leaves that draws lips to a foreign voice."""

import numpy as np

from unforge.faces import align, regions
from unforge.train.clips import Clip
from unforge.train.fakes._coarse import UP, onto, through, whole_grid
from unforge.train.fakes._fit import HOLDING, bent_onto, similarity
from unforge.train.fakes._mask import Generator, Mesh, Picture, face_px, paste, region_mask

DRAWN_SHARE = 0.6  # drawn through a coarse grid, as a renderer of its own resolution does
CELLS = (64, 160)  # of the grid across the face


def make(clip: Clip, rng: Generator) -> Clip:
    """Forge a stretch: lips of other frames, fitted to the pose of each, inside the mouth or the lower face."""
    order = _other_moments(len(clip), rng)
    region = "mouth" if rng.random() < 0.7 else "lower face"
    seed, drawn = int(rng.integers(2**31)), rng.random() < DRAWN_SHARE
    pictures = []
    for t in range(len(clip)):
        source, mesh = clip.rgb[order[t]], clip.landmarks_px[order[t]]
        fitted = _fitted(source, mesh, clip.landmarks_px[t])
        if drawn:
            fitted = _through_a_grid(fitted, clip.landmarks_px[t], np.random.default_rng(seed))
        mask = region_mask(clip.landmarks_px[t], fitted.shape[:2], np.random.default_rng(seed), region)
        pictures.append(paste(fitted, clip.rgb[t], mask))
    return clip.showing(pictures)


def _other_moments(length: int, rng: Generator) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Which frame lends its mouth to which: shifted in time, run backwards, or run faster."""
    frames = np.arange(length)
    way = rng.integers(3)
    if way == 0:
        return np.asarray((frames + rng.integers(5, length - 5)) % length)
    if way == 1:
        return np.asarray(frames[::-1])
    return np.asarray(np.round(frames * rng.uniform(1.3, 2.0)).astype(int) % length)


def _fitted(rgb: Picture, mesh: Mesh, target: Mesh) -> Picture:
    """The other moment on the pose of this one; its mouth keeps its own opening."""
    holding = list(HOLDING)
    placed = similarity(mesh[holding], target[holding])
    wanted = np.array(target[holding], np.float64)
    lips = np.isin(holding, regions.MOUTH)
    wanted[lips] = placed[lips]
    return bent_onto(rgb, mesh[holding], wanted, (rgb.shape[0], rgb.shape[1]))


def _through_a_grid(rgb: Picture, mesh: Mesh, rng: Generator) -> Picture:
    kernel = UP[rng.integers(len(UP))]
    forth, size_wh = whole_grid(rgb.shape, np.exp(rng.uniform(*np.log(CELLS))) / face_px(mesh), 0.0)
    grid, _ = through(rgb, forth, size_wh, align.invert(forth), kernel)
    return onto(grid, align.invert(forth), (rgb.shape[1], rgb.shape[0]), kernel)
