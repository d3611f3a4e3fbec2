"""Attention-guided crop and drop: look again at the place that was looked at, and look elsewhere.

WS-DAN (Hu et al., 2019) crops to where a random attention map is strong and drops that place in turn; the soft drop, a
blend with a degraded copy in the place of black, is from multi-attentional detection (Zhao et al., CVPR 2021).
Both pictures of a pair are treated by the attention on its fake: a place must not tell which of the two it is.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

CROP_FROM, DROP_FROM = (0.4, 0.6), (0.4, 0.7)  # of the maximum of a map
ROOM = 0.1  # around what is cropped, of the picture's side
LEAST_SIDE = 0.35  # of a crop, of the picture's side
STEEP = 12.0  # of the soft rim of a drop
COARSE = 8  # the degraded copy is averaged over so many pixels


def cropped(rgb: Tensor, attention: Tensor) -> Tensor:
    """The square around the strong part of one random map each, as large as the picture. rgb: (N, 3, S, S) float;
    attention: (N, M, h, w)."""
    strength = _one_map(attention)
    boxes = torch.stack([_box(one >= _draw(CROP_FROM)) for one in strength])
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2.0, (boxes[:, 2:] - boxes[:, :2]).amax(dim=1) / 2.0
    half = (half + 2.0 * ROOM).clamp(LEAST_SIDE, 1.0)
    centre = centre.clamp(-1.0, 1.0).minimum(1.0 - half[:, None]).maximum(half[:, None] - 1.0)
    matrix = rgb.new_zeros(len(rgb), 2, 3)
    matrix[:, 0, 0] = matrix[:, 1, 1] = half
    matrix[:, :, 2] = centre
    grid = F.affine_grid(matrix, list(rgb.shape), align_corners=False)
    return F.grid_sample(rgb, grid, padding_mode="reflection", align_corners=False)


def dropped(rgb: Tensor, attention: Tensor) -> Tensor:
    """The picture with the strong part of one random map each made coarse. Shapes as of `cropped`."""
    strength = F.interpolate(_one_map(attention)[:, None], rgb.shape[-2:], mode="bilinear", align_corners=False)
    gone = torch.sigmoid(STEEP * (strength - _draw(DROP_FROM)))
    coarse = F.interpolate(F.avg_pool2d(rgb, COARSE), rgb.shape[-2:], mode="bilinear", align_corners=False)
    return rgb + gone * (coarse - rgb)


def _one_map(attention: Tensor) -> Tensor:
    """(N, h, w) a random map of each picture, its maximum made 1."""
    drawn = torch.randint(attention.shape[1], (len(attention),))
    chosen = attention[torch.arange(len(attention)), drawn].detach()
    return chosen / chosen.amax(dim=(1, 2), keepdim=True)


def _draw(between: tuple[float, float]) -> float:
    low, high = between
    return low + (high - low) * float(torch.rand(()))


def _box(marked: Tensor) -> Tensor:
    """(4,) left, top, right, bottom of what is marked (h, w), in -1..1 across the picture."""
    rows, columns = (torch.nonzero(marked.any(dim=axis))[:, 0] for axis in (1, 0))
    height, width = marked.shape
    sides = torch.tensor([width, height, width, height], device=marked.device)
    edges = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    return 2.0 * edges / sides - 1.0
