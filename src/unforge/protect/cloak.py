"""Cloaks drawn by the network: one look at a face, one perturbation."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge import weights
from unforge.errors import UsageError
from unforge.faces import align, find, mesh
from unforge.protect import placing
from unforge.protect.placing import Mesh, Picture, Plane

NETWORK = "cloak"
LEAST_STRENGTH, MOST_STRENGTH = 0.25, 2.0
SMALLEST_FACE_PX = 48.0  # longer side of the mesh; smaller faces have too few pixels to hold a cloak
MOST_FACES = 30


@dataclass(frozen=True, slots=True)
class Faces:
    """Meshes (468, 2) of the faces of a picture that can be cloaked, the largest first; and boxes of the others.

    too_small: xyxy of those below 48 px. too_many: of those beyond the thirtieth.
    """

    meshes_px: tuple[Mesh, ...]
    too_small: tuple[NDArray[np.float32], ...] = ()
    too_many: tuple[NDArray[np.float32], ...] = ()


@dataclass(frozen=True, slots=True)
class Cloak:
    """How cloaks are drawn.

    strength: times what the network draws; no value changes by more than 6.4 grey levels, however strong.
    low_pass_px: Gaussian on the face's square of 128 px; smoother cloaks survive worse channels and break less.
    """

    strength: float = 1.0
    low_pass_px: float = 0.0

    def __post_init__(self) -> None:
        if not LEAST_STRENGTH <= self.strength <= MOST_STRENGTH:
            expected = f"expected {LEAST_STRENGTH} to {MOST_STRENGTH}, where 1 is the strength that is measured"
            raise UsageError(f"strength: {expected}; got {self.strength}")

    @property
    def most_levels(self) -> float:
        """The largest change of a value, in grey levels."""
        return min(self.strength, 1.0) * self._epsilon_levels

    @property
    def _epsilon_levels(self) -> float:
        return float(weights.card(NETWORK).details["epsilon_levels"])

    def drawn(self, rgb: Picture, mesh_px: Mesh) -> Plane:
        """The cloak (128, 128, 3) of one face, in grey levels, as it is laid over the picture."""
        return self.on(rgb, placing.square(mesh_px))

    def on(self, rgb: Picture, square: NDArray[np.float64]) -> Plane:
        """The same for any square, by its matrix."""
        cloak = placing.smoothed(self.raw(rgb, square))
        smoother = cloak if self.low_pass_px <= 0 else cv2.GaussianBlur(cloak, (0, 0), self.low_pass_px)
        return self.bounded(np.asarray(smoother, np.float32))

    def bounded(self, cloak: Plane) -> Plane:
        """Without what goes beyond the largest change."""
        return np.asarray(np.clip(cloak, -self.most_levels, self.most_levels), np.float32)

    def raw(self, rgb: Picture, square: NDArray[np.float64]) -> Plane:
        """The same before it is smoothed, faded out and bounded: smoothing takes away more than half."""
        crop = align.warp(rgb, square, placing.SIDE_PX)
        fed = np.ascontiguousarray(crop.transpose(2, 0, 1)[None], np.float32)
        (made,) = weights.session(NETWORK).run(None, {"rgb": fed})
        return np.ascontiguousarray(self.strength * self._epsilon_levels * made[0].transpose(1, 2, 0), np.float32)

    def picture(self, rgb: Picture, meshes_px: Sequence[Mesh]) -> Picture:
        """A picture (H, W, 3) with all its faces cloaked; outside of their squares every byte stays."""
        return placing.laid(rgb, [(self.drawn(rgb, one), placing.square(one)) for one in meshes_px])


def faces(rgb: Picture) -> Faces:
    """The faces of a picture (H, W, 3), also those of a crowd."""
    height, width = rgb.shape[:2]
    found = find.find(rgb, find.tiles((width, height), 2))
    meshes = [mesh.mesh(rgb, box, eyes) for box, eyes in zip(found.boxes_px, found.eyes_px, strict=True)]
    seen = sorted((points[:, :2] for points in meshes if points is not None), key=size_px, reverse=True)
    large = [points for points in seen if size_px(points) >= SMALLEST_FACE_PX]
    small = seen[len(large) :]
    return Faces(tuple(large[:MOST_FACES]), tuple(map(box, small)), tuple(map(box, large[MOST_FACES:])))


def size_px(mesh_px: Mesh) -> float:
    """The longer side of the mesh's box."""
    return float(np.ptp(mesh_px[:, :2], axis=0).max())


def box(mesh_px: Mesh) -> NDArray[np.float32]:
    """(4,) xyxy around a mesh."""
    return np.concatenate([mesh_px[:, :2].min(axis=0), mesh_px[:, :2].max(axis=0)]).astype(np.float32)
