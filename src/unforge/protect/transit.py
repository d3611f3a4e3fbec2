"""Channels that a cloak has to survive, so that gradients pass them (expectation over transformation: Athalye et al.,
ICML 2018).

Coders are run for real, and the gradient is passed through as if they had not been there; resizing and blurring have
gradients of their own. Often the channel is the one that has lately been the worst (the idea: learn which
transformations to train on instead of drawing them alike).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from unforge import channel

Way = Callable[[Tensor, np.random.Generator], Tensor]

JPEG_QUALITY = (72, 96)
H264_STRENGTH = (0.15, 0.45)  # CRF 18 to 25
SMALLER = (0.48, 0.9)
BLUR_PX = (0.4, 0.8)
FORGET = 0.9  # of what is known about a way, at each step
WORST = 0.3  # share of the steps that take the worst way


def _rounded(x: Tensor, rng: np.random.Generator) -> Tensor:
    return x + (x.round() - x).detach()


def _jpeg(x: Tensor, rng: np.random.Generator) -> Tensor:
    strength = (100 - float(rng.uniform(*JPEG_QUALITY))) / 75.0
    return _coded(x, lambda rgb: channel.load("jpeg").apply(rgb, strength, rng))


def _h264(x: Tensor, rng: np.random.Generator) -> Tensor:
    strength = float(rng.uniform(*H264_STRENGTH))
    return _coded(x, lambda rgb: channel.load("h264").apply(rgb, strength, rng))


def _smaller(x: Tensor, rng: np.random.Generator) -> Tensor:
    side = max(16, round(x.shape[-1] * float(rng.uniform(*SMALLER))))
    small = F.interpolate(x, (side, side), mode="bilinear", antialias=True, align_corners=False)
    return F.interpolate(small, x.shape[-2:], mode="bilinear", align_corners=False)


def _smaller_jpeg(x: Tensor, rng: np.random.Generator) -> Tensor:
    side = max(16, round(x.shape[-1] * float(rng.uniform(*SMALLER))))
    small = F.interpolate(x, (side, side), mode="bilinear", antialias=True, align_corners=False)
    return F.interpolate(_jpeg(small, rng), x.shape[-2:], mode="bilinear", align_corners=False)


def _blurred(x: Tensor, rng: np.random.Generator) -> Tensor:
    sigma_px = float(rng.uniform(*BLUR_PX))
    bell = torch.exp(-0.5 * (torch.arange(-3, 4, dtype=torch.float32) / sigma_px) ** 2)
    kernel = torch.outer(bell, bell) / bell.sum() ** 2
    padded = F.pad(x, (3, 3, 3, 3), mode="reflect")
    return F.conv2d(padded, kernel.expand(x.shape[1], 1, 7, 7), groups=x.shape[1])


WAYS: dict[str, Way] = {
    "rounded": _rounded,
    "jpeg": _jpeg,
    "h264": _h264,
    "smaller": _smaller,
    "smaller and jpeg": _smaller_jpeg,
    "blurred": _blurred,
}


@dataclass(slots=True)
class Transit:
    """Draws a way for each step, and remembers how much was missing behind each."""

    missing: dict[str, float] = field(default_factory=lambda: dict.fromkeys(WAYS, 1.0))

    def draw(self, rng: np.random.Generator) -> str:
        """Name of the way for this step."""
        if rng.random() < WORST:
            return max(self.missing, key=lambda name: self.missing[name])
        return str(rng.choice(list(WAYS)))

    def learn(self, name: str, missing: float) -> None:
        self.missing[name] = FORGET * self.missing[name] + (1.0 - FORGET) * missing


def _coded(x: Tensor, coder: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Tensor:
    """Each picture (3, H, W) through a coder; the gradient passes by."""
    levels = x.detach().round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    arrived = np.stack([coder(np.ascontiguousarray(rgb)) for rgb in levels])
    return x + (torch.from_numpy(arrived).permute(0, 3, 1, 2).float() - x).detach()
