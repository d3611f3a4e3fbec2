"""What a forger's programs are made of: one file each, with `targets(folder) -> tuple[Target, ...]`.

A target looks at a picture in which the face's mesh is known and answers in the form of its kind:

    detector   boxes (N, 5) float32: xyxy in pixels of the picture, and the score, all above the target's own threshold
    landmarks  points (P, 2) float32 in pixels of the picture, or (0, 2) where no face was seen
    identity   a vector (D,) float32 of length 1: pictures of one person point one way
    editor     what it makes of the face, (A, 3, S, S) float32 in [-1, 1], one picture for each attribute
    swap       the same, one picture for each person it knows

Editors, swaps and the identity encoder are trained here (`unforge train targets`), never shipped, and see the face as
`aligned` gives it. What they make is compared and forgotten: no file and no interface shows it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from unforge.faces import align
from unforge.plugins import Registry

Picture = NDArray[np.uint8]
Points = NDArray[np.float32]
Kind = Literal["detector", "landmarks", "identity", "editor", "swap"]
KINDS: tuple[Kind, ...] = ("detector", "landmarks", "identity", "editor", "swap")

ALIGNED_PX = 64
ALIGNED_MARGIN = 1.2  # side of what editors and swaps see, over the longer side of the mesh


@dataclass(frozen=True, slots=True)
class Target:
    """One program, ready to run.

    name: unique, with the seed where there are several, e.g. "editor-1". is_trained_here: else it is a real one.
    network: its ONNX file, for those who want gradients; None for programs that are only run. may_train: whether a
    cloak may be optimised against it; what is held out is for measuring alone. respond: picture (H, W, 3), mesh
    (468, 2) of the face before it was cloaked -> answer in the form of the kind.
    """

    name: str
    kind: Kind
    is_trained_here: bool
    network: Path | None
    may_train: bool
    respond: Callable[[Picture, Points], NDArray[np.float32]]


class Source(Protocol):
    """What every file in this folder offers."""

    def targets(self, folder: Path | None) -> tuple[Target, ...]:
        """The targets of this file that can run here; none where their networks are not in `folder`."""
        ...


_REGISTRY = Registry(__name__, __path__, "cloak target")
available = _REGISTRY.available


def load(name: str) -> Source:
    """The source called `name`; raises UnknownName with the choices."""
    return cast(Source, _REGISTRY.module(name))


def all_targets(folder: Path | None = None) -> tuple[Target, ...]:
    """Every target that can run here. folder: where `unforge train targets` has written; None for the real ones."""
    return tuple(target for name in available() for target in load(name).targets(folder))


def aligned(rgb: Picture, mesh_px: Points) -> NDArray[np.float32]:
    """The face (3, 64, 64) in [-1, 1] as editors, swaps and the identity encoder see it."""
    crop = align.warp(rgb, align.face_square(mesh_px, ALIGNED_MARGIN, ALIGNED_PX), ALIGNED_PX)
    return np.ascontiguousarray(crop.transpose(2, 0, 1), np.float32) / 127.5 - 1.0
