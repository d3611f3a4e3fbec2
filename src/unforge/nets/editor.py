"""An editor of attributes and the critic that teaches it, of the kind of StarGAN; a target for cloaks, never shipped.

What the face should have comes in as planes beside its colours. The body is as wide as a quarter of the picture, all
the way through: whatever is added to the picture is carried through to what comes out, which is why such editors break.
Source of the design: Choi et al., StarGAN: unified generative adversarial networks for multi-domain image-to-image
translation, CVPR 2018, section 3 and tables 4 and 5; half as wide, four residual blocks for six, 64 px for 128.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

WIDTH = 32
BLOCKS = 4
SLOPE = 0.01  # of the critic's units, below zero


class Residual(nn.Module):
    """Two filters around which the picture passes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            *_unit(nn.Conv2d(channels, channels, 3, padding=1, bias=False), channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.InstanceNorm2d(channels, affine=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.change(x)
        return out


class Editor(nn.Module):
    """Twice halved, four residual blocks, twice doubled; 1.5 M parameters.

    edits: (A, K) the attributes that each of the A pictures shall have, in [0, 1].
    """

    def __init__(self, edits: Sequence[Sequence[float]]) -> None:
        super().__init__()
        self.edits = [list(map(float, edit)) for edit in edits]
        narrow, middle, wide = WIDTH, 2 * WIDTH, 4 * WIDTH
        self.body = nn.Sequential(
            *_unit(nn.Conv2d(3 + len(self.edits[0]), narrow, 7, padding=3, bias=False), narrow),
            *_unit(nn.Conv2d(narrow, middle, 4, 2, 1, bias=False), middle),
            *_unit(nn.Conv2d(middle, wide, 4, 2, 1, bias=False), wide),
            *(Residual(wide) for _ in range(BLOCKS)),
            *_unit(nn.ConvTranspose2d(wide, middle, 4, 2, 1, bias=False), middle),
            *_unit(nn.ConvTranspose2d(middle, narrow, 4, 2, 1, bias=False), narrow),
            nn.Conv2d(narrow, 3, 7, padding=3, bias=False),
            nn.Tanh(),
        )

    def edit(self, rgb: Tensor, wanted: Tensor) -> Tensor:
        """The faces (N, 3, H, W) in [-1, 1] with the attributes (N or 1, K)."""
        # Planes grow out of the picture, not out of its shape: an exported file then holds plain arithmetic.
        planes = 0.0 * rgb[:, :1] + (2.0 * wanted - 1.0)[:, :, None, None]
        made: Tensor = self.body(torch.cat([rgb, planes], dim=1))
        return made

    def forward(self, rgb: Tensor) -> Tensor:
        """rgb: (N, 3, H, W) in [-1, 1]. Returns (N, A, 3, H, W) in [-1, 1]."""
        return torch.stack([self.edit(rgb, torch.tensor([edit])) for edit in self.edits], dim=1)


class Critic(nn.Module):
    """Tells of each place whether it is real, and of the face which attributes it has."""

    def __init__(self, attributes: int) -> None:
        super().__init__()
        widths = (3, 32, 64, 128, 256)
        steps: list[nn.Module] = []
        for inside, outside in pairwise(widths):
            steps += [nn.Conv2d(inside, outside, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        self.look = nn.Sequential(*steps)
        self.real = nn.Conv2d(widths[-1], 1, 3, padding=1)
        self.attributes = nn.Conv2d(widths[-1], attributes, 4)

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """rgb: (N, 3, 64, 64) in [-1, 1]. Returns (N, 4, 4), higher for real, and logits (N, K)."""
        seen = self.look(rgb)
        return self.real(seen)[:, 0], self.attributes(seen)[:, :, 0, 0]


def _unit(filters: nn.Module, channels: int) -> tuple[nn.Module, nn.Module, nn.Module]:
    return filters, nn.InstanceNorm2d(channels, affine=True), nn.ReLU()
