"""A single picture driven by the motion of a face: what programs leave that animate a photograph.

The picture is bent to the mesh of every frame; skin, hair and background are those of one moment, so nothing in them
lives but the motion. Programs of this kind draw at a low resolution, and most of them drag the background along.
"""

import numpy as np

from unforge.train.clips import Clip
from unforge.train.fakes._alter import sharpened
from unforge.train.fakes._fit import HOLDING, bent_onto
from unforge.train.fakes._mask import Generator, Mesh, Picture
from unforge.train.temporal_fakes._drift import wandering

SIDES_PX = (128, 288)  # of the animator's picture
DRAGGED_SHARE = 0.5  # of the forgeries let the background follow the face


def make(clip: Clip, rng: Generator) -> Clip:
    """Forge a stretch from one of its frames and the meshes of all."""
    still = int(rng.integers(len(clip)))
    side = round(float(np.exp(rng.uniform(*np.log(SIDES_PX)))))
    dragged = rng.random() < DRAGGED_SHARE
    sigma_px, amount = rng.uniform(0.7, 1.4), rng.uniform(0.0, 0.8)
    # An animator follows its own estimate of the motion: smoother than the camera's truth, and a little off.
    meshes = _smooth(clip.landmarks_px, rng.uniform(0.0, 0.6))
    wander = wandering(len(clip), 2, 0.95, rng) * rng.uniform(0.0, 0.5)
    pictures = []
    for mesh, off in zip(meshes, wander, strict=True):
        bent = _bent(clip.rgb[still], clip.landmarks_px[still], mesh + off.astype(np.float32), dragged)
        pictures.append(sharpened(_redrawn(bent, side), sigma_px, amount))
    return clip.showing(pictures)


def _smooth(meshes: Mesh, memory: float) -> Mesh:
    smooth = [meshes[0]]
    for mesh in meshes[1:]:
        smooth.append(memory * smooth[-1] + (1.0 - memory) * mesh)
    return np.asarray(smooth, np.float32)


def _bent(rgb: Picture, mesh: Mesh, to: Mesh, dragged: bool) -> Picture:
    """Bent from mesh to mesh; the picture's border stays in place unless it is dragged along."""
    holding, side = list(HOLDING), rgb.shape[0] - 1.0
    border = np.array([(x * side, y * side) for x in (0.0, 0.5, 1.0) for y in (0.0, 0.5, 1.0) if (x, y) != (0.5, 0.5)])
    shift = (to - mesh).mean(axis=0) if dragged else np.zeros(2)
    return bent_onto(
        rgb,
        np.concatenate([mesh[holding], border]),
        np.concatenate([to[holding], border + 0.7 * shift]),
        (rgb.shape[0], rgb.shape[1]),
    )


def _redrawn(rgb: Picture, side_px: int) -> Picture:
    import cv2

    small = cv2.resize(rgb, (side_px, side_px), interpolation=cv2.INTER_AREA if side_px < rgb.shape[0] else 1)
    return np.asarray(cv2.resize(small, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_CUBIC), np.uint8)
