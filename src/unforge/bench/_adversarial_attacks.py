"""Attacks on a judging network: by its own gradients, by another network's, and by asking alone.

Every attack stays within a budget of grey levels around the view that the network is given, pushes untouched faces
towards "forged" and forged ones towards "untouched", and returns uint8: what is measured has been rounded.
"""

import math
import tempfile
import warnings
from bisect import bisect
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unforge.bench._adversarial_faces import Faces
from unforge.bench.network import Network
from unforge.detect._views import VIEWS
from unforge.errors import UsageError
from unforge.faces import align
from unforge.nets.onnx_graph import OnnxGraph

STEPS = 10
BATCH = 16
SMOOTH_PX = 1.0
SIDE_STEP_PX = 32  # pictures are brought to multiples of it, so that some share a batch
SQUARE_SHARE = 0.05  # of the picture that the first square covers
SQUARE_HALVED = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)  # shares of the queries at which squares halve

Views = Sequence[NDArray[np.uint8]]
Logits = Callable[[Tensor], Tensor]
Floats = NDArray[np.float64]
Ask = Callable[[Views], Floats]


class Judge(nn.Module):
    """A network as torch: pictures (N, 3, H, W) in 0..255 of any size to logits (N,)."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.onnx"
            path.write_bytes(network.content)
            self.graph = OnnxGraph(path).requires_grad_(False)
        self.size_px = network.size_px

    def forward(self, rgb: Tensor) -> Tensor:
        if rgb.shape[-1] != self.size_px:
            rgb = F.interpolate(rgb, (self.size_px, self.size_px), mode="bilinear", align_corners=False, antialias=True)
        logit: Tensor = self.graph(rgb)[self.graph.outputs.index("logit")]
        return logit.reshape(-1)


class Framed(nn.Module):
    """A network that is shown N faces cut out of N pictures (N, 3, S, S): noise is written there.

    matrices: (N, 2, 3) from each crop of `align.CROP_PX` into the view of the network; a picture becomes a crop first.
    """

    def __init__(self, judge: Judge, matrices: Sequence[NDArray[np.float64]]) -> None:
        super().__init__()
        self.judge = judge
        places = np.stack(np.meshgrid(*[np.arange(judge.size_px)] * 2, indexing="xy"), axis=-1)
        back = [align.invert(matrix) for matrix in matrices]
        found = np.stack([places @ one[:, :2].T + one[:, 2] for one in back])
        self.grid = torch.from_numpy((2.0 * found + 1.0) / align.CROP_PX - 1.0).float()

    def forward(self, rgb: Tensor) -> Tensor:
        crops = F.interpolate(rgb, (align.CROP_PX, align.CROP_PX), mode="bilinear", align_corners=False)
        seen = F.grid_sample(crops, self.grid, mode="bilinear", padding_mode="reflection", align_corners=False)
        logit: Tensor = self.judge(seen)
        return logit


class EveryView(nn.Module):
    """The mean logit over the picture and all its views: what an attacker aims at who knows of them.

    What cannot be differentiated is passed as it is and its gradient as if nothing had been done (Athalye, Carlini and
    Wagner, ICML 2018: BPDA).
    """

    def __init__(self, judge: nn.Module) -> None:
        super().__init__()
        self.judge = judge

    def forward(self, rgb: Tensor) -> Tensor:
        logits = [self.judge(rgb)]
        for view in VIEWS.values():
            logits.append(self.judge(rgb + (_seen_through(view, rgb.detach()) - rgb.detach())))
        return torch.stack(logits).mean(dim=0)


class Together(nn.Module):
    """The mean logit of several networks: what misleads all of them misleads another more often (Liu, ICLR 2017)."""

    def __init__(self, *judges: Judge) -> None:
        super().__init__()
        self.judges = nn.ModuleList(judges)

    def forward(self, rgb: Tensor) -> Tensor:
        return torch.stack([judge(rgb) for judge in self.judges]).mean(dim=0)


class Smooth(nn.Module):
    """A network that is shown a picture with its change blurred: fine noise would give itself away."""

    def __init__(self, judge: nn.Module, before: Tensor) -> None:
        super().__init__()
        self.judge, self.before = judge, before

    def changed(self, rgb: Tensor) -> Tensor:
        """The pictures (N, 3, H, W) with a smooth change, no larger than the one they had."""
        kernel = torch.from_numpy(cv2.getGaussianKernel(7, SMOOTH_PX)).float().reshape(1, 1, 7, 1).expand(3, 1, 7, 1)
        change = F.pad(rgb - self.before, (3, 3, 3, 3), mode="reflect")
        change = F.conv2d(F.conv2d(change, kernel, groups=3), kernel.transpose(2, 3), groups=3)
        return self.before + change

    def forward(self, rgb: Tensor) -> Tensor:
        logit: Tensor = self.judge(self.changed(rgb))
        return logit


def by_gradient(judge: nn.Module, views: Views, fake: NDArray[np.bool_], budget: int, seed: int = 0) -> Views:
    """Projected gradient descent from a random start. Source: Madry et al., ICLR 2018; STEPS steps of budget / 4."""
    attacks = foolbox().attacks
    return _attacked(
        attacks.LinfPGD(abs_stepsize=budget / 4, steps=STEPS, random_start=True), judge, views, fake, budget, seed
    )


def by_transfer(judge: nn.Module, views: Views, fake: NDArray[np.bool_], budget: int, seed: int = 0) -> Views:
    """Descent with momentum, which follows another network further. Source: Dong et al., CVPR 2018 (MI-FGSM)."""
    attacks = foolbox().attacks
    attack = attacks.LinfMomentumIterativeFastGradientMethod(abs_stepsize=budget / 4, steps=STEPS, random_start=True)
    return _attacked(attack, judge, views, fake, budget, seed)


def in_pictures(judge: Judge, faces: Faces, network: Network, budget: int) -> Views:
    """`by_gradient`, written into the pictures at the size that the faces have there, then cut out as ever.

    Noise in a file is not noise in a view: small faces are enlarged on their way, and their noise is smoothed.
    """
    sides_px = np.minimum(np.round(align.CROP_MARGIN * faces.size_px / SIDE_STEP_PX) * SIDE_STEP_PX, align.CROP_PX)
    views: list[NDArray[np.uint8]] = [np.empty(0, np.uint8)] * len(faces)
    for side_px in np.unique(sides_px).astype(int).tolist():
        for part in _batches(np.flatnonzero(sides_px == side_px)):
            some = faces.some(part)
            matrices = [align.face_square(mesh, network.margin, network.size_px) for mesh in some.landmarks_px]
            pictures = [_resized(crop, side_px) for crop in some.crops]
            changed = by_gradient(Framed(judge, matrices), pictures, some.fake, budget, seed=int(part[0]))
            for n, picture, mesh in zip(part.tolist(), changed, some.landmarks_px, strict=True):
                views[n] = network.view(_resized(picture, align.CROP_PX), mesh)
    return views


def _batches(positions: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return [positions[start : start + BATCH] for start in range(0, len(positions), BATCH)]


def _resized(rgb: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    way = cv2.INTER_AREA if side_px < rgb.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, (side_px, side_px), interpolation=way), np.uint8)


def by_knowing(judge: Judge, views: Views, fake: NDArray[np.bool_], budget: int) -> Views:
    """`by_gradient` of somebody who knows the check: against all its views at once, and by smooth changes alone."""
    done: list[NDArray[np.uint8]] = []
    for start in range(0, len(views), BATCH):
        part = slice(start, start + BATCH)
        smooth = Smooth(EveryView(judge), _tensor(views[part]))
        found = by_gradient(smooth, views[part], fake[part], budget, seed=start)
        done += _pictures(smooth.changed(_tensor(found)))
    return done


def by_asking(ask: Ask, views: Views, fake: NDArray[np.bool_], budget: int, queries: int, seed: int = 0) -> Views:
    """Square attack: so many questions a picture, nothing known but the logit.

    Source: Andriushchenko et al., ECCV 2020, algorithms 1 and 2: stripes to begin with, then squares of one colour each
    that shrink as the queries go; a change stays if it helps.
    """
    rng = np.random.default_rng(seed)
    clean = np.stack(views).astype(np.int16)
    sign = np.where(fake, 1.0, -1.0)
    stripes = rng.choice([-budget, budget], (len(clean), 1, *clean.shape[2:]))
    best = _within(clean, clean + stripes, budget)
    loss = sign * ask(list(best))
    for query in range(1, queries):
        side = _side_px(query / queries, clean.shape[1])
        tried = best.copy()
        for n, (top, left) in enumerate(rng.integers(0, clean.shape[1] - side + 1, (len(clean), 2))):
            square = np.s_[n, top : top + side, left : left + side]
            tried[square] = _within(clean[square], clean[square] + rng.choice([-budget, budget], (1, 1, 3)), budget)
        now = sign * ask(list(tried))
        better = now < loss
        best[better], loss[better] = tried[better], now[better]
    return list(best)


def jpeg(view: NDArray[np.uint8], quality: int = 90) -> NDArray[np.uint8]:
    """A view saved and read again."""
    coded = cv2.imencode(".jpg", cv2.cvtColor(view, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    read = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), np.uint8)


def foolbox() -> ModuleType:
    """The library of attacks. Raises UsageError that says how to get it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it imports what SciPy is about to move
            import foolbox as library
    except ImportError as cause:
        raise UsageError("adversarial: needs foolbox; pip install 'unforge[train,adversarial]'") from cause
    found: ModuleType = library
    return found


