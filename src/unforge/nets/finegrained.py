"""The net behind `finegrained`: is this face forged, where, by what, and how good was the look.

Forgery as fine-grained classification: several attention maps find places, a shallow branch gives the texture at
those places, and a mask says what belongs together. Sources of the ideas: attention maps and bilinear attention
pooling from WS-DAN (Hu et al., 2019), texture residuals pooled by attention from multi-attentional detection (Zhao
et al., CVPR 2021), the blend mask as supervision from Face X-ray (Li et al., CVPR 2020).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unforge.nets.lite0 import CHANNELS_AT, WHOLE_CHANNELS, Lite0

MAPS = 6  # attention maps
TEXTURE = 24  # channels of the texture that each of them pools
WIDTH = 40  # channels of the joined map at stride 4
EMBEDDING = 128
ARTEFACTS = 7  # as train/fakes lists them
REGIONS = 5  # as train/fakes lists them, and none
QUALITIES = 3  # blur, compression, loss of size
TELLING_SHARE = 16  # one sixteenth of the mask's cells may speak for the face: traces are local


class Answer(NamedTuple):
    """What the net says of N faces; also the names and the order of the outputs of its file.

    logit: (N,); mask: (N, H / 4, W / 4) logits; attention: (N, 6, H / 16, W / 16), each map sums to 1; artefacts:
    (N, 7) logits; region: (N, 5) logits; quality: (N, 3), about 0 to 1; embedding: (N, 128) of length 1.
    """

    logit: Tensor
    mask: Tensor
    attention: Tensor
    artefacts: Tensor
    region: Tensor
    quality: Tensor
    embedding: Tensor


class FineGrained(nn.Module):
    """Lite0 to stride 16 with attention, texture, mask and five heads; 0.8 M parameters (`nano`).

    whole: the trunk to its end at stride 32, whose mean joins what the heads see; 3.5 M parameters (`base`).
    """

    def __init__(self, whole: bool = False) -> None:
        super().__init__()
        deep = CHANNELS_AT[16]
        self.trunk = Lite0(whole)
        self.attend = nn.Sequential(
            nn.Conv2d(deep, deep, 3, padding=1, groups=deep, bias=False),
            nn.Conv2d(deep, 64, 1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.Conv2d(64, MAPS, 1),
        )
        self.texture = nn.Sequential(
            nn.Conv2d(CHANNELS_AT[4], 32, 3, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, TEXTURE, 1, bias=False),
            nn.BatchNorm2d(TEXTURE),
            nn.ReLU(),
        )
        self.lateral = nn.ModuleDict({str(stride): nn.Conv2d(c, WIDTH, 1) for stride, c in CHANNELS_AT.items()})
        self.join = nn.Sequential(
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(),
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=WIDTH, bias=False),
            nn.Conv2d(WIDTH, WIDTH, 1, bias=False),
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(),
        )
        self.mask = nn.Conv2d(WIDTH, 1, 1)
        summed = deep + WHOLE_CHANNELS * whole
        seen = summed + MAPS * TEXTURE + 3 * WIDTH + 1
        self.drop = nn.Dropout(0.25)
        self.embed = nn.Linear(seen, EMBEDDING)
        self.judge = nn.Linear(EMBEDDING, 1)
        self.artefacts = nn.Sequential(nn.Linear(2 * WIDTH + summed, 64), nn.ReLU(), nn.Linear(64, ARTEFACTS))
        self.region = nn.Linear(summed + WIDTH + 1, REGIONS)
        self.quality = nn.Linear(summed, QUALITIES)

    def forward(self, rgb: Tensor) -> Answer:
        """rgb: (N, 3, H, W) in 0..255, sides a multiple of 16."""
        maps = self.trunk(rgb)
        attention = self._attention(maps[16])
        texture = self._texture(maps[4])
        joined = self._joined(maps)
        mask = self.mask(joined)[:, 0]
        cells = mask.flatten(1)
        telling = cells.topk(cells.shape[1] // TELLING_SHARE, dim=1).values.mean(dim=1, keepdim=True)
        deep = torch.cat([maps[stride].mean(dim=(2, 3)) for stride in (16, 32) if stride in maps], dim=1)
        # The mask steers where the heads look, but the heads must not bend the mask to their liking.
        inside, outside = _inside_and_outside(joined, mask.detach().sigmoid())
        looked = _pooled(texture, attention)
        seen = torch.cat([deep, looked, joined.mean(dim=(2, 3)), inside, inside - outside, telling], dim=1)
        embedding = self.embed(self.drop(seen))
        return Answer(
            self.judge(F.relu(embedding))[:, 0],
            mask,
            attention,
            self.artefacts(torch.cat([inside, outside, deep], dim=1)),
            self.region(torch.cat([deep, inside, telling], dim=1)),
            self.quality(deep),
            F.normalize(embedding, dim=1),
        )

    def _attention(self, deep: Tensor) -> Tensor:
        """Maps that each sum to 1; the outermost cells see the padding and may not be looked at."""
        level = F.softplus(self.attend(deep))
        inner = F.pad(torch.ones_like(level[:1, :1, 1:-1, 1:-1]), (1, 1, 1, 1))
        level = level * inner + 1e-6
        return level / level.sum(dim=(2, 3), keepdim=True)

    def _texture(self, shallow: Tensor) -> Tensor:
        """What the shallow map holds beyond its own local mean."""
        smooth = F.avg_pool2d(shallow, 4, 4)
        smooth = F.interpolate(smooth, size=shallow.shape[-2:], mode="bilinear", align_corners=False)
        textured: Tensor = self.texture(shallow - smooth)
        return textured

    def _joined(self, maps: dict[int, Tensor]) -> Tensor:
        size = maps[4].shape[-2:]
        joined = self.lateral["4"](maps[4])
        for stride in (8, 16):
            wide = self.lateral[str(stride)](maps[stride])
            joined = joined + F.interpolate(wide, size=size, mode="bilinear", align_corners=False)
        out: Tensor = self.join(joined)
        return out


def _pooled(texture: Tensor, attention: Tensor) -> Tensor:
    """Bilinear attention pooling: the texture under each map, signed root, each of length 1. (N, M C)."""
    maps = F.interpolate(attention, size=texture.shape[-2:], mode="bilinear", align_corners=False).flatten(2)
    maps = maps / maps.sum(dim=2, keepdim=True)
    found = torch.einsum("nmp,ncp->nmc", maps, texture.flatten(2))
    rooted = torch.sqrt(found.clamp_min(0.0) + 1e-6)  # texture is not negative: it comes out of a ReLU
    return F.normalize(rooted, dim=2).flatten(1)


def _inside_and_outside(joined: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Mean features (N, C) of what a mask (N, h, w) in [0, 1] marks, and of the rest."""
    weights = share[:, None]
    inside = (joined * weights).sum(dim=(2, 3)) / (weights.sum(dim=(2, 3)) + 1.0)
    outside = (joined * (1.0 - weights)).sum(dim=(2, 3)) / ((1.0 - weights).sum(dim=(2, 3)) + 1.0)
    return inside, outside
