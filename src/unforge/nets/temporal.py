"""The net behind `temporal`: does a face change from frame to frame as one piece would.

Small and strongly tied down, because film of few people teaches it: fixed dilated convolutions over time take the first
and second differences of everything that was read of each frame, their energies are put on a log scale, and one layer
weighs them. A convolutional head that learned its own filters knew the training clips by heart. The frame network is
frozen and not part of it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

DILATIONS = (1, 2)
FILTERS = ((-0.5, 0.0, 0.5), (0.5, -1.0, 0.5))  # velocity, and what bends it
FLOOR = 1e-4  # of an energy
CLAMP = 4.0  # standard deviations


class TemporalNet(nn.Module):
    """From (N, T, D) features to (N,) logits; T is 16 or more, 6 D parameters.

    mean, deviation: (5 D,) of the log energies of the training stretches; the net standardises by them.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, columns: int) -> None:
        super().__init__()
        for name, value in (("mean", 0.0), ("deviation", 1.0)):
            self.register_buffer(name, torch.full((columns * (1 + len(DILATIONS) * len(FILTERS)),), value))
        kernels = torch.tensor(FILTERS).repeat(columns, 1)[:, None]  # (2 D, 1, 3): both filters for each column
        self.register_buffer("kernels", kernels)
        self.judge = nn.Linear(len(self.mean), 1)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.judge(self.standardised(self.energies(features)))[:, 0]
        return logits

    def energies(self, features: Tensor) -> Tensor:
        """(N, 5 D) log energies: of the feature around its mean, then of each filter at each dilation."""
        over_time = features.transpose(1, 2)
        around = over_time - over_time.mean(dim=2, keepdim=True)
        found = [(around * around).mean(dim=2)]
        for dilation in DILATIONS:
            wide = F.pad(over_time, (dilation, dilation), mode="replicate")
            filtered = F.conv1d(wide, self.kernels, dilation=dilation, groups=over_time.shape[1])
            found.append((filtered * filtered).mean(dim=2))
        return torch.log(torch.cat(found, dim=1) + FLOOR)

    def standardised(self, energies: Tensor) -> Tensor:
        return ((energies - self.mean) / self.deviation).clamp(-CLAMP, CLAMP)