class _TwoClasses(nn.Module):
    """One logit as the logits of two classes, untouched and forged."""

    def __init__(self, judge: nn.Module) -> None:
        super().__init__()
        self.judge = judge

    def forward(self, rgb: Tensor) -> Tensor:
        logit = self.judge(rgb)
        return torch.stack([-logit / 2.0, logit / 2.0], dim=1)


def _attacked(attack: Any, judge: nn.Module, views: Views, fake: NDArray[np.bool_], budget: int, seed: int) -> Views:
    model = foolbox().PyTorchModel(_TwoClasses(judge).eval(), bounds=(0, 255), device="cpu")
    done: list[NDArray[np.uint8]] = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for start in range(0, len(views), BATCH):
            rgb = _tensor(views[start : start + BATCH])
            labels = torch.from_numpy(fake[start : start + BATCH].astype(np.int64))
            criterion = foolbox().criteria.Misclassification(labels)
            found = attack.run(model, rgb, criterion, epsilon=float(budget))
            done += _pictures(found)
    return done


def _seen_through(view: Callable[[NDArray[np.uint8]], NDArray[np.uint8]], rgb: Tensor) -> Tensor:
    return _tensor([view(np.ascontiguousarray(picture)) for picture in _pictures(rgb)])


def _tensor(views: Views) -> Tensor:
    return torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2).float()


def _pictures(rgb: Tensor) -> list[NDArray[np.uint8]]:
    return list(rgb.detach().round().clamp(0, 255).permute(0, 2, 3, 1).to(torch.uint8).numpy())


def _within(clean: NDArray[np.int16], changed: NDArray[np.int16], budget: int) -> NDArray[np.uint8]:
    return np.clip(np.clip(changed, clean - budget, clean + budget), 0, 255).astype(np.uint8)


def _side_px(done: float, size_px: int) -> int:
    share = SQUARE_SHARE / 2.0 ** bisect(SQUARE_HALVED, done)
    return max(1, round(math.sqrt(share) * size_px))
