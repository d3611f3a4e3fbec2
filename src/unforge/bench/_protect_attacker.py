"""A forger who has collected protected pictures and retrains the editor on them: the adaptive attacker.

The forger has each of these pictures without its cloak, too, which is the worst case: the editor is taught to make of a
cloaked face what it made of the bare one, and to stay as it was on bare ones. Other people than those who are judged.
The idea is that of LoRA patching (arXiv 2510.03747), with all weights instead of a few.
"""

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unforge.bench.protocols import OnProgress
from unforge.errors import UsageError
from unforge.protect.judge import Pair
from unforge.protect.targets import Picture, Points, Target, aligned

STEPS = 300
BATCH = 8
RATE = 2e-4
SEED = 17


def can_train() -> bool:
    """Whether torch and onnx are installed."""
    return find_spec("torch") is not None and find_spec("onnx") is not None


def fine_tuned(target: Target, pairs: Sequence[Pair], tell: OnProgress | None = None) -> Target:
    """The same program after STEPS steps on pairs of other people. Raises UsageError for one without a network."""
    if target.network is None or not pairs:
        raise UsageError(
            f"fine-tuning: expected a network and a pair or more; got {target.network}, {len(pairs)} pairs"
        )
    net = _trained(target, pairs, tell)

    def respond(rgb: Picture, mesh_px: Points) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            made = net(torch.from_numpy(aligned(rgb, mesh_px)[None]))[0][0]
        return np.asarray(made.numpy(), np.float32)

    return replace(target, network=None, may_train=False, respond=respond)


def _trained(target: Target, pairs: Sequence[Pair], tell: OnProgress | None) -> Any:
    import torch
    from torch.nn import functional as F

    from unforge.nets.onnx_graph import OnnxGraph

    bare, cloaked = (_faces(pairs, name) for name in ("original", "protected"))
    net = OnnxGraph(target.network or "")
    with torch.no_grad():
        wanted = torch.cat([net(face[None])[0] for face in bare])
    optimiser, rng = torch.optim.Adam(net.parameters(), RATE), np.random.default_rng(SEED)
    for step in range(STEPS):
        chosen = torch.from_numpy(rng.integers(len(pairs), size=BATCH))
        made = net(torch.cat([cloaked[chosen], bare[chosen]]))[0]
        loss = F.l1_loss(made, wanted[torch.cat([chosen, chosen])])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if tell is not None:
            tell("retraining the editor", (step + 1) / STEPS)
    return net.eval()


def _faces(pairs: Sequence[Pair], name: str) -> Any:
    """(N, 3, 64, 64) of the first face of each pair, before or after."""
    import torch

    return torch.from_numpy(np.stack([aligned(getattr(pair, name), pair.meshes_px[0]) for pair in pairs]))
