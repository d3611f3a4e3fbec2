"""MesoNet: two very small nets for forged faces, made from the paper.

Source: Afchar, Nozick, Yamagishi and Echizen, MesoNet: a compact facial video forgery detection network, WIFS 2018,
section II (Meso-4, figure 4; MesoInception-4, figure 5). Pictures are 256 px and in [0, 1]. The numbers of trained
parameters, 27,977 and 28,615, are the paper's.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZE_PX = 256
SLOPE = 0.1  # of the leaky unit before the last layer
DROPPED = 0.5


class Inception(nn.Module):
    """Four paths with growing reach, by dilation instead of larger filters, and their outputs joined."""

    def __init__(self, inside: int, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.near = nn.Conv2d(inside, widths[0], 1)
        self.paths = nn.ModuleList(
            nn.Sequential(nn.Conv2d(inside, width, 1), nn.ReLU(), nn.Conv2d(width, width, 3, 1, reach, reach))
            for reach, width in enumerate(widths[1:], start=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([F.relu(self.near(x)), *(F.relu(path(x)) for path in self.paths)], dim=1)


def _conv(inside: int, outside: int, kernel: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inside, outside, kernel, padding=kernel // 2), nn.ReLU())


class MesoNet(nn.Module):
    """Four rounds of filter, normalise and pool, then two layers; one logit, positive for a forgery."""

    def __init__(self, rounds: Sequence[tuple[nn.Module, int, int]]) -> None:
        """rounds: each with its filters, how many channels come out of them, and how far they are pooled."""
        super().__init__()
        self.rounds = nn.Sequential(
            *(nn.Sequential(filters, nn.BatchNorm2d(width), nn.MaxPool2d(pool)) for filters, width, pool in rounds)
        )
        cells = (SIZE_PX // 32) ** 2
        self.narrow = nn.Linear(rounds[-1][1] * cells, 16)
        self.judge = nn.Linear(16, 1)

    def forward(self, rgb: Tensor) -> tuple[Tensor]:
        """rgb: (N, 3, 256, 256) in 0..255. Returns its one output: logits (N,)."""
        x = F.dropout(self.rounds(rgb / 255.0).flatten(1), DROPPED, self.training)
        x = F.dropout(F.leaky_relu(self.narrow(x), SLOPE), DROPPED, self.training)
        return (self.judge(x)[:, 0],)


def meso4() -> MesoNet:
    """Meso-4."""
    return MesoNet(
        [(_conv(3, 8, 3), 8, 2), (_conv(8, 8, 5), 8, 2), (_conv(8, 16, 5), 16, 2), (_conv(16, 16, 5), 16, 4)]
    )


def mesoinception4() -> MesoNet:
    """MesoInception-4: the first two rounds are inception modules."""
    first, second = Inception(3, (1, 4, 4, 2)), Inception(11, (2, 4, 4, 2))
    return MesoNet([(first, 11, 2), (second, 12, 2), (_conv(12, 16, 5), 16, 2), (_conv(16, 16, 5), 16, 4)])
