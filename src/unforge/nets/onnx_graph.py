"""An ONNX file as a torch module: what only runs elsewhere gets gradients here, and its weights can be trained on.

The operations that the networks here are made of, as the ONNX operator specification defines them (opset 17), for
floats and a first axis of any length: files that were written for one picture take many.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unforge.errors import WeightsError

Attributes = Mapping[str, Any]
Operation = Callable[[Attributes, Sequence[Any]], Tensor]


class OnnxGraph(nn.Module):
    """The graph of a file. inputs, outputs: names, in the file's order; weights are parameters named w0, w1, ..."""

    def __init__(self, path: Path | str) -> None:
        """Raises WeightsError for a file that cannot be read and for operations that are not known here."""
        super().__init__()
        graph = _graph(Path(path))
        self._weights: dict[str, str] = {}
        self._constants: dict[str, Tensor] = {}
        for found in graph.initializer:
            self._keep(found.name, found)
        self.inputs = [one.name for one in graph.input if one.name not in self._names()]
        self.outputs = [one.name for one in graph.output]
        self._steps = [_Step(node) for node in graph.node if not self._is_constant(node)]
        unknown = sorted({step.kind for step in self._steps} - set(_OPERATIONS))
        if unknown:
            raise WeightsError(f"{path}: expected operations of nets/onnx_graph.py; got {', '.join(unknown)} as well")

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """All outputs for all inputs."""
        return self._run(inputs, self._steps, self.outputs)

    @cached_property
    def parts(self) -> list[str]:
        """What the first output joins: names of one picture for each edit, where a file makes several."""
        last = next(step for step in self._steps if step.output == self.outputs[0])
        return last.inputs if last.kind == "Concat" else self.outputs[:1]

    def part(self, name: str, *inputs: Tensor) -> Tensor:
        """One of `parts` for all inputs, and only what it needs is worked out."""
        return self._run(inputs, self._leading_to(name), [name])[0]

    def _run(self, inputs: Sequence[Tensor], steps: Sequence["_Step"], wanted: Sequence[str]) -> tuple[Tensor, ...]:
        values: dict[str, Any] = dict(zip(self.inputs, inputs, strict=True))
        values |= self._constants | {name: self.get_parameter(own) for name, own in self._weights.items()}
        rows = inputs[0].shape[0]
        for step in steps:
            values[step.output] = step.run([values.get(name) for name in step.inputs], rows)
        return tuple(values[name] for name in wanted)

    def _leading_to(self, name: str) -> list["_Step"]:
        needed, steps = {name}, []
        for step in reversed(self._steps):
            if step.output in needed:
                needed.update(step.inputs)
                steps.append(step)
        return steps[::-1]

    def _names(self) -> set[str]:
        return {*self._weights, *self._constants}

    def _is_constant(self, node: Any) -> bool:
        if node.op_type != "Constant":
            return False
        self._keep(node.output[0], node.attribute[0].t)
        return True

    def _keep(self, name: str, found: Any) -> None:
        """Floats with axes are weights; numbers and shapes are not."""
        from onnx import numpy_helper

        value = torch.from_numpy(np.array(numpy_helper.to_array(found)))
        if value.is_floating_point() and value.dim() > 0:
            own = f"w{len(self._weights)}"
            self.register_parameter(own, nn.Parameter(value))
            self._weights[name] = own
        else:
            self._constants[name] = value


class _Step:
    """One node."""

    def __init__(self, node: Any) -> None:
        from onnx import helper

        self.kind: str = node.op_type
        self.inputs, self.output = list(node.input), node.output[0]
        self.attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}

    def run(self, values: Sequence[Any], rows: int) -> Tensor:
        if self.kind == "Reshape":
            return _reshape(values[0], values[1].tolist(), rows)
        return _OPERATIONS[self.kind](self.attributes, values)


def _graph(path: Path) -> Any:
    import onnx

    try:
        return onnx.load(str(path)).graph
    except Exception as error:  # onnx raises protobuf's own errors, which have no common base
        raise WeightsError(f"{path}: expected an ONNX file; {error}") from error


def _reshape(x: Tensor, shape: list[int], rows: int) -> Tensor:
    """A leading 1 of a file for one picture stands for as many as there are."""
    wanted = [x.shape[n] if side == 0 else side for n, side in enumerate(shape)]
    if wanted[0] == 1 and x.dim() > 0 and x.shape[0] == rows:
        wanted[0] = rows
    return x.reshape(wanted)


