# mypy: disable-error-code="misc, no-any-unimported, untyped-decorator"
"""AutoAttack on a classifier, attack by attack, so that each can be compared with the others.

Source: Croce and Hein, ICML 2020: APGD on cross-entropy, APGD on the targeted logit ratio, FAB (Croce and Hein, ICML
2020) and Square (Andriushchenko et al., ECCV 2020), each with the steps of the original: the library's own defaults are
ten times fewer. Square knows no gradients: were it to succeed where the first fails, gradients would be hidden.
"""

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unforge.bench._adverts_attacks import Classifier
from unforge.errors import UsageError
from unforge.moderate.looks import CLASSES

EPSILON = 8.0  # grey levels
STEPS = 100
QUERIES = 5000
BATCH = 50
SEED = 0

Flags = NDArray[np.bool_]
Said = Callable[[str, float], None]


class _Shares(nn.Module):
    """A classifier that is shown pictures in 0..1."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, rgb: Tensor) -> Tensor:
        logits: Tensor = self.classifier(255.0 * rgb)
        return logits


@dataclass(frozen=True, slots=True)
class Withstood:
    """Of N pictures, which are classified rightly: as they are, and after an attack. all: after every one of them."""

    right: Flags
    apgd_ce: Flags
    square: Flags
    all: Flags


def withstood(
    classifier: Classifier, looks: NDArray[np.uint8], labels: NDArray[np.intp], on_progress: Said | None = None
) -> Withstood:
    """Ask everything of reduced pictures (N, S, S, 3). APGD-CE and Square meet all, the others what is left."""
    model = _Shares(classifier).eval()
    rgb = torch.from_numpy(looks).permute(0, 3, 1, 2).float().contiguous() / 255.0  # FAB asks for whole rows
    wanted = torch.from_numpy(labels.astype(np.int64))
    right = _right(model, rgb, wanted)
    left = right.copy()
    kept = {}
    for n, (name, method) in enumerate(_methods(model).items()):
        if on_progress is not None:
            on_progress(name, n / 4)
        asked = right if name in ("apgd_ce", "square") else left
        holds = asked.copy()
        for part in np.array_split(np.flatnonzero(asked), max(1, int(np.ceil(asked.sum() / BATCH)))):
            if len(part):
                holds[part] = _right(model, method(rgb[part], wanted[part]).detach(), wanted[part])
        kept[name] = holds
        left = left & (holds | ~asked)
    return Withstood(right, kept["apgd_ce"], kept["square"], left)


def torchattacks() -> ModuleType:
    """The library of attacks. Raises UsageError that says how to get it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module("torchattacks")
    except ImportError as cause:
        raise UsageError(
            "adverts: needs the extra train and torchattacks, which must be installed without what it asks for, an old "
            "version of requests: pip install --no-deps torchattacks==3.5.1"
        ) from cause


def _methods(model: nn.Module) -> dict[str, Any]:
    library, share = torchattacks(), EPSILON / 255.0
    of_classes = {"n_classes": len(CLASSES), "seed": SEED}
    return {
        "apgd_ce": library.APGD(model, eps=share, steps=STEPS, loss="ce", seed=SEED),
        "apgd_t": library.APGDT(model, eps=share, steps=STEPS, **of_classes),
        "fab_t": library.FAB(model, eps=share, steps=STEPS, multi_targeted=True, **of_classes),
        "square": library.Square(model, eps=share, n_queries=QUERIES, seed=SEED),
    }


@torch.no_grad()
def _right(model: nn.Module, rgb: Tensor, labels: Tensor) -> Flags:
    parts = [model(part).argmax(1) for part in rgb.split(BATCH)]
    return np.asarray((torch.cat(parts) == labels).numpy(), np.bool_)
