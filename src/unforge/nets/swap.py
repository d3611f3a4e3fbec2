"""The autoencoder of the first face swaps: one encoder, a decoder for each of two people; a target for cloaks.

Each decoder knows how to draw one person only. What the encoder sees of anybody's pose and light is drawn as that
person. The code is a short vector: no path leads around it.
Source of the design: the open face-swap programs of 2018 share it; Nirkin et al., FSGAN, ICCV 2019, section 2, and
Tolosana et al., Deepfakes and beyond, Information Fusion 2020, section 3 describe it. Widths are ours.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

PEOPLE = 2
WIDTHS = (3, 16, 32, 64, 128)  # channels at strides 1 to 16
CODE = 128
SIDE = 4  # places on a side at stride 16 of a face of 64 px
SLOPE = 0.1


class Encoder(nn.Module):
    """A face (N, 3, 64, 64) to what it does, not who it is: (N, 128, 4, 4), by way of a vector."""

    def __init__(self) -> None:
        super().__init__()
        steps: list[nn.Module] = []
        for inside, outside in pairwise(WIDTHS):
            steps += [nn.Conv2d(inside, outside, 5, 2, 2), nn.LeakyReLU(SLOPE)]
        cells = WIDTHS[-1] * SIDE**2
        self.steps = nn.Sequential(*steps, nn.Flatten(), nn.Linear(cells, CODE), nn.Linear(CODE, cells))

    def forward(self, rgb: Tensor) -> Tensor:
        code: Tensor = self.steps(rgb)
        return code.reshape(-1, WIDTHS[-1], SIDE, SIDE)


class Decoder(nn.Module):
    """One person, as the code tells."""

    def __init__(self) -> None:
        super().__init__()
        steps: list[nn.Module] = []
        for inside, outside in pairwise((*WIDTHS[:0:-1], WIDTHS[1])):
            steps += [nn.ConvTranspose2d(inside, outside, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        self.steps = nn.Sequential(*steps, nn.Conv2d(WIDTHS[1], 3, 5, padding=2), nn.Tanh())

    def forward(self, code: Tensor) -> Tensor:
        picture: Tensor = self.steps(code)
        return picture


class Swap(nn.Module):
    """Encoder and two decoders; 1.2 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.decoders = nn.ModuleList(Decoder() for _ in range(PEOPLE))

    def forward(self, rgb: Tensor) -> Tensor:
        """rgb: (N, 3, 64, 64) in [-1, 1]. Returns (N, 2, 3, 64, 64) in [-1, 1]: the face as each of the people."""
        code = self.encoder(rgb)
        return torch.stack([decoder(code) for decoder in self.decoders], dim=1)
