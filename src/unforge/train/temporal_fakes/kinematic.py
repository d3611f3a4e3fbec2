"""Parts of a face that tremble or lag: the kinematic disturbance of a stretch.

The idea of disturbing the motion of landmarks and warping the face along is public (Song et al., 2024, on kinematic
pseudo-fakes); parts, ranges and code are ours.
"""

from collections.abc import Mapping

import numpy as np

from unforge.train.clips import Clip
from unforge.train.fakes._fit import HOLDING, bent_onto
from unforge.train.fakes._mask import Generator, Mesh, Picture, draw, face_px, paste, region_mask
from unforge.train.temporal_fakes._drift import wandering

REGIONS: Mapping[str, float] = {"face": 0.2, "inner face": 0.3, "lower face": 0.2, "mouth": 0.2, "eyes": 0.1}
LAG_SHARE = 0.4  # of the forgeries follow late instead of trembling
LAG_FRAMES = (1, 4)
TREMBLE = (0.003, 0.015)  # of the size of the face


def make(clip: Clip, rng: Generator) -> Clip:
    """Forge a stretch: the points of a region move as they did a moment ago, or tremble; the picture bends along."""
    region, seed = draw(REGIONS, rng), int(rng.integers(2**31))
    wanted = _late(clip, rng) if rng.random() < LAG_SHARE else _trembling(clip, rng)
    pictures = [
        _frame(rgb, mesh, to, region, seed) for rgb, mesh, to in zip(clip.rgb, clip.landmarks_px, wanted, strict=True)
    ]
    return clip.showing(pictures)


def _trembling(clip: Clip, rng: Generator) -> list[Mesh]:
    """Every second point is pushed about; neighbours share most of it."""
    amount = np.exp(rng.uniform(*np.log(TREMBLE)))
    memory = rng.uniform(0.0, 0.7)
    centres = np.array([clip.landmarks_px[0][n] for n in (33, 263, 1, 61, 291, 10, 152)])
    pushes = wandering(len(clip), 2 * len(centres), memory, rng).reshape(len(clip), len(centres), 2)
    moved = []
    for mesh, push in zip(clip.landmarks_px, pushes, strict=True):
        size = face_px(mesh)
        near = np.exp(-(((clip.landmarks_px[0][:, None] - centres) / (0.25 * size)) ** 2).sum(axis=2))
        moved.append((mesh + amount * size * near @ push).astype(np.float32))
    return moved


def _late(clip: Clip, rng: Generator) -> list[Mesh]:
    """The expression of some frames ago on the pose of now."""
    lag = int(rng.integers(LAG_FRAMES[0], LAG_FRAMES[1] + 1))
    moved = []
    for t, mesh in enumerate(clip.landmarks_px):
        before = clip.landmarks_px[max(0, t - lag)]
        moved.append((before - before.mean(axis=0) + mesh.mean(axis=0)).astype(np.float32))
    return moved


def _frame(rgb: Picture, mesh: Mesh, to: Mesh, region: str, seed: int) -> Picture:
    holding = list(HOLDING)
    bent = bent_onto(rgb, mesh[holding], to[holding], (rgb.shape[0], rgb.shape[1]))
    return paste(bent, rgb, region_mask(mesh, rgb.shape[:2], np.random.default_rng(seed), region))
