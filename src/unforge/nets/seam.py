"""The net behind `seam`: is something blended into this face, and where."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unforge.nets.lite0 import CHANNELS_AT, Lite0

WIDTH = 32
TELLING_SHARE = 16  # one sixteenth of the mask's cells may speak for the face: seams are local


class SeamNet(nn.Module):
    """Lite0 to stride 16, its three maps joined at stride 4 to a mask, and one logit.

    The logit sees the mean of the deepest map and the most telling cells of the mask: what is found must be found
    somewhere. 0.75 M parameters.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Lite0()
        self.lateral = nn.ModuleDict(
            {str(stride): nn.Conv2d(channels, WIDTH, 1) for stride, channels in CHANNELS_AT.items()}
        )
        self.join = nn.Sequential(
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(),
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=WIDTH, bias=False),
            nn.Conv2d(WIDTH, WIDTH, 1, bias=False),
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(),
        )
        self.mask = nn.Conv2d(WIDTH, 1, 1)
        self.drop = nn.Dropout(0.2)
        self.judge = nn.Linear(CHANNELS_AT[16] + WIDTH + 1, 1)

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """rgb: (N, 3, H, W) in 0..255. Returns logits (N,) and mask logits (N, H / 4, W / 4)."""
        maps = self.trunk(rgb)
        size = maps[4].shape[-2:]
        joined = sum(
            (
                F.interpolate(self.lateral[str(stride)](maps[stride]), size=size, mode="bilinear", align_corners=False)
                for stride in (8, 16)
            ),
            self.lateral["4"](maps[4]),
        )
        joined = self.join(joined)
        mask = self.mask(joined)[:, 0]
        cells = mask.flatten(1)
        telling = cells.topk(cells.shape[1] // TELLING_SHARE, dim=1).values.mean(dim=1, keepdim=True)
        pooled = torch.cat([maps[16].mean(dim=(2, 3)), joined.mean(dim=(2, 3)), telling], dim=1)
        return self.judge(self.drop(pooled))[:, 0], mask
