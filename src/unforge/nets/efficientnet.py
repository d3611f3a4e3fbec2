"""EfficientNet, made from the paper, to measure what it costs; no weights of it are used.

Source: Tan and Le, EfficientNet: rethinking model scaling for convolutional neural networks, ICML 2019, table 1 and
section 4; squeeze and excitation from Hu et al., CVPR 2018. With 1,000 classes B0 has 5,288,548 and B3 12,233,232
trained parameters, as the published implementation does.
"""

import math
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

STEP = 8  # channel counts are multiples of this
SQUEEZED = 4  # the squeeze has a quarter of a block's incoming channels
BN_EPS = 1e-3
# (kernel, stride, expansion, channels, repeats) of B0
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


@dataclass(frozen=True, slots=True)
class Scaling:
    """How much wider and deeper than B0, and for which picture."""

    width: float
    depth: float
    size_px: int


B0 = Scaling(1.0, 1.0, 224)
B3 = Scaling(1.2, 1.4, 300)


class Block(nn.Module):
    """Widen, filter each channel, weigh the channels, narrow."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide, squeezed = inside * expansion, max(1, inside // SQUEEZED)
        self.expand = _unit(inside, wide, 1) if expansion > 1 else nn.Identity()
        self.filter = _unit(wide, wide, kernel, stride, groups=wide)
        self.squeeze, self.excite = nn.Conv2d(wide, squeezed, 1), nn.Conv2d(squeezed, wide, 1)
        self.project = nn.Sequential(nn.Conv2d(wide, outside, 1, bias=False), nn.BatchNorm2d(outside, BN_EPS))
        self.residual = inside == outside and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y = self.filter(self.expand(x))
        weight = self.excite(F.silu(self.squeeze(y.mean(dim=(2, 3), keepdim=True)))).sigmoid()
        out: Tensor = self.project(y * weight)
        return x + out if self.residual else out


class EfficientNet(nn.Module):
    """All stages, one convolution, and a linear layer."""

    def __init__(self, scaling: Scaling, classes: int = 1) -> None:
        super().__init__()
        inside = _wide(32, scaling)
        parts: list[nn.Module] = [_unit(3, inside, 3, 2)]
        for kernel, stride, expansion, channels, repeats in STAGES:
            outside = _wide(channels, scaling)
            for n in range(math.ceil(repeats * scaling.depth)):
                parts.append(Block(inside, outside, kernel, stride if n == 0 else 1, expansion))
                inside = outside
        self.channels = _wide(1280, scaling)
        self.parts = nn.Sequential(*parts, _unit(inside, self.channels, 1))
        self.judge = nn.Linear(self.channels, classes)

    def features(self, rgb: Tensor) -> Tensor:
        """rgb: (N, 3, H, W) in 0..255. Returns the last map, (N, channels, H / 32, W / 32)."""
        out: Tensor = self.parts(rgb / 127.5 - 1.0)
        return out

    def forward(self, rgb: Tensor) -> tuple[Tensor]:
        """rgb: (N, 3, H, W) in 0..255. Returns its one output: logits (N,) for one class, else (N, classes)."""
        logits: Tensor = self.judge(self.features(rgb).mean(dim=(2, 3)))
        return (logits[:, 0] if logits.shape[1] == 1 else logits,)


def _unit(inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outside, BN_EPS),
        nn.SiLU(),
    )


def _wide(channels: int, scaling: Scaling) -> int:
    """The nearest multiple of 8, but never less than nine tenths of what was asked for."""
    wanted = channels * scaling.width
    rounded = max(STEP, int(wanted + STEP / 2) // STEP * STEP)
    return rounded + STEP if rounded < 0.9 * wanted else rounded