def _padded(x: Tensor, attributes: Attributes, value: float = 0.0) -> Tensor:
    """With the borders that a filter asks for: pads are (top, left, bottom, right), torch wants the last axis first."""
    top, left, bottom, right = attributes.get("pads", (0, 0, 0, 0))
    return F.pad(x, (left, right, top, bottom), value=value) if any((top, left, bottom, right)) else x


def _conv(attributes: Attributes, values: Sequence[Any]) -> Tensor:
    x, weight, *bias = values
    return F.conv2d(
        _padded(x, attributes),
        weight,
        bias[0] if bias else None,
        attributes.get("strides", 1),
        0,
        attributes.get("dilations", 1),
        attributes.get("group", 1),
    )


def _conv_transpose(attributes: Attributes, values: Sequence[Any]) -> Tensor:
    x, weight, *bias = values
    pads = attributes.get("pads", (0, 0, 0, 0))
    return F.conv_transpose2d(
        x,
        weight,
        bias[0] if bias else None,
        attributes.get("strides", 1),
        tuple(pads[:2]),
        attributes.get("output_padding", 0),
        attributes.get("group", 1),
    )


def _max_pool(attributes: Attributes, values: Sequence[Any]) -> Tensor:
    return F.max_pool2d(
        _padded(values[0], attributes, -torch.inf), attributes["kernel_shape"], attributes.get("strides", 1)
    )


def _average_pool(attributes: Attributes, values: Sequence[Any]) -> Tensor:
    return F.avg_pool2d(values[0], attributes["kernel_shape"], attributes.get("strides", 1))


def _pad(attributes: Attributes, values: Sequence[Any]) -> Tensor:
    pads = [int(side) for side in values[1].tolist()]
    half = len(pads) // 2
    sides = [side for axis in reversed(range(half)) for side in (pads[axis], pads[half + axis])]
    mode = attributes.get("mode", b"constant").decode()
    return F.pad(values[0], sides[:4] if mode != "constant" else sides, mode="replicate" if mode == "edge" else mode)


def _resize(attributes: Attributes, values: Sequence[Any]) -> Tensor:
    x = values[0]
    size = _sides(x, values)
    if attributes.get("mode", b"nearest") == b"nearest":
        return F.interpolate(x, size, mode="nearest")
    aligned = attributes.get("coordinate_transformation_mode") == b"align_corners"
    return F.interpolate(x, size, mode="bilinear", align_corners=aligned)


def _sides(x: Tensor, values: Sequence[Any]) -> list[int]:
    """Height and width to which a picture is resized: told, or as factors."""
    if len(values) > 3 and values[3] is not None:
        return [int(side) for side in values[3][2:]]
    return [round(side * by) for side, by in zip(x.shape[2:], values[2].tolist()[2:], strict=True)]


def _instance_norm(attributes: Attributes, values: Sequence[Any]) -> Tensor:
    x, weight, bias = values
    return F.instance_norm(x, weight=weight, bias=bias, eps=attributes.get("epsilon", 1e-5))


def _batch_norm(attributes: Attributes, values: Sequence[Any]) -> Tensor:
    x, weight, bias, mean, variance = values
    return F.batch_norm(x, mean.detach(), variance.detach(), weight, bias, eps=attributes.get("epsilon", 1e-5))


def _clip(attributes: Attributes, values: Sequence[Any]) -> Tensor:
    x, *ends = [*values, None, None][:3]
    return torch.clamp(x, *(None if end is None else float(end) for end in ends))


def _gemm(attributes: Attributes, values: Sequence[Any]) -> Tensor:
    a, b, *c = values
    a = a.T if attributes.get("transA") else a
    b = b.T if attributes.get("transB") else b
    product = attributes.get("alpha", 1.0) * (a @ b)
    return product + attributes.get("beta", 1.0) * c[0] if c else product


def _axes(attributes: Attributes, values: Sequence[Any], rank: int) -> list[int]:
    if len(values) > 1 and values[1] is not None:
        return [int(axis) for axis in values[1]]
    return list(attributes.get("axes", range(rank)))


def _reduced(by: Callable[..., Tensor]) -> Operation:
    def operation(attributes: Attributes, values: Sequence[Any]) -> Tensor:
        x = values[0]
        return by(x, dim=_axes(attributes, values, x.dim()), keepdim=bool(attributes.get("keepdims", 1)))

    return operation


def _unsqueeze(attributes: Attributes, values: Sequence[Any]) -> Tensor:
    x = values[0]
    for axis in sorted(_axes(attributes, values, 0)):
        x = x.unsqueeze(axis)
    return x


def _squeeze(attributes: Attributes, values: Sequence[Any]) -> Tensor:
    return values[0].squeeze(_axes(attributes, values, values[0].dim()))


