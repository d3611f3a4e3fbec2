"""From a trained network to the file in the wheel: ONNX, checked against torch."""

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from unforge.errors import WeightsError

OPSET = 17
PARITY = 1e-3  # largest difference of any output that is accepted


def export(
    net: nn.Module, path: Path, size_px: int, outputs: Sequence[str], example: torch.Tensor, fused: bool = True
) -> float:
    """Write a net over pictures as ONNX: input "rgb" (N, 3, size_px, size_px) float32 in 0..255, any N; else as below.

    fused: norms folded into their convolutions. Without, the file keeps every weight under its own name, so that
    training can go on from it (`state`); ONNX Runtime folds them when it loads, and loses nothing.
    """
    return export_from(net, path, "rgb", torch.zeros(2, 3, size_px, size_px), outputs, example, fused)


def export_from(
    net: nn.Module,
    path: Path,
    name: str,
    shape_like: torch.Tensor,
    outputs: Sequence[str],
    example: torch.Tensor,
    fused: bool = True,
) -> float:
    """Write a net as ONNX whose one input has a name and the shape of `shape_like`, any number of rows.

    Returns the largest difference between the file and torch on `example`; raises WeightsError beyond 1e-3, and then
    leaves no file behind.
    """
    net = net.eval().to("cpu", torch.float32, memory_format=torch.contiguous_format)
    part = path.with_suffix(".part")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is marked as the older one; it needs no torch.export
        torch.onnx.export(
            net,
            (shape_like,),
            str(part),
            dynamo=False,
            training=torch.onnx.TrainingMode.EVAL if fused else torch.onnx.TrainingMode.PRESERVE,
            opset_version=OPSET,
            input_names=[name],
            output_names=list(outputs),
            dynamic_axes={one: {0: "n"} for one in (name, *outputs)},
        )
    difference: float = _difference(net, part, name, example, outputs)
    if difference > PARITY:
        part.unlink()
        raise WeightsError(f"export: expected ONNX and torch to agree within {PARITY}; they differ by {difference:.2g}")
    part.replace(path)
    return difference


def state(path: Path) -> dict[str, torch.Tensor]:
    """The weights by name that `export` has written with fused=False, to start another training from."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path)).graph
    return {found.name: torch.from_numpy(numpy_helper.to_array(found).copy()) for found in graph.initializer}


def sha256(path: Path) -> str:
    """Hash of a written file, as it stands on its card."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@torch.no_grad()
def _difference(net: nn.Module, path: Path, name: str, example: torch.Tensor, outputs: Sequence[str]) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    got = session.run(list(outputs), {name: example.numpy()})
    told = net(example)
    wanted = [output.numpy() for output in ((told,) if isinstance(told, torch.Tensor) else told)]
    differences = [float(np.abs(g - w).max()) for g, w in zip(got, wanted, strict=True)]
    return max(differences)
