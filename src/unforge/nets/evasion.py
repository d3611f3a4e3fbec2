"""The network that knows the pattern which attacks leave in a picture.

It is shown what is left when the mean of each pixel's surroundings is taken away, cut off where edges begin, as
steganalysis does (Fridrich and Kodovský, 2012); then small filters, and the mean and the strongest answer of them.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unforge.nets.advert import filtered

CHANNELS = (16, 24, 32, 48)  # at strides 1, 2, 4, 8
CUT_LEVELS = 24.0


class EvasionNet(nn.Module):
    """25,000 parameters."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third, fourth = CHANNELS
        self.filters = nn.Sequential(
            filtered(3, first), filtered(first, second, 2), filtered(second, third, 2), filtered(third, fourth, 2)
        )
        self.what = nn.Linear(2 * fourth, 1)

    def forward(self, rgb: Tensor) -> Tensor:
        """rgb: (N, 3, S, S) in 0..255. Returns (N, 1) logits of a pattern."""
        around = F.avg_pool2d(F.pad(rgb, (1, 1, 1, 1), mode="replicate"), 3, 1)
        left = (rgb - around).clamp(-CUT_LEVELS, CUT_LEVELS) / (0.5 * CUT_LEVELS)
        found = self.filters(left)
        strongest = F.max_pool2d(found, found.shape[-1]).flatten(1)
        logit: Tensor = self.what(torch.cat([found.mean((2, 3)), strongest], 1))
        return logit
