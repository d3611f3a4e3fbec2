"""What a cloak is good for, as a number with gradients: how far the targets are from failing on it.

Each kind of target has its own failure: a detector whose every anchor on the face stays below its threshold, landmarks
that are gone or displaced, an identity that turns away, an editor's picture that differs where it would have edited
(L2mask: Huang et al., AAAI 2022). A target that has failed with some room to spare pulls no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from unforge.faces import align, find
from unforge.faces import mesh as meshes
from unforge.nets.onnx_graph import OnnxGraph
from unforge.protect import placing
from unforge.protect.targets import ALIGNED_MARGIN, ALIGNED_PX, Target

ROOM_LOGIT = 2.0  # below a detector's threshold
WORST_ANCHORS = 12
AROUND_FACE = 1.4  # anchors within so many times the box of the mesh belong to the face
ROOM_SHIFT = 0.2  # of landmarks, as share of the distance of the eyes
ROOM_COSINE = 0.3
ROOM_L2_MASK = 0.12  # above 0.05, from which on an edit counts as broken
EDITED = 0.5  # sum over channels, on [-1, 1], from which on a pixel counts as edited
WEIGHT = {"detector": 1.0, "landmarks": 0.5, "identity": 0.5, "editor": 2.0, "swap": 0.3}

_DETECTORS = {one.name: one for one in (find.FULL, find.SHORT)}

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Look:
    """A batch of pictures with one face each.

    clean: (N, 3, H, W) in 0..255, square. boxes: (N, 4) xyxy of the meshes, in pixels; meshes: each (468, 2).
    """

    clean: Tensor
    meshes: Sequence[NDArray[np.float32]]

    @property
    def side_px(self) -> int:
        return int(self.clean.shape[-1])


class Objective:
    """The pull of several targets on a cloak."""

    def __init__(self, targets: Sequence[Target]) -> None:
        """targets: those with a network that a cloak may be made against."""
        chosen = [target for target in targets if target.may_train and target.network is not None]
        self.pulls = [_Pull(target) for target in chosen]

    def __call__(
        self, look: Look, cloaked: Tensor, chosen: Sequence[int] | None = None, edit: int | None = None
    ) -> tuple[Tensor, dict[str, float]]:
        """(N,) what is missing, 0 where every target fails; and the mean by target.

        cloaked: as `look.clean`. chosen: numbers of the targets that are asked, all of them by default. edit: of what
        an editor or a swap makes, the only picture that is looked at, counted around; all of them by default.
        """
        total = torch.zeros(len(cloaked))
        parts = {}
        for pull in self.pulls if chosen is None else (self.pulls[n] for n in chosen):
            missing = pull.missing(look, cloaked, edit)
            total = total + WEIGHT[pull.target.kind] * missing
            parts[pull.target.name] = float(missing.detach().mean())
        return total, parts


class _Pull:
    """One target, frozen."""

    def __init__(self, target: Target) -> None:
        assert target.network is not None
        self.target, self.network = target, target.network.stem
        self.graph = OnnxGraph(target.network).requires_grad_(False).eval()

    def _answers(self, fed: Tensor) -> tuple[Tensor, ...]:
        """Sixteen bits are enough for the way down, and twice as fast."""
        with torch.autocast("cpu", torch.bfloat16):
            return tuple(answer.float() for answer in self.graph(fed))

    def missing(self, look: Look, cloaked: Tensor, edit: int | None = None) -> Tensor:
        kinds = {"detector": self._detector, "landmarks": self._landmarks, "identity": self._identity}
        pull = kinds.get(self.target.kind)
        return self._made(look, cloaked, edit) if pull is None else pull(look, cloaked)

    def _pictures(self, fed: Tensor, edit: int | None) -> Tensor:
        """(N, A, 3, S, S) of an editor or a swap, or (N, 1, 3, S, S) for one edit."""
        if edit is None:
            return self._answers(fed)[0]
        with torch.autocast("cpu", torch.bfloat16):
            return self.graph.part(self.graph.parts[edit % len(self.graph.parts)], fed).float()

    def _detector(self, look: Look, cloaked: Tensor) -> Tensor:
        detector = _DETECTORS[self.network]
        seen = F.interpolate(cloaked, (detector.side_px, detector.side_px), mode="area") / 127.5 - 1.0
        logits = next(out for out in self._answers(seen.permute(0, 2, 3, 1)) if out.shape[-1] == 1)[..., 0]
        ours = torch.from_numpy(np.stack([_anchors_on(detector, mesh / look.side_px) for mesh in look.meshes]))
        worst = logits.masked_fill(~ours, -30.0).topk(WORST_ANCHORS, dim=1).values
        over = F.relu(worst + ROOM_LOGIT)
        return over[:, 0] / 4.0 + over.mean(1) / 4.0

    def _landmarks(self, look: Look, cloaked: Tensor) -> Tensor:
        matrices = [align.face_square(mesh, meshes.MARGIN, meshes.SIDE_PX) for mesh in look.meshes]
        before, after = (self._answers(self._crop(rgb, matrices, meshes.SIDE_PX)) for rgb in (look.clean, cloaked))
        (points, _), (moved, presence) = (sorted(out, key=lambda one: -one.numel()) for out in (before, after))
        here, there = (one.reshape(len(cloaked), -1, 3)[..., :2] for one in (points.detach(), moved))
        eyes = (here[:, 33] - here[:, 263]).norm(dim=1)
        shift = (there - here).norm(dim=2).mean(1) / eyes
        gone = F.relu(presence.reshape(-1) + ROOM_LOGIT) / 8.0
        return torch.minimum(gone, F.relu(ROOM_SHIFT - shift) / ROOM_SHIFT)

    def _crop(self, rgb: Tensor, matrices: Sequence[Matrix], side_px: int) -> Tensor:
        return cropped(rgb, matrices, side_px).permute(0, 2, 3, 1) / 255.0

    def _identity(self, look: Look, cloaked: Tensor) -> Tensor:
        (before,), (after,) = (self._answers(aligned(rgb, look.meshes)) for rgb in (look.clean, cloaked))
        return F.relu((before.detach() * after).sum(1) - ROOM_COSINE)

    def _made(self, look: Look, cloaked: Tensor, edit: int | None) -> Tensor:
        fed = aligned(look.clean, look.meshes)
        with torch.no_grad():
            wanted = self._pictures(fed, edit)
            mask = ((wanted - fed[:, None]).abs().sum(2, keepdim=True) > EDITED).float()
        made = self._pictures(aligned(cloaked, look.meshes), edit)
        broken = l2_mask(made, wanted, mask)
        # Roots, because the square of next to nothing has next to no gradient.
        pull = F.relu(1.0 - ((broken + 1e-6) / ROOM_L2_MASK).sqrt())
        edits = (mask.sum((2, 3, 4)) > 0).float()
        return (pull * edits).sum(1) / edits.sum(1).clamp_min(1.0)


def l2_mask(made: Tensor, wanted: Tensor, mask: Tensor) -> Tensor:
    """(N, A) mean square over the edited pixels. made, wanted: (N, A, 3, S, S); mask: (N, A, 1, S, S)."""
    square = ((made - wanted).square() * mask).sum((2, 3, 4))
    return square / (3.0 * mask.sum((2, 3, 4))).clamp_min(1.0)


def aligned(rgb: Tensor, face_meshes: Sequence[NDArray[np.float32]]) -> Tensor:
    """(N, 3, 64, 64) in [-1, 1], as editors see the faces of pictures (N, 3, H, W) in 0..255."""
    matrices = [align.face_square(mesh, ALIGNED_MARGIN, ALIGNED_PX) for mesh in face_meshes]
    return cropped(rgb, matrices, ALIGNED_PX) / 127.5 - 1.0


def cropped(rgb: Tensor, matrices: Sequence[Matrix], side_px: int) -> Tensor:
    """Crops (N, 3, side_px, side_px) by matrices (2, 3) from pictures; larger faces are averaged, not skipped over."""
    scale = float(np.mean([np.sqrt(abs(np.linalg.det(matrix[:, :2]))) for matrix in matrices]))
    finer = max(1, round(1.0 / scale))
    offset = np.array([[0, 0, (finer - 1) / 2.0]] * 2)
    grid = torch.stack([_grid(matrix * finer + offset, side_px * finer, rgb.shape[-2:]) for matrix in matrices])
    crop = F.grid_sample(rgb, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return F.avg_pool2d(crop, finer) if finer > 1 else crop


def laid(rgb: Tensor, cloaks: Tensor, matrices: Sequence[Matrix]) -> Tensor:
    """Pictures (N, 3, H, W) with cloaks (N, 3, 128, 128), as `placing.laid` puts them there, not rounded."""
    height, width = rgb.shape[-2:]
    cloaks = smoothed(cloaks)
    placed = []
    for cloak, matrix in zip(cloaks, matrices, strict=True):
        back = align.invert(matrix)
        shrunk = 1.0 / float(np.sqrt(abs(np.linalg.det(back[:, :2]))))
        drawn = cloak[None] if shrunk <= 1.2 else _blurred(cloak[None], 0.4 * shrunk)
        grid = _grid(back, (height, width), (placing.SIDE_PX, placing.SIDE_PX))
        placed.append(F.grid_sample(drawn, grid[None], mode="bilinear", padding_mode="zeros", align_corners=False))
    return (rgb + torch.cat(placed)).clamp(0.0, 255.0)


def smoothed(cloaks: Tensor) -> Tensor:
    """As `placing.smoothed`."""
    return _blurred(cloaks, placing.LOW_PASS_PX) * torch.from_numpy(placing.fade())


def _blurred(x: Tensor, sigma_px: float) -> Tensor:
    reach = max(1, round(3.0 * sigma_px))
    at = torch.arange(-reach, reach + 1, dtype=torch.float32)
    bell = torch.exp(-0.5 * (at / sigma_px) ** 2)
    bell = bell / bell.sum()
    across = bell.view(1, 1, 1, -1).expand(x.shape[1], 1, 1, -1)
    padded = F.pad(x, (reach, reach, reach, reach), mode="reflect")
    return F.conv2d(F.conv2d(padded, across, groups=x.shape[1]), across.transpose(2, 3), groups=x.shape[1])


def _grid(matrix: Matrix, side_px: int | tuple[int, int], from_hw: Sequence[int]) -> Tensor:
    """Where the pixels of a crop lie in the picture, as grid_sample wants it: -1 and 1 are the picture's edges."""
    height, width = (side_px, side_px) if isinstance(side_px, int) else side_px
    back = align.invert(np.asarray(matrix, np.float64))
    y, x = np.mgrid[:height, :width].astype(np.float64)
    at = np.stack([x, y], axis=-1) @ back[:, :2].T + back[:, 2]
    scaled = 2.0 * (at + 0.5) / np.array([from_hw[1], from_hw[0]]) - 1.0
    return torch.from_numpy(scaled.astype(np.float32))


def _anchors_on(detector: find.Detector, mesh: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(A,) which anchors a face could answer at. mesh: (468, 2) in shares of the picture's side."""
    low, high = mesh.min(axis=0), mesh.max(axis=0)
    centre, half = (low + high) / 2.0, AROUND_FACE * (high - low) / 2.0
    anchors = find.anchors(detector)
    return np.asarray((np.abs(anchors - centre) <= half).all(axis=1), np.bool_)
