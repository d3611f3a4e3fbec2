"""Training of the swap: each decoder draws its person from faces that were bent out of shape."""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unforge.errors import UsageError
from unforge.nets.swap import PEOPLE, Swap
from unforge.protect.targets import ALIGNED_PX
from unforge.train import loop
from unforge.train.targets.change import change, made
from unforge.train.targets.faces import Faces, Pictures, fed, filmed, plain, varied
from unforge.train.targets.run import Run

PICTURES = 12  # of each person per batch
RATE = 1e-3
FEWEST = 8  # pictures of a person
KEPT = 8  # one in so many is kept for measuring
KNOTS = 5  # on a side of the grid that bends a face
BEND_PX = 1.7  # deviation of a knot

Batch = tuple[Tensor, Tensor]
Person = tuple[Pictures, NDArray[np.float32]]


def learn(faces: Faces, run: Run) -> nn.Module:
    """Train from random weights on the two people that the seed names."""
    both, net = people(faces, run.seed), Swap()

    def stream(first: int) -> Iterator[Batch]:
        return batches(both, run.seed, first)

    def loss(net: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        bent, wanted = (pictures.flatten(0, 1).permute(0, 3, 1, 2).float() / 127.5 - 1.0 for pictures in batch)
        with torch.autocast("cpu", torch.bfloat16, enabled=run.bfloat16):
            codes = net.encoder(bent).split(PICTURES)
            drawn = torch.cat([decoder(code) for decoder, code in zip(net.decoders, codes, strict=True)])
        error = (drawn.float() - wanted).abs().mean()
        return error, {"returned": error.item()}

    schedule = run.schedule(RATE, RATE)
    return loop.run(net, net.encoder, stream, loss, schedule, run.folder, run.resume, run.on_progress)


def people(faces: Faces, seed: int, learned: bool = True) -> list[Person]:
    """The two people of a seed; another seed has two others, as long as there are any.

    learned: the pictures to learn from; else those that are kept for measuring.
    Raises UsageError where the data hold no two clips of known people.
    """
    clips = faces.clips_of("train")
    if len(clips) < PEOPLE:
        raise UsageError(f"swap: expected clips of {PEOPLE} known people in the training split; got {len(clips)}")
    first = PEOPLE * (seed - 1) % (len(clips) // PEOPLE * PEOPLE)
    both = [filmed(clip) for clip in clips[first : first + PEOPLE]]
    for clip, (crops, _) in zip(clips[first:], both, strict=False):
        if len(crops) < FEWEST:
            raise UsageError(f"{clip.path}: expected {FEWEST} pictures of one face or more; got {len(crops)}")
    return [_of(person, learned) for person in both]


def _of(person: Person, learned: bool) -> Person:
    kept = np.arange(len(person[0])) % KEPT == 0
    return person[0][kept != learned], person[1][kept != learned]


def batches(both: list[Person], seed: int, first: int) -> Iterator[Batch]:
    """Bent pictures and what they were, both (2, B, 64, 64, 3) uint8; functions of (seed, step) alone."""
    step = first
    while True:
        rng = np.random.default_rng([seed, step])
        wanted = np.stack([_pictures(person, rng) for person in both])
        bent = np.stack([np.stack([_bent(picture, rng) for picture in one]) for one in wanted])
        yield torch.from_numpy(bent), torch.from_numpy(wanted)
        step += 1


def _pictures(person: Person, rng: np.random.Generator) -> Pictures:
    crops, meshes = person
    chosen = rng.integers(len(crops), size=PICTURES).tolist()
    light = np.exp(rng.uniform(-0.15, 0.15, (PICTURES, 1, 1, 1)) + rng.uniform(-0.04, 0.04, (PICTURES, 1, 1, 3)))
    drawn = np.stack([varied(crops[n], meshes[n], rng) for n in chosen])
    return np.clip(np.round(drawn * light), 0, 255).astype(np.uint8)


def _bent(picture: Pictures, rng: np.random.Generator) -> Pictures:
    """The face with its parts a little out of place, as another person's would be."""
    knots = rng.normal(0.0, BEND_PX, (KNOTS, KNOTS, 2))
    shift = cv2.resize(knots, (ALIGNED_PX, ALIGNED_PX), interpolation=cv2.INTER_CUBIC)
    rows, columns = np.indices((ALIGNED_PX, ALIGNED_PX))
    x, y = (columns + shift[..., 0]).astype(np.float32), (rows + shift[..., 1]).astype(np.float32)
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def measure(session: Any, faces: Faces, run: Run) -> dict[str, Any]:
    """Of faces that nothing has learned from: how many change, how much of each; and the two people, drawn again.

    reconstruction_error: mean absolute difference in [0, 2] on pictures of the two that were kept from training.
    """
    kept = [plain_of(person) for person in people(faces, run.seed, learned=False)]
    errors = [np.abs(made(session, kept[n])[:, n] - fed(kept[n]).numpy()).mean() for n in range(PEOPLE)]
    return change(made(session, faces.measured), faces.measured) | {"reconstruction_error": float(np.mean(errors))}


def plain_of(person: Person) -> Pictures:
    """All pictures (T, 64, 64, 3) of a person."""
    return np.stack([plain(crop, mesh) for crop, mesh in zip(*person, strict=True)])
