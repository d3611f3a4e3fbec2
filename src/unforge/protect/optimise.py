"""Cloaks found for one picture by gradients: better than those drawn in one look, and a thousand times slower.

Projected gradient descent (Madry et al., ICLR 2018) over channels (Athalye et al., ICML 2018), in the face's square
and from what the network draws. Needs torch (the extra `train`).
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from unforge.protect import placing
from unforge.protect.cloak import Cloak
from unforge.protect.objective import Look, Objective, laid, smoothed
from unforge.protect.placing import Mesh, Picture, Plane
from unforge.protect.targets import Target
from unforge.protect.transit import WAYS, Transit

STEPS = 40
STEP = 2.5  # times what may be drawn, over all steps together
HEADROOM = 2.0  # what may be drawn, times the largest change: smoothing takes away more than half of it
FACE_SHARES = (0.3, 0.45, 0.7)  # of the windows in which a face is looked at
MOMENTUM = 0.8
LOUDNESS = 2.7  # root mean square over the square, grey levels
LOUD = 4.0  # what it costs to be louder


def picture(
    rgb: Picture,
    meshes_px: Sequence[Mesh],
    cloak: Cloak,
    targets: Sequence[Target],
    *,
    steps: int = STEPS,
    seed: int = 0,
    on_progress: Callable[[float], None] = lambda done: None,
) -> Picture:
    """The picture (H, W, 3) with the cloak of each face made for it against targets that have a network.

    Same seed, same bytes. on_progress: gets the share that is done.
    """
    objective = Objective(targets)
    made = []
    for n, points in enumerate(meshes_px):
        one = _Descent(rgb, points, cloak, objective, np.random.default_rng([seed, n]))
        for step in range(steps):
            one.step(STEP * one.most / steps)
            on_progress((n + (step + 1) / steps) / len(meshes_px))
        made.append((one.cloak(), placing.square(points)))
    return placing.laid(rgb, made)


class _Descent:
    """The way down for one face."""

    def __init__(
        self, rgb: Picture, mesh_px: Mesh, cloak: Cloak, objective: Objective, rng: np.random.Generator
    ) -> None:
        windows = [placing.window(rgb, mesh_px, share, rng) for share in FACE_SHARES]
        clean = np.stack([window for window, _ in windows]).astype(np.float32)
        self.look = Look(torch.from_numpy(clean).permute(0, 3, 1, 2), [points for _, points in windows])
        self.matrices = [placing.square(points) for points in self.look.meshes]
        self.plan, self.objective, self.rng, self.transit = cloak, objective, rng, Transit()
        self.most, self.loudest = HEADROOM * cloak.most_levels, LOUDNESS * cloak.strength
        self.drawn = torch.from_numpy(cloak.raw(rgb, placing.square(mesh_px)).transpose(2, 0, 1).copy())
        self.pace = torch.zeros_like(self.drawn)

    def step(self, size: float) -> None:
        """One step against the gradient, by its signs, and back into what is allowed."""
        asked = self.drawn.clone().requires_grad_(True)
        way = self.transit.draw(self.rng)
        cloaked = laid(self.look.clean, asked.expand(len(self.matrices), -1, -1, -1), self.matrices)
        missing, _ = self.objective(self.look, WAYS[way](cloaked, self.rng))
        self.transit.learn(way, float(missing.mean().detach()))
        loudness = smoothed(asked[None]).square().mean()
        loss = missing.mean() + LOUD * torch.relu(loudness / self.loudest**2 - 1.0)
        (gradient,) = torch.autograd.grad(loss, asked)
        self.pace = MOMENTUM * self.pace + gradient / gradient.abs().mean().clamp_min(1e-12)
        self.drawn = (self.drawn - size * _signs(self.pace)).clamp(-self.most, self.most)

    def cloak(self) -> Plane:
        """What was found, (128, 128, 3) in grey levels."""
        return self.plan.bounded(placing.smoothed(np.ascontiguousarray(self.drawn.numpy().transpose(1, 2, 0))))


def _signs(pace: Tensor) -> Tensor:
    """Signs, but not of what is next to nothing: there the target has failed already."""
    return torch.tanh(pace)
