# mypy: disable-error-code="misc, no-any-unimported"
"""Attacks on the picture classifier, written into pictures at their own size.

Noise found for the small picture that the network is shown lasts in a file only where it survives the reduction. So
gradients go through the reduction, which is linear and known exactly, and what only asks is found small and enlarged.
Every attack pushes adverts towards "clean" and clean pictures towards "advert", and returns uint8.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unforge import weights
from unforge.bench._adversarial_attacks import Smooth, by_asking, by_gradient
from unforge.errors import UnknownName
from unforge.moderate import looks, shifts
from unforge.moderate.looks import CARD, SIDE_PX
from unforge.nets.onnx_graph import OnnxGraph

NAMES = ("pgd", "square", "patch")
KNOWING_STEPS = 40
MARGIN = 4.0  # log odds beyond which nothing more is asked of a change
PATCH_STEPS = 60
PATCH_LEVELS = 24.0  # grey levels a step
PATCH_SIDE = 0.25  # of the picture's: a sixteenth of its area
QUERIES = 500  # of the square attack, where nobody says otherwise
SEED = 0

Picture = NDArray[np.uint8]
Flags = NDArray[np.bool_]


class Classifier(nn.Module):
    """The classifier as torch: pictures (N, 3, S, S) in 0..255 to logits (N, classes).

    Where nobody wants gradients, the file itself is asked, which is faster.
    """

    def __init__(self, content: bytes) -> None:
        """content: the ONNX file."""
        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self.graph = _graph(content)

    def forward(self, rgb: Tensor) -> Tensor:
        """(N, classes) logits."""
        return self.all(rgb)[0]

    def all(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and cells (N, 1, h, w)."""
        if torch.is_grad_enabled():
            logits, cells = self.graph(rgb)
        else:
            logits, cells = map(torch.from_numpy, self.session.run(["logits", "cells"], {"rgb": rgb.numpy()}))
        return logits, cells