def _slice(attributes: Attributes, values: Sequence[Any]) -> Tensor:
    x, starts, ends, *rest = values
    axes = rest[0].tolist() if rest and rest[0] is not None else range(len(starts))
    steps = rest[1].tolist() if len(rest) > 1 and rest[1] is not None else [1] * len(starts)
    for axis, start, end, step in zip(axes, starts.tolist(), ends.tolist(), steps, strict=True):
        x = x.index_select(axis, torch.from_numpy(np.arange(x.shape[axis])[start:end:step].copy()))
    return x


def _depth_to_space(attributes: Attributes, values: Sequence[Any]) -> Tensor:
    x, by = values[0], attributes["blocksize"]
    if attributes.get("mode", b"DCR") == b"CRD":
        return F.pixel_shuffle(x, by)
    n, channels, height, width = x.shape
    split = x.reshape(n, by, by, channels // by**2, height, width).permute(0, 3, 4, 1, 5, 2)
    return split.reshape(n, channels // by**2, height * by, width * by)


def _gather(attributes: Attributes, values: Sequence[Any]) -> Tensor:
    x, places = values
    axis = attributes.get("axis", 0) % x.dim()
    shape = (*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])
    return torch.index_select(x, axis, places.reshape(-1)).reshape(shape)


def _expand(attributes: Attributes, values: Sequence[Any]) -> Tensor:
    x, shape = values
    return x * torch.ones([int(side) for side in shape], dtype=x.dtype)


def _constant_of_shape(attributes: Attributes, values: Sequence[Any]) -> Tensor:
    from onnx import numpy_helper

    filled = torch.from_numpy(np.array(numpy_helper.to_array(attributes["value"]))) if "value" in attributes else None
    shape = [int(side) for side in values[0]]
    return torch.zeros(shape) if filled is None else filled.expand(shape)


_TYPES = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 11: torch.float64}  # onnx.TensorProto

_OPERATIONS: dict[str, Operation] = {
    "Add": lambda a, v: v[0] + v[1],
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Cast": lambda a, v: v[0].to(_TYPES[a["to"]]),
    "Clip": _clip,
    "Concat": lambda a, v: torch.cat(list(v), a["axis"]),
    "ConstantOfShape": _constant_of_shape,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "DepthToSpace": _depth_to_space,
    "Div": lambda a, v: v[0] / v[1],
    "Einsum": lambda a, v: torch.einsum(a["equation"].decode(), *v),
    "Exp": lambda a, v: v[0].exp(),
    "Expand": _expand,
    "Flatten": lambda a, v: v[0].flatten(a.get("axis", 1)),
    "Gather": _gather,
    "Gemm": _gemm,
    "GlobalAveragePool": lambda a, v: v[0].mean((2, 3), keepdim=True),
    "Identity": lambda a, v: v[0],
    "InstanceNormalization": _instance_norm,
    "LeakyRelu": lambda a, v: F.leaky_relu(v[0], a.get("alpha", 0.01)),
    "MatMul": lambda a, v: v[0] @ v[1],
    "MaxPool": _max_pool,
    "Mul": lambda a, v: v[0] * v[1],
    "Neg": lambda a, v: -v[0],
    "PRelu": lambda a, v: torch.where(v[0] > 0, v[0], v[0] * v[1]),
    "Pad": _pad,
    "Pow": lambda a, v: v[0] ** v[1],
    "ReduceL2": _reduced(lambda x, dim, keepdim: x.square().sum(dim, keepdim).sqrt()),
    "ReduceMean": _reduced(lambda x, dim, keepdim: x.mean(dim, keepdim)),
    "ReduceSum": _reduced(lambda x, dim, keepdim: x.sum(dim, keepdim)),
    "Relu": lambda a, v: F.relu(v[0]),
    "Reshape": lambda a, v: v[0].reshape([int(side) for side in v[1]]),
    "Resize": _resize,
    "Shape": lambda a, v: torch.tensor(v[0].shape, dtype=torch.int64),
    "Sigmoid": lambda a, v: torch.sigmoid(v[0]),
    "Slice": _slice,
    "Softplus": lambda a, v: F.softplus(v[0]),
    "Sqrt": lambda a, v: v[0].sqrt(),
    "Squeeze": _squeeze,
    "Sub": lambda a, v: v[0] - v[1],
    "Tanh": lambda a, v: torch.tanh(v[0]),
    "TopK": lambda a, v: v[0].topk(int(v[1]), a.get("axis", -1)).values,  # what else it gives, nobody here asks for
    "Transpose": lambda a, v: v[0].permute(*a["perm"]),
    "Unsqueeze": _unsqueeze,
}
