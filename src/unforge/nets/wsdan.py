"""WS-DAN: attention maps and bilinear attention pooling on a backbone, made from the paper, to measure what it costs.

Source: Hu, Qi, Huang and Lu, See better before looking closer: weakly supervised data augmentation network for
fine-grained visual classification, arXiv 1901.09891 (2019), section 3.1. The number of maps, the signed root and the
scaled, unbiased last layer are as the system in the second place of the 2020 deepfake detection challenge has them.
"""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MAPS = 8
BN_EPS = 1e-3
SCALE = 100.0  # of the pooled features of length 1
SMALLEST = 1e-12


class Backbone(Protocol):
    """What gives maps: `channels` is how many."""

    channels: int

    def features(self, rgb: Tensor) -> Tensor: ...


class WsDan(nn.Module):
    """One logit of what the attention maps pool out of a backbone's last map."""

    def __init__(self, backbone: Backbone, maps: int = MAPS) -> None:
        super().__init__()
        self.backbone = backbone
        self.attend = nn.Sequential(
            nn.Conv2d(backbone.channels, maps, 1, bias=False), nn.BatchNorm2d(maps, BN_EPS), nn.ReLU()
        )
        self.judge = nn.Linear(maps * backbone.channels, 1, bias=False)

    def forward(self, rgb: Tensor) -> tuple[Tensor]:
        """rgb: (N, 3, H, W) in 0..255. Returns its one output: logits (N,)."""
        found = self.backbone.features(rgb)
        logits: Tensor = self.judge(SCALE * pooled(found, self.attend(found)))
        return (logits[:, 0],)


def pooled(found: Tensor, attention: Tensor) -> Tensor:
    """(N, M C) of length 1: features (N, C, H, W) under each attention map (N, M, H, W), signed root."""
    cells = found.shape[-2] * found.shape[-1]
    matrix = torch.bmm(attention.flatten(2), found.flatten(2).transpose(1, 2)) / cells
    rooted = torch.sign(matrix) * torch.sqrt(matrix.abs() + SMALLEST)
    return F.normalize(rooted.flatten(1), dim=1)
