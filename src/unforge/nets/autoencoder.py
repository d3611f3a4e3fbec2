"""A small autoencoder of faces with three decoders: each leaves the fingerprint of its own up-sampling.

Face-swap generators draw a face with learned up-sampling; a reconstruction of the same face by such layers carries
that trace without being anybody else's face. Width, depth and losses are ours.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

DECODERS = ("transposed", "nearest", "shuffle")
ENCODED = (24, 48)  # channels at strides 2, 4
LATENT = 16
DECODED = (48, 32, 16)  # channels at strides 4, 2, 1
COARSE = 8  # the base is the picture's colours in squares of this side; decoders draw what they lack


def _filtered(inside: int, outside: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outside), nn.SiLU()
    )


class Encoder(nn.Module):
    """A picture to a map of LATENT channels at stride 4, a third of the picture's numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(_filtered(3, ENCODED[0], 5, 2), _filtered(*ENCODED, 3, 2))
        self.think = _filtered(ENCODED[1], ENCODED[1])
        self.out = nn.Conv2d(ENCODED[1], LATENT, 1)

    def forward(self, picture: Tensor) -> Tensor:
        deep = self.down(picture)
        latent: Tensor = self.out(deep + self.think(deep))
        return latent


class Transposed(nn.Module):
    """Twice the size by a transposed convolution: a checkerboard of period 2."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inside, outside, 4, 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        larger: Tensor = self.up(x)
        return larger


class Nearest(nn.Module):
    """Twice the size by repeating pixels, then a filter: mirrored spectra, weakened."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.filter = nn.Conv2d(inside, outside, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        larger: Tensor = self.filter(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return larger


class Shuffle(nn.Module):
    """Twice the size by moving channels into pixels: four filters side by side, never quite alike."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.filter = nn.Conv2d(inside, 4 * outside, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.filter(x), 2)


UPS: dict[str, type[Transposed] | type[Nearest] | type[Shuffle]] = {
    "transposed": Transposed,
    "nearest": Nearest,
    "shuffle": Shuffle,
}


class Decoder(nn.Module):
    """A latent map back to a picture, by two steps of one kind of up-sampling."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        steps: list[nn.Module] = [_filtered(LATENT, DECODED[0])]
        for inside, outside in pairwise(DECODED):
            steps += [UPS[kind](inside, outside), nn.BatchNorm2d(outside), nn.SiLU()]
            if outside != DECODED[-1]:
                steps.append(_filtered(outside, outside))
        self.steps = nn.Sequential(*steps)
        self.out = nn.Conv2d(DECODED[-1], 3, 3, padding=1)

    def forward(self, latent: Tensor) -> Tensor:
        picture: Tensor = self.out(self.steps(latent))
        return picture


class AutoEncoder(nn.Module):
    """One encoder, one decoder for each way of up-sampling; 0.2 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.decoders = nn.ModuleDict({kind: Decoder(kind) for kind in DECODERS})

    def through(self, rgb: Tensor, kind: str) -> Tensor:
        """The picture (N, 3, H, W) in 0..255, sides multiples of 8, through one decoder; not clipped."""
        return _base(rgb) + 127.5 * self.decoders[kind](self.encoder(rgb / 127.5 - 1.0))

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """rgb: (N, 3, H, W) in 0..255. Returns one reconstruction for each of DECODERS, clipped to 0..255."""
        base, latent = _base(rgb), self.encoder(rgb / 127.5 - 1.0)
        return tuple(torch.clamp(base + 127.5 * self.decoders[kind](latent), 0.0, 255.0) for kind in DECODERS)


def _base(rgb: Tensor) -> Tensor:
    """The colours without any detail: learning them would take longer than learning the rest."""
    return F.interpolate(F.avg_pool2d(rgb, COARSE), scale_factor=float(COARSE), mode="bilinear", align_corners=False)
