"""The network that tells pictures of offers from adverts laid over them.

Plain residual blocks (He et al., CVPR 2016): at this size they cost less on a CPU than separable ones. Smooth
activations, because networks that withstand attacks learn better through them (Xie et al., 2020). Two answers: what
the picture is, and where an advert lies, which teaches the first where to look.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS = (16, 32, 64, 112)  # at strides 2, 4, 8, 16
CELL_PX = 8


def filtered(inside: int, outside: int, stride: int = 1) -> nn.Sequential:
    """A filter with its norm and activation."""
    return nn.Sequential(nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside), nn.SiLU())


class Residual(nn.Module):
    """Two filters and what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = filtered(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(x + self.norm(self.second(self.first(x))))


class AdvertNet(nn.Module):
    """0.41 M parameters. classes: how many kinds of picture there are."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        first, second, third, fourth = CHANNELS
        self.fine = nn.Sequential(
            filtered(3, first, 2),
            filtered(first, second, 2),
            Residual(second),
            filtered(second, third, 2),
            Residual(third),
        )
        self.coarse = nn.Sequential(filtered(third, fourth, 2), Residual(fourth))
        self.where = nn.Conv2d(third + fourth, 1, 1)
        self.what = nn.Linear(2 * fourth, classes)

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """rgb: (N, 3, S, S) in 0..255. Returns (N, classes) logits and (N, 1, S / 8, S / 8) logits of advert there."""
        fine = self.fine(rgb / 127.5 - 1.0)
        coarse = self.coarse(fine)
        spread = F.interpolate(coarse, scale_factor=2.0, mode="nearest")
        where = self.where(torch.cat([fine, spread], 1))
        strongest = F.max_pool2d(coarse, coarse.shape[-1])
        pooled = torch.cat([coarse.mean((2, 3)), strongest.flatten(1)], 1)
        return self.what(pooled), where
