"""Cloaks on frames that come one after another: a film being copied, or a camera.

The cloak of a face is drawn in the face's own frame and changes only slowly there, so that it moves with the face and
does not flicker; what changes in every frame a coder of films would throw away first.
"""

from dataclasses import dataclass, field

import numpy as np

from unforge.faces import find, mesh
from unforge.protect import cloak as cloaks
from unforge.protect import placing
from unforge.protect.placing import Mesh, Picture, Plane

SEARCH_EVERY_S = 0.4
HOLD = 0.8  # of the cloak and of the place of the square, from one frame to the next
STILL = 0.02  # of the square's side: smaller movements of the mesh are its noise


@dataclass(slots=True)
class _Face:
    mesh_px: Mesh  # as seen in the last frame
    steady_px: Mesh  # the same without the noise of the mesh
    cloak: Plane


@dataclass(slots=True)
class Live:
    """Cloaks frame after frame. Not for several films at once: it remembers the faces of the last frame."""

    cloak: cloaks.Cloak = field(default_factory=cloaks.Cloak)
    hold: float = HOLD
    whole_frame: bool = False  # instead of the faces
    seen: int = 0  # frames in which a face was cloaked
    _faces: list[_Face] = field(default_factory=list)
    _searched_s: float = -np.inf
    _over: list[Plane] = field(default_factory=list)

    def frame(self, rgb: Picture, time_s: float) -> Picture:
        """The frame (H, W, 3) at a time with its faces cloaked. Times must not run backwards within a film."""
        if self.whole_frame:
            return self._all_over(rgb)
        found = [(one, mesh.again(rgb, one.mesh_px)) for one in self._faces]
        self._faces = [self._held(rgb, one, points[:, :2]) for one, points in found if points is not None]
        if len(self._faces) < len(found) or not 0.0 <= time_s - self._searched_s < SEARCH_EVERY_S:
            self._searched_s = time_s
            self._faces += self._new(rgb)
        self.seen += bool(self._faces)
        return placing.laid(rgb, [(one.cloak, placing.square(one.steady_px)) for one in self._faces])

    @property
    def meshes_px(self) -> tuple[Mesh, ...]:
        """Of the faces that were cloaked in the last frame."""
        return tuple(one.mesh_px for one in self._faces)

    def _all_over(self, rgb: Picture) -> Picture:
        squares = placing.squares_over(rgb)
        drawn = [self.cloak.on(rgb, square) for square in squares]
        held = self._over or drawn
        self._over = [self.hold * a + (1.0 - self.hold) * b for a, b in zip(held, drawn, strict=True)]
        return placing.laid(rgb, list(zip(self._over, squares, strict=True)))

    def _held(self, rgb: Picture, before: _Face, points: Mesh) -> _Face:
        moved = float(np.abs((points - before.steady_px).mean(axis=0)).max()) / cloaks.size_px(points)
        keep = self.hold * max(0.0, 1.0 - moved / STILL)
        steady = keep * before.steady_px + (1.0 - keep) * points
        drawn = self.cloak.drawn(rgb, points)
        return _Face(points, steady, self.hold * before.cloak + (1.0 - self.hold) * drawn)

    def _new(self, rgb: Picture) -> list[_Face]:
        """Faces that are not followed yet."""
        found = find.find(rgb)
        fresh: list[_Face] = []
        for box_px, eyes_px in zip(found.boxes_px, found.eyes_px, strict=True):
            points = mesh.mesh(rgb, box_px, eyes_px)
            if points is None or cloaks.size_px(points) < cloaks.SMALLEST_FACE_PX:
                continue
            known = [cloaks.box(one.mesh_px) for one in (*self._faces, *fresh)]
            if known and (find.overlap(cloaks.box(points), np.stack(known)) > find.OVERLAP).any():
                continue
            fresh.append(_Face(points[:, :2], points[:, :2], self.cloak.drawn(rgb, points[:, :2])))
        return fresh[: max(0, cloaks.MOST_FACES - len(self._faces))]
