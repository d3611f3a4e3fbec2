"""Parts of a face as polygons of mesh points."""

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


def hull_mask(points_px: NDArray[np.floating], shape: tuple[int, int]) -> NDArray[np.float32]:
    """(H, W) float32, 1 inside the convex hull of points (N, 2)."""
    mask = np.zeros(shape, np.float32)
    hull = cv2.convexHull(np.round(points_px).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 1.0)
    return mask
