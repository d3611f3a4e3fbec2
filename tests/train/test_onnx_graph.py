"""A file read as torch says what ONNX Runtime says, for one picture and for many, and has gradients."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")

import torch
from torch import nn

from unforge import weights
from unforge.errors import WeightsError
from unforge.nets.onnx_graph import OnnxGraph
from unforge.train import export

SIDES = {"face_detection_full_range": 192, "face_detection_short_range": 128, "face_landmark": 192}


@pytest.mark.parametrize("name", SIDES)
def test_face_networks_answer_as_they_do_when_only_run(name: str) -> None:
    rng = np.random.default_rng(1)
    pictures = rng.uniform(-1, 1, (2, SIDES[name], SIDES[name], 3)).astype(np.float32)
    session = weights.session(name)
    graph = OnnxGraph(weights.card(name).path)
    answered = graph(torch.from_numpy(pictures))
    for n, picture in enumerate(pictures):
        run = session.run(graph.outputs, {graph.inputs[0]: picture[None]})
        for got, wanted in zip(answered, run, strict=True):
            np.testing.assert_allclose(got[n].detach(), wanted[0], atol=2e-3)


def test_the_reconstructing_network_answers_as_it_does_when_only_run() -> None:
    rgb = np.random.default_rng(2).uniform(0, 255, (2, 3, 112, 112)).astype(np.float32)
    graph = OnnxGraph(weights.card("decoder").path)
    run = weights.session("decoder").run(graph.outputs, {"rgb": rgb})
    for got, wanted in zip(graph(torch.from_numpy(rgb)), run, strict=True):
        np.testing.assert_allclose(got.detach(), wanted, atol=1e-2)


@pytest.mark.parametrize(("name", "size_px"), [("finegrained", 160), ("seam", 144)])
def test_judging_networks_answer_as_they_do_when_only_run(name: str, size_px: int) -> None:
    rgb = np.random.default_rng(2).uniform(0, 255, (3, 3, size_px, size_px)).astype(np.float32)
    graph = OnnxGraph(weights.card(name).path)
    run = weights.session(name).run(["logit"], {"rgb": rgb})
    np.testing.assert_allclose(graph(torch.from_numpy(rgb))[graph.outputs.index("logit")].detach(), run[0], atol=1e-3)


class Mixed(nn.Module):
    """Layers that generators are made of."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(5, 8, 4, 2, 1), nn.InstanceNorm2d(8, affine=True), nn.LeakyReLU(0.2))
        self.up = nn.Sequential(nn.Upsample(scale_factor=2), nn.ReflectionPad2d(1), nn.Conv2d(8, 3, 3), nn.Tanh())
        self.other = nn.Sequential(nn.ConvTranspose2d(8, 4, 4, 2, 1), nn.GroupNorm(2, 4), nn.SiLU())

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        planes = torch.ones_like(x[:, :1]) * torch.tensor([1.0, -1.0]).view(1, 2, 1, 1)
        deep = self.down(torch.cat([x, planes], 1))
        vector = self.other(deep).mean((2, 3))
        return self.up(deep), vector / vector.norm(dim=1, keepdim=True)


def test_layers_of_generators_answer_alike_and_have_gradients(tmp_path: Path) -> None:
    torch.manual_seed(3)
    x = torch.randn(3, 3, 16, 16)
    export.export_from(Mixed(), tmp_path / "net.onnx", "rgb", torch.zeros(2, 3, 16, 16), ("made", "vector"), x)
    import onnxruntime

    run = onnxruntime.InferenceSession(str(tmp_path / "net.onnx")).run(None, {"rgb": x.numpy()})
    graph = OnnxGraph(tmp_path / "net.onnx")
    asked = x.clone().requires_grad_(True)
    made, vector = graph(asked)
    for got, wanted in zip((made, vector), run, strict=True):
        np.testing.assert_allclose(got.detach(), wanted, atol=1e-5)
    (made.mean() + vector.square().sum()).backward()
    assert asked.grad is not None
    assert asked.grad.abs().max() > 0
    assert any(weight.grad is not None for weight in graph.parameters())


def test_what_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no graph")
    with pytest.raises(WeightsError, match="expected an ONNX file"):
        OnnxGraph(tmp_path / "bad.onnx")
    with pytest.raises(WeightsError, match="If"):
        OnnxGraph(weights.card("silero_vad").path)
