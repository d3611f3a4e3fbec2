"""Parts of a face as polygons of mesh points, and what a place on a face is called."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

# Mesh indices; left and right as seen in the picture.
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
LEFT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
RIGHT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
LEFT_BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
RIGHT_BROW = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
NOSE = (168, 193, 417, 122, 351, 198, 420, 49, 279, 129, 358, 98, 327, 2)
MOUTH = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
CHIN = (152, 148, 176, 149, 150, 377, 400, 378, 379)
LEFT_CHEEK = (234, 93, 132, 58, 172, 136, 50, 117)
RIGHT_CHEEK = (454, 323, 361, 288, 397, 365, 280, 346)
FOREHEAD = (10, 338, 297, 332, 284, 109, 67, 103, 54, 151, 9)

PARTS: Mapping[str, tuple[int, ...]] = {
    "forehead": FOREHEAD,
    "left eye": LEFT_EYE + LEFT_BROW,
    "right eye": RIGHT_EYE + RIGHT_BROW,
    "nose": NOSE,
    "mouth": MOUTH,
    "left cheek": LEFT_CHEEK,
    "right cheek": RIGHT_CHEEK,
    "chin": CHIN,
}


def hull_mask(points_px: NDArray[np.floating], shape: tuple[int, int]) -> NDArray[np.float32]:
    """(H, W) float32, 1 inside the convex hull of points (N, 2)."""
    mask = np.zeros(shape, np.float32)
    hull = cv2.convexHull(np.round(points_px).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 1.0)
    return mask


def hottest_part(heat: NDArray[np.float32], landmarks_px: NDArray[np.floating], crop_px: int) -> str:
    """Name of the part of the face with the highest mean heat.

    heat: (h, w) over a crop of crop_px; landmarks_px: (468, 2) on that crop.
    """
    sized = cv2.resize(heat, (crop_px, crop_px), interpolation=cv2.INTER_LINEAR)
    means = {}
    for name, indices in PARTS.items():
        mask = hull_mask(landmarks_px[list(indices)], sized.shape)
        means[name] = float((sized * mask).sum() / max(float(mask.sum()), 1.0))
    return max(means, key=lambda name: means[name])
