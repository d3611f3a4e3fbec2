"""The ensemble that took the second place of the 2020 deepfake detection challenge, for what it costs.

Two WS-DAN networks, on Xception at 320 px and on EfficientNet-B3 at 300 px with 8 attention maps each, and a plain
Xception at 299 px. Cost needs no training: the weights are random. Made with torch, measured as ONNX like all others.
So is the cost of our larger net, of which nobody has trained weights yet.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NAMES = ("WS-DAN on Xception, 320 px", "WS-DAN on EfficientNet-B3, 300 px", "Xception, 299 px")
ENSEMBLE = "reference ensemble (the three above)"
BASE = "finegrained-base, untrained, 160 px"


@dataclass(frozen=True, slots=True)
class Made:
    """An ONNX file with an input (N, 3, size_px, size_px); parameters: how many are trained."""

    path: Path
    size_px: int
    parameters: int


def make(folder: Path) -> dict[str, Made] | None:
    """The three networks and our larger one by name, written into a folder; None without torch or onnx."""
    if find_spec("torch") is None or find_spec("onnx") is None:
        return None
    return {name: _written(folder / f"{n}.onnx", *_of(name)) for n, name in enumerate((*NAMES, BASE))}


def _of(name: str) -> tuple[Callable[[], Any], int]:
    from unforge.nets.efficientnet import B3, EfficientNet
    from unforge.nets.finegrained import FineGrained
    from unforge.nets.wsdan import WsDan
    from unforge.nets.xception import SIZE_PX, Xception

    makers: dict[str, tuple[Callable[[], Any], int]] = {
        NAMES[0]: (lambda: WsDan(Xception()), 320),
        NAMES[1]: (lambda: WsDan(EfficientNet(B3)), B3.size_px),
        NAMES[2]: (Xception, SIZE_PX),
        BASE: (lambda: FineGrained(whole=True), 160),
    }
    return makers[name]


def _written(path: Path, maker: Callable[[], Any], size_px: int) -> Made:
    import torch

    from unforge.train.export import export

    torch.manual_seed(0)
    net = maker()
    example = torch.rand(1, 3, size_px, size_px) * 255.0
    answer = net.eval()(example)
    export(net, path, size_px, getattr(answer, "_fields", ("logit",)), example)
    return Made(path, size_px, sum(parameter.numel() for parameter in net.parameters()))
