"""Training of the editor: its critic must take what it makes for real, and find in it what was asked for."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from unforge.nets.editor import Critic, Editor
from unforge.train import loop
from unforge.train.targets import attributes
from unforge.train.targets.change import attribute_error, change, made
from unforge.train.targets.faces import Faces, varied
from unforge.train.targets.run import Run

PICTURES = 8  # per batch
CYCLED = 4  # of these, how many are edited back: it costs as much again
BACK, FOUND = 5.0, 2.0  # weights of what must come back and of what must be found, beside the critic's belief
RATE, CRITIC_RATE = 1e-3, 4e-4


class Batch(NamedTuple):
    """pictures: (B, 64, 64, 3) uint8; has, wanted: (B, K) attributes."""

    pictures: Tensor
    has: Tensor
    wanted: Tensor


class Pair(nn.Module):
    """Editor and critic, which learn together."""

    def __init__(self) -> None:
        super().__init__()
        self.editor = Editor(attributes.EDITS.tolist())
        self.critic = Critic(len(attributes.ATTRIBUTES))


def learn(faces: Faces, run: Run) -> nn.Module:
    """Train from random weights; the editor alone is what remains."""
    pair, has = Pair(), attributes.read(faces.plain(range(len(faces.store.rows))))

    def stream(first: int) -> Iterator[Batch]:
        return batches(faces, has, run.seed, first)

    def loss(net: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        with torch.autocast("cpu", torch.bfloat16, enabled=run.bfloat16):
            return losses(net, batch)

    schedule = run.schedule(CRITIC_RATE, RATE)
    learned = loop.run(pair, pair.editor, stream, loss, schedule, run.folder, run.resume, run.on_progress)
    editor: nn.Module = learned.editor
    return editor


def batches(faces: Faces, has: NDArray[np.float32], seed: int, first: int) -> Iterator[Batch]:
    """Functions of (seed, step) alone."""
    rows, step = np.flatnonzero(faces.drawn), first
    while True:
        rng = np.random.default_rng([seed, step])
        chosen = rng.choice(rows, PICTURES, p=faces.drawn[rows])
        pictures = np.stack([varied(faces.store.crops[n], faces.store.landmarks_px[n], rng) for n in chosen])
        wanted = attributes.EDITS[rng.integers(len(attributes.EDITS), size=PICTURES)]
        yield Batch(torch.from_numpy(pictures), torch.from_numpy(has[chosen]), torch.from_numpy(wanted))
        step += 1


def losses(pair: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Both sides of the game in one sum: neither side's part has a gradient in the other.

    Source: StarGAN, equations 1 to 6, with squares for the critic's belief (Mao et al., Least squares generative
    adversarial networks, ICCV 2017), which need no second gradient.
    """
    rgb = batch.pictures.permute(0, 3, 1, 2).float() / 127.5 - 1.0
    made = pair.editor.edit(rgb, batch.wanted)
    back = pair.editor.edit(made[:CYCLED], batch.has[:CYCLED])
    returned = (back.float() - rgb[:CYCLED]).abs().mean()
    frozen = {name: weight.detach() for name, weight in pair.critic.named_parameters()}
    believed, found = functional_call(pair.critic, frozen, (made,))
    editing = (believed - 1.0).square().mean() + FOUND * _told(found, batch.wanted) + BACK * returned
    on_real, seen = pair.critic(rgb)
    on_made, _ = pair.critic(made.detach())
    judging = (on_real - 1.0).square().mean() + on_made.square().mean() + _told(seen, batch.has)
    parts = {"editing": editing, "judging": judging, "returned": returned, "found": _told(found, batch.wanted)}
    return (editing + judging).float(), {name: part.item() for name, part in parts.items()}


def _told(logits: Tensor, wanted: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits.float(), wanted)


def measure(session: Any, faces: Faces, run: Run) -> dict[str, Any]:
    """Of faces that nothing has learned from: how many change, how much of each, and what the change measures as."""
    pictures = made(session, faces.measured)
    return change(pictures, faces.measured) | {"attribute_error": attribute_error(pictures)}
