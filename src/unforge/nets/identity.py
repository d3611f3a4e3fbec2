"""A small encoder of who somebody is: pictures of one person point one way."""

from itertools import pairwise

import torch
from torch import Tensor, nn

WIDTHS = (3, 32, 64, 96, 128)  # channels at strides 1 to 16
VECTOR = 128
SIDE = 4  # places on a side at stride 16 of a face of 64 px
SMALLEST = 1e-12


class Identity(nn.Module):
    """Four halvings, each with a residual filter but the first, and one linear layer over all places; 0.9 M parameters.

    Places are kept apart to the end, as in the published encoders (Deng et al., ArcFace, CVPR 2019, section 3.2):
    faces come level, and a mean over them would forget where what was seen.
    """

    def __init__(self) -> None:
        super().__init__()
        steps: list[nn.Module] = []
        for inside, outside in pairwise(WIDTHS):
            steps.append(_filtered(inside, outside, 2))
            if inside != WIDTHS[0]:
                steps.append(Residual(outside))
        self.look = nn.Sequential(*steps, nn.Flatten())
        self.name = nn.Linear(WIDTHS[-1] * SIDE**2, VECTOR)

    def forward(self, rgb: Tensor) -> Tensor:
        """rgb: (N, 3, 64, 64) in [-1, 1]. Returns (N, 128) of length 1."""
        long: Tensor = self.name(self.look(rgb))
        return long / torch.sqrt(VECTOR * (long * long).mean(dim=1, keepdim=True) + SMALLEST)


class Residual(nn.Module):
    """One filter around which the maps pass."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = _filtered(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.change(x)
        return out


def _filtered(inside: int, outside: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU())
