"""Training of the fader: it draws faces again, and its code must not tell their attributes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from unforge.nets.fader import Adversary, Fader
from unforge.train import loop
from unforge.train.targets import attributes
from unforge.train.targets.change import attribute_error, change, made
from unforge.train.targets.faces import Faces, varied
from unforge.train.targets.run import Run

PICTURES = 24  # per batch
SILENCE = 0.03  # weight of a code that tells nothing, beside the drawing
RATE, ADVERSARY_RATE = 1e-3, 1e-3

Batch = tuple[Tensor, Tensor]


class Pair(nn.Module):
    """Fader and adversary, which learn together."""

    def __init__(self) -> None:
        super().__init__()
        self.fader = Fader(attributes.EDITS.tolist())
        self.adversary = Adversary(len(attributes.ATTRIBUTES))


def learn(faces: Faces, run: Run) -> nn.Module:
    """Train from random weights; the fader alone is what remains."""
    pair, has = Pair(), attributes.read(faces.plain(range(len(faces.store.rows))))

    def stream(first: int) -> Iterator[Batch]:
        return batches(faces, has, run.seed, first)

    def loss(net: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        with torch.autocast("cpu", torch.bfloat16, enabled=run.bfloat16):
            return losses(net, batch)

    schedule = run.schedule(ADVERSARY_RATE, RATE)
    learned = loop.run(pair, pair.fader, stream, loss, schedule, run.folder, run.resume, run.on_progress)
    fader: nn.Module = learned.fader
    return fader


def batches(faces: Faces, has: NDArray[np.float32], seed: int, first: int) -> Iterator[Batch]:
    """Pictures (B, 64, 64, 3) uint8 and their attributes (B, K); functions of (seed, step) alone."""
    rows, step = np.flatnonzero(faces.drawn), first
    while True:
        rng = np.random.default_rng([seed, step])
        chosen = rng.choice(rows, PICTURES, p=faces.drawn[rows])
        pictures = np.stack([varied(faces.store.crops[n], faces.store.landmarks_px[n], rng) for n in chosen])
        yield torch.from_numpy(pictures), torch.from_numpy(has[chosen])
        step += 1


def losses(pair: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Both sides of the game in one sum: neither side's part has a gradient in the other.

    Source: Fader networks, equations 2 and 3; absolute values for squares, since squares blur.
    """
    pictures, has = batch
    rgb = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1.0
    code = pair.fader.encoder(rgb)
    returned = (pair.fader.decoder(code, has).float() - rgb).abs().mean()
    frozen = {name: weight.detach() for name, weight in pair.adversary.named_parameters()}
    silence = _told(functional_call(pair.adversary, frozen, (code,)), 1.0 - has)
    told = _told(pair.adversary(code.detach()), has)
    parts = {"returned": returned, "silence": silence, "told": told}
    return returned + SILENCE * silence + told, {name: part.item() for name, part in parts.items()}


def _told(logits: Tensor, has: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits.float(), has)


def measure(session: Any, faces: Faces, run: Run) -> dict[str, Any]:
    """Of faces that nothing has learned from: how many change, how much of each, and what the change measures as."""
    pictures = made(session, faces.measured)
    return change(pictures, faces.measured) | {"attribute_error": attribute_error(pictures)}
