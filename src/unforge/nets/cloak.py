"""The network that draws a cloak: a face in, a perturbation out.

Two parts are added: a pattern that is the same for every face in its level frame (a universal perturbation: Moosavi-
Dezfooli et al., CVPR 2017; over several models: Huang et al., AAAI 2022), and what a small U-Net adds for the face at
hand (Ronneberger et al., MICCAI 2015). Group norms (Wu and He, ECCV 2018) make a face independent of its batch.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS = (8, 16, 32, 48)  # at strides 1, 2, 4, 8
PATTERN_PX = 80
GROUPS = 4


def _filtered(inside: int, outside: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.GroupNorm(GROUPS, outside), nn.SiLU())


class Pattern(nn.Module):
    """What is the same for every face. It learns by larger steps than filters do."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn = nn.Parameter(0.3 * torch.randn(1, 3, PATTERN_PX, PATTERN_PX))

    def forward(self, size_px: int) -> Tensor:
        """(1, 3, size_px, size_px)."""
        return F.interpolate(self.drawn, (size_px, size_px), mode="bilinear", align_corners=False)


class CloakNet(nn.Module):
    """0.1 M parameters. size_px: side of the face's crop, a multiple of 8."""

    def __init__(self, size_px: int) -> None:
        super().__init__()
        self.size_px = size_px
        self.pattern = Pattern()
        self.first = _filtered(3, CHANNELS[0])
        self.down = nn.ModuleList(_filtered(a, b, 2) for a, b in pairwise(CHANNELS))
        self.deep = _filtered(CHANNELS[-1], CHANNELS[-1])
        self.up = nn.ModuleList(_filtered(b + a, a) for a, b in reversed(list(pairwise(CHANNELS))))
        self.last = nn.Conv2d(CHANNELS[0], 3, 3, padding=1)

    def forward(self, rgb: Tensor) -> Tensor:
        """rgb: (N, 3, size_px, size_px) in 0..255. Returns a perturbation of the same shape in (-1, 1)."""
        x = self.first(rgb / 127.5 - 1.0)
        kept = []
        for step in self.down:
            kept.append(x)
            x = step(x)
        x = x + self.deep(x)
        for step in self.up:
            larger = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = step(torch.cat([larger, kept.pop()], 1))
        return torch.tanh(self.last(x) + self.pattern(self.size_px))
