"""Peers: nets as large as published, a recipe that ends in files which the bench takes."""

import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")

import torch
from torch import nn

from tests.faces_samples import portrait
from unforge.bench import peers as bench_peers
from unforge.bench import reference
from unforge.exhibit import Exhibit
from unforge.nets.efficientnet import B0, B3, EfficientNet
from unforge.nets.mesonet import meso4, mesoinception4
from unforge.nets.wsdan import WsDan, pooled
from unforge.nets.xception import Xception
from unforge.train import export
from unforge.train.recipes import peers


def parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(
    ("net", "published"),
    [
        (meso4, 27_977),  # Afchar et al. 2018, section II
        (mesoinception4, 28_615),
        (lambda: Xception(classes=1000), 22_855_952),  # Chollet 2017, table 3
        (lambda: EfficientNet(B0, classes=1000), 5_288_548),  # Tan and Le 2019, table 2: 5.3 M and 12 M
        (lambda: EfficientNet(B3, classes=1000), 12_233_232),
    ],
    ids=["Meso-4", "MesoInception-4", "Xception", "EfficientNet-B0", "EfficientNet-B3"],
)
def test_a_net_has_as_many_parameters_as_published(net, published: int) -> None:  # type: ignore[no-untyped-def]
    assert parameters(net()) == published


@pytest.mark.parametrize("name", peers.KINDS)
def test_a_net_gives_one_logit_per_picture_and_learns(name: str) -> None:
    torch.manual_seed(0)
    kind = peers.KINDS[name]
    net = kind.make().train()
    rgb = torch.rand(4, 3, kind.size_px, kind.size_px) * 255
    (logits,) = net(rgb)
    assert logits.shape == (4,)
    loss, parts = peers.losses(logits, torch.tensor([0.0, 0.0, 1.0, 1.0]))
    loss.backward()
    reached = [p.grad is not None and float(p.grad.abs().sum()) > 0.0 for p in net.parameters() if p.ndim > 1]
    assert np.mean(reached) > 0.8  # a narrow path may start closed: all that goes in is positive
    assert set(parts) == {"class", "accuracy"}


def test_a_better_answer_costs_less() -> None:
    labels = torch.tensor([0.0, 0.0, 1.0, 1.0])
    good, parts = peers.losses(torch.tensor([-3.0, -3.0, 3.0, 3.0]), labels)
    bad, _ = peers.losses(torch.tensor([3.0, 3.0, -3.0, -3.0]), labels)
    assert good < 0.1 < bad
    assert parts["accuracy"] == 1.0


def test_attention_pools_what_lies_under_each_map() -> None:
    found = torch.zeros(1, 2, 4, 4)
    found[0, 0, :2], found[0, 1, 2:] = 4.0, -9.0
    attention = torch.zeros(1, 2, 4, 4)
    attention[0, 0, :2], attention[0, 1, 2:] = 1.0, 1.0
    matrix = pooled(found, attention).reshape(2, 2)
    assert matrix.square().sum() == pytest.approx(1.0)
    assert matrix[0, 0] / matrix[1, 1] == pytest.approx(-2.0 / 3.0)  # roots with their signs
    assert abs(float(matrix[0, 1])) < 1e-3


def test_the_head_is_one_map_of_each_and_no_more() -> None:
    backbone = Xception(0.1)
    net = WsDan(backbone)
    assert net.judge.weight.shape == (1, 8 * backbone.channels)
    assert net(torch.rand(2, 3, 96, 96))[0].shape == (2,)


def test_the_reference_is_three_networks_at_their_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Narrow ones here: what they cost is for the bench to measure, that they export is for this test."""
    small = {name: (lambda: WsDan(Xception(0.05)), 96) for name in (*reference.NAMES, reference.BASE)}
    monkeypatch.setattr(reference, "_of", lambda name: small[name])
    made = reference.make(tmp_path)
    assert made is not None
    assert list(made) == [*reference.NAMES, reference.BASE]
    assert all(one.path.is_file() and one.size_px == 96 for one in made.values())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    lines = ["path,label,kind,dataset,method,split"]
    for n in range(24):
        label = "fake" if n >= 12 else "real"
        cv2.imwrite(str(folder / f"{n}.png"), np.ascontiguousarray(np.roll(portrait(), 3 * n, axis=1)[..., ::-1]))
        lines.append(f"{n}.png,{label},image,nasa,,train")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_recipe_ends_in_files_that_the_bench_takes(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a folder of pictures to peers that answer; what they learned in two steps is nothing."""
    told: list[str] = []
    recipe = peers.Recipe(steps=2, pairs=2, workers=0)
    out = peers.run(data, tmp_path, recipe, on_progress=lambda what, share: told.append(what))
    assert "finding faces" in told
    monkeypatch.setattr(bench_peers, "FOLDER", out)
    exhibit = Exhibit(data / "0.png")
    for name in peers.KINDS:
        card = tomllib.loads((out / f"{name}.toml").read_text("utf-8"))
        assert card["sha256"] == export.sha256(out / f"{name}.onnx")
        assert (out / f"{name}.onnx").stat().st_size < 16e6
        said = bench_peers.load(name).examine(exhibit)
        assert not said.abstained
        assert said.source == f"{name}-1"
    before = (out / "xception" / "checkpoint.pt").stat().st_mtime_ns
    peers.run(data, tmp_path, peers.Recipe(steps=2, pairs=2, workers=0, names=("mesonet4",)), resume=True)
    assert (out / "xception" / "checkpoint.pt").stat().st_mtime_ns == before
