"""The net behind `temporal`: does a face change from frame to frame as one piece would.

Dilated convolutions over what was read of each frame (temporal convolutional network, Bai et al., 2018); the frame
network itself is frozen and not part of it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTH = 64
DILATIONS = (1, 2, 4, 8)


class TemporalNet(nn.Module):
    """From (N, T, D) features to (N,) logits; T is 16 or more, 0.08 M parameters at D of 200.

    mean, deviation: (D,) of the training windows; the net standardises by them.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.enter = nn.Conv1d(len(mean), WIDTH, 1)
        self.blocks = nn.ModuleList(_Block(dilation) for dilation in DILATIONS)
        self.drop = nn.Dropout(0.3)
        self.judge = nn.Linear(3 * WIDTH, 1)

    def forward(self, features: Tensor) -> Tensor:
        standard = ((features - self.mean) / self.deviation).clamp(-6.0, 6.0)
        x = self.enter(self.drop(standard).transpose(1, 2))
        for block in self.blocks:
            x = block(x)
        spread = (x.var(dim=2, unbiased=False) + 1e-4).sqrt()
        seen = torch.cat([x.mean(dim=2), x.amax(dim=2), spread], dim=1)
        logits: Tensor = self.judge(self.drop(seen))[:, 0]
        return logits


class _Block(nn.Module):
    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(WIDTH, WIDTH, 3, padding=dilation, dilation=dilation)
        self.norm = nn.GroupNorm(8, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + F.gelu(self.norm(self.mix(x)))
        return out
