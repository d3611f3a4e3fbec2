"""Xception, made from the paper, with a width factor.

Source: Chollet, Xception: deep learning with depthwise separable convolutions, CVPR 2017, figure 5. At full width with
1,000 classes it has 22,855,952 trained parameters, as the paper's implementation does.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZE_PX = 299
STEP = 8  # channel counts are multiples of this
MIDDLE_BLOCKS = 8


class Separable(nn.Module):
    """Each channel filtered by itself, then all mixed, then normalised."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.depth = nn.Conv2d(inside, inside, 3, padding=1, groups=inside, bias=False)
        self.mix = nn.Conv2d(inside, outside, 1, bias=False)
        self.norm = nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(self.mix(self.depth(x)))
        return out


class Block(nn.Module):
    """Some separable convolutions around which a shortcut leads; with a stride both ways are halved.

    widths: of the convolutions, the first is what comes in. starts_active: whether a unit stands before the first.
    """

    def __init__(self, widths: tuple[int, ...], halved: bool, starts_active: bool = True) -> None:
        super().__init__()
        self.convs = nn.ModuleList(Separable(a, b) for a, b in pairwise(widths))
        self.starts_active = starts_active
        self.shortcut = (
            nn.Sequential(nn.Conv2d(widths[0], widths[-1], 1, 2, bias=False), nn.BatchNorm2d(widths[-1]))
            if halved
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for n, conv in enumerate(self.convs):
            y = conv(F.relu(y) if n > 0 or self.starts_active else y)
        if self.shortcut is None:
            return x + y
        return F.max_pool2d(y, 3, 2, 1) + torch.as_tensor(self.shortcut(x))


class Xception(nn.Module):
    """Entry, middle and exit flow, and a linear layer.

    width: factor on all channel counts, 1.0 as published. classes: 1 for a single logit.
    """

    def __init__(self, width: float = 1.0, classes: int = 1) -> None:
        super().__init__()

        def wide(channels: int) -> int:
            return max(STEP, round(channels * width / STEP) * STEP)

        stem, joined = wide(32), wide(64)
        self.stem = nn.Sequential(
            nn.Conv2d(3, stem, 3, 2, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(),
            nn.Conv2d(stem, joined, 3, bias=False),
            nn.BatchNorm2d(joined),
            nn.ReLU(),
        )
        middle = wide(728)
        self.blocks = nn.Sequential(
            Block((joined, wide(128), wide(128)), halved=True, starts_active=False),
            Block((wide(128), wide(256), wide(256)), halved=True),
            Block((wide(256), middle, middle), halved=True),
            *(Block((middle,) * 4, halved=False) for _ in range(MIDDLE_BLOCKS)),
            Block((middle, middle, wide(1024)), halved=True),
        )
        self.exit = nn.Sequential(
            Separable(wide(1024), wide(1536)), nn.ReLU(), Separable(wide(1536), wide(2048)), nn.ReLU()
        )
        self.channels = wide(2048)
        self.judge = nn.Linear(self.channels, classes)

    def features(self, rgb: Tensor) -> Tensor:
        """rgb: (N, 3, H, W) in 0..255. Returns the last map, (N, channels, H / 32, W / 32)."""
        out: Tensor = self.exit(self.blocks(self.stem(rgb / 127.5 - 1.0)))
        return out

    def forward(self, rgb: Tensor) -> tuple[Tensor]:
        """rgb: (N, 3, H, W) in 0..255. Returns its one output: logits (N,) for one class, else (N, classes)."""
        logits: Tensor = self.judge(self.features(rgb).mean(dim=(2, 3)))
        return (logits[:, 0] if logits.shape[1] == 1 else logits,)
