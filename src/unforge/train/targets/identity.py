"""Training of the identity encoder: two looks at one person agree, looks at different people do not."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unforge import metrics
from unforge.nets.identity import Identity
from unforge.protect.targets import ALIGNED_PX
from unforge.train import loop
from unforge.train.targets.faces import Faces, Pictures, fed, varied
from unforge.train.targets.run import Run

PEOPLE = 48  # per batch, each seen twice
FILMED = 0.4  # share of these of whom there are several pictures
TEMPERATURE = 0.1
RATE = 2e-3
VARIED = 1.5  # times what other targets meet
HIDDEN_PX = 20  # side of what stands before a face now and then
APART = 4  # of a clip, one look in so many is compared: neighbours are nearly the same picture

Floats = NDArray[np.float64]


def learn(faces: Faces, run: Run) -> nn.Module:
    """Train from random weights."""
    net, known = Identity(), People(faces)

    def stream(first: int) -> Iterator[Tensor]:
        return batches(faces, known, run.seed, first)

    def loss(net: nn.Module, batch: Tensor) -> tuple[Tensor, dict[str, float]]:
        rgb = batch.flatten(0, 1).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        with torch.autocast("cpu", torch.bfloat16, enabled=run.bfloat16):
            vectors = net(rgb)
        return agreement(*vectors.float().chunk(2))

    return loop.run(net, net, stream, loss, run.schedule(RATE, RATE), run.folder, run.resume, run.on_progress)


class People:
    """Who can be drawn: the rows of each person of the training split, those with several pictures apart."""

    def __init__(self, faces: Faces) -> None:
        rows: dict[str, list[int]] = {}
        for n in np.flatnonzero(faces.drawn).tolist():
            rows.setdefault(faces.person[n], []).append(n)
        self.filmed = [found for found in rows.values() if len(found) > 1]
        self.once = [found for found in rows.values() if len(found) == 1]

    def draw(self, rng: np.random.Generator) -> list[tuple[int, int]]:
        """Two rows of each of at most PEOPLE people; of whom there is one picture, it stands twice."""
        filmed = _some(self.filmed, max(round(FILMED * PEOPLE), PEOPLE - len(self.once)), rng)
        once = _some(self.once, PEOPLE - len(filmed), rng)
        pairs = [rng.choice(rows, 2, replace=False).tolist() for rows in filmed]
        return [(first, second) for first, second in pairs] + [(rows[0], rows[0]) for rows in once]


def _some(people: list[list[int]], count: int, rng: np.random.Generator) -> list[list[int]]:
    return [people[n] for n in rng.permutation(len(people))[:count].tolist()]


def batches(faces: Faces, known: People, seed: int, first: int) -> Iterator[Tensor]:
    """(2, B, 64, 64, 3) uint8, the two looks at each person; functions of (seed, step) alone."""
    step = first
    while True:
        rng = np.random.default_rng([seed, step])
        drawn = known.draw(rng)
        looks = [np.stack([_look(faces, rows[side], rng) for rows in drawn]) for side in (0, 1)]
        yield torch.from_numpy(np.stack(looks))
        step += 1


def _look(faces: Faces, row: int, rng: np.random.Generator) -> Pictures:
    """One picture as another camera, another light and another hand at the shutter would have had it."""
    picture = varied(faces.store.crops[row], faces.store.landmarks_px[row], rng, VARIED)
    seen = _photographed(_lit(picture / 255.0, rng), rng)
    return np.asarray(np.clip(np.round(255.0 * seen), 0, 255), np.uint8)


def _lit(picture: Floats, rng: np.random.Generator) -> Floats:
    """Brighter or darker, flatter or harder, of another colour or of none."""
    gain = np.exp(rng.uniform(-0.3, 0.3) + rng.uniform(-0.12, 0.12, 3))
    lit: Floats = picture ** np.exp(rng.uniform(-0.4, 0.4)) * gain
    return np.repeat(lit.mean(axis=2, keepdims=True), 3, axis=2) if rng.random() < 0.2 else lit


def _photographed(picture: Floats, rng: np.random.Generator) -> Floats:
    """Out of focus, with noise, with something in front."""
    if rng.random() < 0.5:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.3)), np.float64)
    seen = picture + rng.normal(0.0, rng.uniform(0.0, 0.04), picture.shape)
    if rng.random() < 0.4:
        top, left = rng.integers(0, ALIGNED_PX - HIDDEN_PX, 2)
        seen[top : top + HIDDEN_PX, left : left + HIDDEN_PX] = rng.uniform(0.0, 1.0, 3)
    return seen


def agreement(first: Tensor, second: Tensor) -> tuple[Tensor, dict[str, float]]:
    """How hard it is to find each look's partner among all others. first, second: (B, D) of length 1.

    Source: Chen et al., A simple framework for contrastive learning of visual representations, ICML 2020, equation 1.
    """
    vectors, people = torch.cat([first, second]), len(first)
    alike = vectors @ vectors.T / TEMPERATURE
    alike = alike.masked_fill(torch.eye(2 * people, dtype=torch.bool), -torch.inf)
    partner = torch.arange(2 * people).roll(people)
    value = F.cross_entropy(alike, partner)
    return value, {"agreement": value.item(), "found": (alike.argmax(dim=1) == partner).float().mean().item()}


def measure(session: Any, faces: Faces, run: Run) -> dict[str, Any]:
    """Verification on clips of people whom nothing has learned from: are two looks of one person?

    Looks at one person come from one clip, so its light and its background help: the figure is a kind one.
    """
    rows = faces.store.where(split="val", kind="video").tolist()[::APART]
    people = [faces.person[n] for n in rows]
    names = sorted(set(people))
    facts: dict[str, Any] = {"people": len(names), "looks": len(rows), "auc": None, "auc_interval": None}
    if 1 < len(names) < len(rows):
        vectors = session.run(["vector"], {"rgb": fed(faces.plain(rows)).numpy()})[0]
        alike, members = (vectors @ vectors.T).astype(np.float64), _members(people)
        facts["auc"] = _auc(alike, members, np.arange(len(names)))
        facts["auc_interval"] = list(metrics.interval(lambda drawn: _auc(alike, members, drawn), np.zeros(len(names))))
    return facts


def _members(people: list[str]) -> list[NDArray[np.intp]]:
    return [np.flatnonzero([person == name for person in people]) for name in sorted(set(people))]


def _auc(alike: Floats, members: list[NDArray[np.intp]], drawn: NDArray[np.intp]) -> float:
    """Over the pairs of looks at the drawn people; two draws of one person are not two people."""
    same = [alike[np.ix_(members[n], members[n])][np.triu_indices(len(members[n]), 1)] for n in drawn.tolist()]
    other = [alike[np.ix_(members[a], members[b])].ravel() for a, b in combinations(drawn.tolist(), 2) if a != b]
    scores = np.concatenate([*same, *other]) if other else np.concatenate(same)
    return metrics.auc(scores, np.arange(len(scores)) < sum(map(len, same)))
