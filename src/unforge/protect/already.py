"""Whether a cloak of ours lies on a face: what the network would draw now is still there.

The network draws much the same on a face that is cloaked as on the bare one, so that its drawing is a template for the
fine detail of the picture: a matched filter (Turin, IRE Transactions on Information Theory, 1960). A cloak from
elsewhere, or one that was optimised, is not recognised.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.faces import align
from unforge.protect import placing
from unforge.protect.cloak import Cloak
from unforge.protect.placing import Mesh, Picture, Plane

FINE_PX = 2.0  # coarser detail is the face itself
CLOAKED = 0.1  # of the filter's answer; 148 bare faces gave .017 at most, cloaked ones .35 at least, .06 after JPEG 75


def is_cloaked(rgb: Picture, mesh_px: Mesh) -> bool:
    """Whether the face with this mesh (468, 2) bears a cloak."""
    return share(rgb, mesh_px) > CLOAKED


def share(rgb: Picture, mesh_px: Mesh) -> float:
    """How much of the cloak that would be drawn on the face is there: about 1 for all of it, 0 for none."""
    square = placing.square(mesh_px)
    there = _fine(align.warp(rgb, square, placing.SIDE_PX).astype(np.float32))
    wanted = _fine(Cloak().on(rgb, square))
    # Loud detail says little: each place weighs by how quiet it is.
    weight = 1.0 / (cv2.blur(np.square(there).mean(axis=2), (9, 9)) + 4.0)[..., None]
    return float((weight * there * wanted).sum() / max(float((weight * wanted * wanted).sum()), 1e-6))


def _fine(rgb: NDArray[np.float32]) -> Plane:
    return rgb - cv2.GaussianBlur(rgb, (0, 0), FINE_PX)
