"""The dense mesh of a face: 468 points and whether there is a face at all."""

import numpy as np
from numpy.typing import NDArray

from unforge import weights
from unforge.faces.align import invert, level_square, warp

PRESENT = 0.5
MARGIN = 1.5
SIDE_PX = 192
OUTER_EYES = (33, 263)  # mesh points: outer corners, the picture's left eye first


def mesh(
    rgb: NDArray[np.uint8], box_px: NDArray[np.float32], eyes_px: NDArray[np.float32]
) -> NDArray[np.float32] | None:
    """468 points (468, 3) of the face in a box (4,) with eyes (2, 2): x, y in pixels, z on the same scale.

    None if the network sees no face there. The second look takes its crop from the points of the first: the
    detector's box is loose on small and turned faces.
    """
    centre = (box_px[:2] + box_px[2:]) / 2.0
    side = float(MARGIN * np.max(box_px[2:] - box_px[:2]))
    found = _look(rgb, level_square(centre, side, eyes_px, SIDE_PX))
    if found is None:
        return None
    return again(rgb, found[:, :2])


def again(rgb: NDArray[np.uint8], points_px: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """The same for a face whose mesh (468, 2) is roughly known, as from a moment before."""
    low, high = points_px.min(axis=0), points_px.max(axis=0)
    side = float(MARGIN * np.max(high - low))
    return _look(rgb, level_square((low + high) / 2.0, side, points_px[list(OUTER_EYES)], SIDE_PX))


def _look(rgb: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.float32] | None:
    session = weights.session("face_landmark")
    fed = warp(rgb, matrix, SIDE_PX)[None].astype(np.float32) / 255.0
    outputs = session.run(None, {session.get_inputs()[0].name: fed})
    points, presence = sorted((output.reshape(-1) for output in outputs), key=lambda output: -len(output))
    if 1.0 / (1.0 + np.exp(-float(np.clip(presence[0], -80.0, 80.0)))) <= PRESENT:
        return None
    crop_px = points.reshape(-1, 3)
    back = invert(matrix)
    scale = float(np.sqrt(abs(np.linalg.det(back[:, :2]))))
    placed = crop_px[:, :2] @ back[:, :2].T + back[:, 2]
    return np.concatenate([placed, crop_px[:, 2:] * scale], axis=1).astype(np.float32)