class Advert(nn.Module):
    """Whether there is an advert: pictures (N, 3, H, W) in 0..255 to log odds (N,)."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, rgb: Tensor) -> Tensor:
        return _score(self.classifier(rgb))


class Reduced(nn.Module):
    """The classifier as it is shown pictures of one size (N, 3, H, W) in 0..255: `looks.reduced` as two matrices."""

    def __init__(self, classifier: nn.Module, height: int, width: int) -> None:
        super().__init__()
        self.classifier = classifier
        way = cv2.INTER_AREA if min(height, width) >= SIDE_PX else cv2.INTER_LINEAR
        self.rows = torch.from_numpy(cv2.resize(np.eye(height, dtype=np.float32), (height, SIDE_PX), interpolation=way))
        self.columns = torch.from_numpy(
            cv2.resize(np.eye(width, dtype=np.float32), (SIDE_PX, width), interpolation=way)
        )

    def small(self, rgb: Tensor) -> Tensor:
        """(N, 3, SIDE_PX, SIDE_PX)."""
        return self.rows @ rgb @ self.columns

    def forward(self, rgb: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.small(rgb))
        return logits


class EveryView(nn.Module):
    """The mean logits over all views: what an attacker aims at who knows of them.

    What cannot be differentiated is passed as it is and its gradient as if nothing had been done (Athalye, Carlini and
    Wagner, ICML 2018: BPDA).
    """

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, rgb: Tensor) -> Tensor:
        seen = [rgb + (_seen(name, rgb.detach()) - rgb.detach()) for name in looks.VIEWS]
        return torch.stack([self.classifier(one) for one in seen]).mean(dim=0)


class Knowing:
    """What somebody aims at who knows all that the checks go by: the classifier through every view, and the pattern."""

    def __init__(self, classifier: nn.Module, pattern: nn.Module) -> None:
        self.seen, self.pattern = EveryView(classifier), pattern

    def misled(self, before: Tensor, label: bool, budget: float, smooth: bool) -> Tensor:
        """A reduced picture (1, 3, S, S) that neither should tell, within the budget."""
        sign = 1.0 if label else -1.0
        shaped = Smooth(nn.Identity(), before).changed if smooth else nn.Identity()
        changed = before + budget * (2.0 * torch.rand_like(before) - 1.0)
        for step in range(KNOWING_STEPS):
            changed.requires_grad_(True)
            shown = shaped(changed)
            told = self.pattern(shown)[0][:, 0]
            cost = torch.relu(sign * _score(self.seen(shown)) + MARGIN) + torch.relu(told + MARGIN)
            slope = torch.autograd.grad(cost.sum(), changed)[0]
            size = 0.4 * budget * (1.0 - step / KNOWING_STEPS)
            moved = changed.detach() - size * slope.sign()
            changed = torch.minimum(torch.maximum(moved, before - budget), before + budget).clamp(0.0, 255.0)
        found: Tensor = shaped(changed).detach()
        return found


def own() -> Classifier:
    """The classifier in the wheel."""
    found: Classifier = Classifier(weights.verified(CARD)).eval()
    return found


def attack(
    name: str,
    pictures: Sequence[Picture],
    labels: Flags,
    budget: float,
    classifier: Classifier | None = None,
    queries: int = QUERIES,
) -> list[Picture]:
    """Pictures (H, W, 3) of any sizes under an attack of NAMES, each at its own size.

    labels: (N,) which carry an advert. budget: largest change, grey levels; a patch is not bound by it, but covers a
    sixteenth of the picture. classifier: the one in the wheel if None. queries: of the square attack. Raises
    UnknownName, and UsageError where foolbox is missing.
    """
    if name not in NAMES:
        raise UnknownName("attack", name, NAMES)
    judge = own() if classifier is None else classifier
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        if name == "square":
            return _by_asking(judge, pictures, labels, budget, queries)
        one_by_one = _by_gradient if name == "pgd" else _by_patch
        return [one_by_one(judge, rgb, bool(label), budget) for rgb, label in zip(pictures, labels, strict=True)]


def knowing(
    pictures: Sequence[Picture], labels: Flags, budget: float, smooth: bool, classifier: Classifier | None = None
) -> list[Picture]:
    """Descent of somebody who knows of the views and of the network that knows patterns, and misleads them together.

    pictures, labels, budget, classifier: as for `attack`. smooth: by smooth changes alone, which leave less noise.
    """
    judge = Knowing(own() if classifier is None else classifier, _graph(weights.verified(shifts.CARD)))
    done = []
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        for rgb, label in zip(pictures, labels, strict=True):
            before = _tensor([looks.reduced(rgb)])
            found = judge.misled(before, bool(label), budget, smooth)
            done.append(_written(rgb, (found - before)[0].permute(1, 2, 0).numpy()))
    return done


def _graph(content: bytes) -> OnnxGraph:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        path.write_bytes(content)
        graph: OnnxGraph = OnnxGraph(path).requires_grad_(False)
        return graph


def _by_gradient(judge: Classifier, rgb: Picture, label: bool, budget: float) -> Picture:
    """Projected gradient descent through the reduction. Source: Madry et al., ICLR 2018."""
    seen = Advert(Reduced(judge, *rgb.shape[:2]))
    return by_gradient(seen, [rgb], np.array([label]), round(budget), SEED)[0]


def _by_asking(
    judge: Classifier, pictures: Sequence[Picture], labels: Flags, budget: float, queries: int
) -> list[Picture]:
    """Square attack on what the network is shown, which goes on after it has succeeded."""
    small = [looks.reduced(rgb) for rgb in pictures]

    def ask(seen: Sequence[Picture]) -> NDArray[np.float64]:
        with torch.no_grad():
            return looks.scores(judge(_tensor(seen)).double().numpy())

    found = by_asking(ask, small, labels, round(budget), queries, SEED)
    changes = [new.astype(np.float32) - old for new, old in zip(found, small, strict=True)]
    return [_written(rgb, change) for rgb, change in zip(pictures, changes, strict=True)]


def _by_patch(judge: Classifier, rgb: Picture, label: bool, budget: float) -> Picture:
    """A patch of any colours in the corner where the network sees least of an advert. Source: Brown et al., 2017.

    A patch over the advert itself would not mislead anybody: the advert would be gone.
    """
    small = _tensor([looks.reduced(rgb)])
    place = _corner(judge.all(small)[1][0, 0])
    changed = small.clone()
    changed[:, :, place[0], place[1]] = 255.0 * torch.rand_like(changed[:, :, place[0], place[1]])
    sign = 1.0 if label else -1.0
    for step in range(PATCH_STEPS):
        changed.requires_grad_(True)
        slope = torch.autograd.grad(sign * _score(judge(changed)).sum(), changed)[0]
        levels = PATCH_LEVELS * (1.0 - step / PATCH_STEPS)
        moved = changed.detach().clone()
        moved[:, :, place[0], place[1]] -= levels * slope[:, :, place[0], place[1]].sign()
        changed = moved.clamp(0.0, 255.0)
    return _pasted(rgb, _pictures(changed)[0], place)


def _corner(cells: Tensor) -> tuple[slice, slice]:
    """Rows and columns of the corner whose cells (h, w) see least of an advert."""
    side = round(PATCH_SIDE * SIDE_PX)
    starts = [(top, left) for top in (0, SIDE_PX - side) for left in (0, SIDE_PX - side)]
    full = F.interpolate(cells[None, None], (SIDE_PX, SIDE_PX), mode="nearest")[0, 0]
    top, left = min(starts, key=lambda at: float(full[at[0] : at[0] + side, at[1] : at[1] + side].max()))
    return slice(top, top + side), slice(left, left + side)


def _pasted(rgb: Picture, small: Picture, place: tuple[slice, slice]) -> Picture:
    """A part of the small picture, enlarged, in the same part of the large one."""
    height, width = rgb.shape[:2]
    mask = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    mask[place] = 1
    size_wh = (width, height)
    large = cv2.resize(small, size_wh, interpolation=cv2.INTER_NEAREST)
    there = cv2.resize(mask, size_wh, interpolation=cv2.INTER_NEAREST)[..., None] > 0
    return np.asarray(np.where(there, large, rgb), np.uint8)


def _written(rgb: Picture, change: NDArray[np.float32]) -> Picture:
    """A change of the small picture in the large one, so that it comes out again when that is reduced."""
    large = cv2.resize(change, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_NEAREST)
    return np.asarray(np.clip(np.rint(rgb + large), 0, 255), np.uint8)


def _score(logits: Tensor) -> Tensor:
    """`looks.scores` of (N, classes) logits."""
    return torch.logsumexp(logits[:, 1:], 1) - logits[:, 0]


def _seen(name: str, rgb: Tensor) -> Tensor:
    return _tensor([looks.VIEWS[name](np.ascontiguousarray(picture)) for picture in _pictures(rgb)])


def _tensor(pictures: Sequence[Picture]) -> Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()


def _pictures(rgb: Tensor) -> list[Picture]:
    return list(rgb.detach().round().clamp(0, 255).permute(0, 2, 3, 1).to(torch.uint8).numpy())
