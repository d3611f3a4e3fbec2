"""An autoencoder whose code does not know the attributes, which are told to the decoder; a target for cloaks.

An adversary reads attributes from the code, and the encoder learns to leave it nothing. All passes through a code of 4
by 4 places: little of what is added to a picture gets through, which is why noise breaks this kind least.
Source of the design: Lample et al., Fader networks: manipulating images by sliding attributes, NIPS 2017, sections 3
and 4; a quarter as wide, 64 px for 256.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

WIDTHS = (3, 32, 64, 96, 128)  # channels at strides 1 to 16
SLOPE = 0.2


class Encoder(nn.Module):
    """A face to its code (N, 128, H / 16, W / 16)."""

    def __init__(self) -> None:
        super().__init__()
        steps: list[nn.Module] = []
        for inside, outside in pairwise(WIDTHS):
            steps += [nn.Conv2d(inside, outside, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        self.steps = nn.Sequential(*steps[:-1])

    def forward(self, rgb: Tensor) -> Tensor:
        code: Tensor = self.steps(rgb)
        return code


class Decoder(nn.Module):
    """A code and attributes to a face; the attributes are told again at every size."""

    def __init__(self, attributes: int) -> None:
        super().__init__()
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(inside + attributes, outside, 4, 2, 1)
            for inside, outside in pairwise((*WIDTHS[:0:-1], WIDTHS[1] // 2))
        )
        self.out = nn.Conv2d(WIDTHS[1] // 2 + attributes, 3, 3, padding=1)

    def forward(self, code: Tensor, wanted: Tensor) -> Tensor:
        for up in self.ups:
            code = nn.functional.leaky_relu(up(_beside(code, wanted)), SLOPE)
        return torch.tanh(self.out(_beside(code, wanted)))


class Fader(nn.Module):
    """Encoder and decoder; 0.6 M parameters.

    edits: (A, K) the attributes that each of the A pictures shall have, in [0, 1].
    """

    def __init__(self, edits: Sequence[Sequence[float]]) -> None:
        super().__init__()
        self.edits = [list(map(float, edit)) for edit in edits]
        self.encoder, self.decoder = Encoder(), Decoder(len(self.edits[0]))

    def forward(self, rgb: Tensor) -> Tensor:
        """rgb: (N, 3, 64, 64) in [-1, 1]. Returns (N, A, 3, 64, 64) in [-1, 1]."""
        code = self.encoder(rgb)
        return torch.stack([self.decoder(code, torch.tensor([edit])) for edit in self.edits], dim=1)


class Adversary(nn.Module):
    """Reads attributes from a code of 4 by 4 places."""

    def __init__(self, attributes: int) -> None:
        super().__init__()
        self.read = nn.Sequential(
            nn.Conv2d(WIDTHS[-1], 128, 4), nn.LeakyReLU(SLOPE), nn.Flatten(), nn.Linear(128, attributes)
        )

    def forward(self, code: Tensor) -> Tensor:
        """Logits (N, K)."""
        logits: Tensor = self.read(code)
        return logits


def _beside(code: Tensor, wanted: Tensor) -> Tensor:
    """Planes grow out of the code, not out of its shape: an exported file then holds plain arithmetic."""
    return torch.cat([code, 0.0 * code[:, :1] + (2.0 * wanted - 1.0)[:, :, None, None]], dim=1)
