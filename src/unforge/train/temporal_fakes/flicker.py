"""One blend replayed over a stretch with parameters that drift or tremble: what forging frame by frame leaves.

The idea of blending a clip with an altered copy of itself over time is public (video-level self-blends, e.g. Yan et
al., CVPR 2025); cues, ranges and code are ours.
"""

import numpy as np

from unforge.train.clips import Clip
from unforge.train.fakes._alter import ALTERATIONS, altered
from unforge.train.fakes._mask import Generator, Mesh, Picture, draw, face_px, paste, region_mask
from unforge.train.fakes.self_blend import REGIONS
from unforge.train.temporal_fakes._drift import wandering

LOST_SHARE = 0.25  # of the forgeries lose the face in a few frames, which then show the untouched one


def make(clip: Clip, rng: Generator) -> Clip:
    """Forge a stretch: the same region and alteration in every frame; strength, place and shape wander."""
    kind, region = str(rng.choice(list(ALTERATIONS))), draw(REGIONS, rng)
    seeds = rng.integers(2**31, size=2)
    opacity = _opacities(len(clip), rng)
    shift = wandering(len(clip), 2, rng.uniform(0.0, 0.9), rng) * rng.uniform(0.0, 0.02)
    colour = wandering(len(clip), 3, rng.uniform(0.0, 0.9), rng) * rng.uniform(0.0, 4.0)
    pictures = [
        _frame(rgb, mesh + shift[t] * face_px(mesh), kind, region, seeds, opacity[t], colour[t])
        for t, (rgb, mesh) in enumerate(zip(clip.rgb, clip.landmarks_px, strict=True))
    ]
    return clip.showing(pictures)


def _opacities(length: int, rng: Generator) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    level = 1.0 - np.abs(wandering(length, 1, rng.uniform(0.0, 0.95), rng)[:, 0]) * rng.uniform(0.1, 0.5)
    if rng.random() < LOST_SHARE:
        level[rng.integers(length, size=rng.integers(1, 4))] = 0.0
    return np.asarray(np.clip(level, 0.0, 1.0))


def _frame(
    rgb: Picture,
    mesh: Mesh,
    kind: str,
    region: str,
    seeds: np.ndarray[tuple[int], np.dtype[np.int64]],
    opacity: float,
    colour: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> Picture:
    """The same seeds in every frame make the same alteration and the same shape of the region."""
    copy = altered(rgb, kind, np.random.default_rng(seeds[0]))
    tinted = np.clip(np.round(copy + colour), 0, 255).astype(np.uint8)
    mask = region_mask(mesh.astype(np.float32), rgb.shape[:2], np.random.default_rng(seeds[1]), region)
    return paste(tinted, rgb, np.asarray(mask * opacity, np.float32))
