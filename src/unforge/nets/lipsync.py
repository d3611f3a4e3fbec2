"""The net behind `lipsync`: lips and voice brought to the same few signals, so that they correlate where they belong
together.
"""

import torch
from torch import Tensor, nn

SHAPES, PIXELS, BANDS = 5, 32 * 32, 10
PARTS = 6  # ways in which the picture of a mouth changes
TAPS = (-5, -2, 0, 2, 5)  # rows of 20 ms of the voice that are heard together
SIGNALS = 4


class LipVoiceNet(nn.Module):
    """Two linear towers without bias; 6,400 parameters, as small as 70 s of speech to learn from allow.

    The lips' tower reduces the picture of the mouth to its main changes (`parts`), adds how fast everything changes,
    and standardises over time; the voice's tower hears neighbouring rows together.
    """

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.Linear(PIXELS, PARTS, bias=False)
        self.lips = nn.Linear(2 * (SHAPES + PARTS), SIGNALS, bias=False)
        self.voice = nn.Linear(BANDS * len(TAPS), SIGNALS, bias=False)

    def forward(self, lips: Tensor, bands: Tensor) -> tuple[Tensor, Tensor]:
        """lips: (T, 5 + 1024), bands: (S, 10), rows of 20 ms. Returns lip signals (T, 4) and voice signals (S, 4)."""
        return self.lips(self.lip_columns(lips)), self.voice(self.voice_columns(bands))

    def lip_columns(self, lips: Tensor) -> Tensor:
        """(T, 22): shapes and parts, then their speeds, each standardised over time."""
        columns = torch.cat([lips[:, :SHAPES], self.parts(lips[:, SHAPES:])], dim=1)
        before, after = torch.cat([columns[:1], columns[:-1]]), torch.cat([columns[1:], columns[-1:]])
        columns = torch.cat([columns, after - before], dim=1)
        columns = columns - columns.mean(dim=0, keepdim=True)
        return columns / (columns.square().mean(dim=0, keepdim=True).sqrt() + 1e-6)

    def voice_columns(self, bands: Tensor) -> Tensor:
        """(S, 50): the bands at each tap; the first and the last row stand for what lies beyond."""
        reach = max(TAPS)
        padded = torch.cat([bands[:1]] * reach + [bands] + [bands[-1:]] * reach)
        return torch.cat([padded[reach + tap : padded.shape[0] - reach + tap] for tap in TAPS], dim=1)
