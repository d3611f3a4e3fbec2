"""`temporal`: its net, and a recipe that goes from a folder of clips to a file with its card."""

import csv
import tomllib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")

import onnxruntime
import torch

from tests.film_samples import moving
from unforge.errors import UsageError
from unforge.media.write import write_video
from unforge.nets.temporal import TemporalNet
from unforge.train import datasets, moves
from unforge.train.recipes import temporal
from unforge.weights.calibration import Calibration


def test_the_net_is_small_and_answers_once_per_stretch() -> None:
    net = TemporalNet(230).eval()
    assert net(torch.randn(3, 32, 230)).shape == (3,)
    assert sum(parameter.numel() for parameter in net.parameters()) <= 300_000


def test_steady_drift_and_trembling_come_out_apart() -> None:
    """Over a straight line the second difference is nothing; over a zigzag it is all."""
    net = TemporalNet(1)
    line = torch.linspace(0.0, 3.1, 32)[None, :, None]
    zigzag = torch.tensor([0.0, 1.0]).repeat(16)[None, :, None]
    _, velocity, bend, *_ = net.energies(line)[0].tolist()
    _, calm, bent, *_ = net.energies(zigzag)[0].tolist()
    assert velocity > bend
    assert bent > calm


def test_a_wild_value_does_not_shout_down_the_others() -> None:
    net = TemporalNet(8).eval()
    rows = torch.zeros(1, 32, 8)
    rows[0, 16, 0] = 1e3
    wilder = rows * 1e6
    assert torch.allclose(net(rows), net(wilder))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of four people who move alike; whoever is held out is so by name."""
    folder = tmp_path_factory.mktemp("data")
    film = moving(33)
    rows = [["path", "label", "kind", "dataset", "method", "split", "identity"]]
    for n in range(4):
        name, label = f"{n}.mp4", "fake" if n == 3 else "real"
        write_video(folder / name, np.roll(film.rgb, 3 * n, axis=2), film.times_s, 20 + n)
        rows.append([name, label, "video", "made", "x" if label == "fake" else "", "train", f"person {n}"])
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return folder


RECIPE = temporal.Recipe(pairs=8, versions=1, processes=1)


@pytest.fixture(scope="module")
def made(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, moves.Moves]:
    out = tmp_path_factory.mktemp("out")
    return out, temporal.material(data, out, RECIPE)


def test_a_recipe_ends_in_a_file_with_its_card(made: tuple[Path, moves.Moves], tmp_path: Path) -> None:
    _, seen = made
    assert 0 < seen.held_out.sum() < len(seen.held_out)
    assert set(seen.family) <= {"", *moves.FAMILIES}
    temporal.finish(seen, tmp_path)
    card = tomllib.loads((tmp_path / "temporal.toml").read_text("utf-8"))
    assert card["version"] == temporal.VERSION
    assert card["numbers"]["onnx_torch_difference"] < 1e-3
    Calibration.from_card(card["calibration"])
    session = onnxruntime.InferenceSession(str(tmp_path / "temporal.onnx"), providers=["CPUExecutionProvider"])
    logits = session.run(["logit"], {"features": seen.features[:5]})[0]
    energies = temporal.energies_of(seen.features)
    net = temporal.learned(seen, energies, ~seen.held_out)
    assert np.allclose(logits, temporal.scored(net, energies[:5]), atol=1e-3)
    assert temporal.scored(net, energies)[seen.forged & ~seen.held_out].mean() > 0.0


def test_what_was_forged_before_is_not_forged_again(data: Path, made: tuple[Path, moves.Moves]) -> None:
    out, first = made
    written = {path: path.stat().st_mtime_ns for path in (out / "moves").iterdir()}
    again = temporal.material(data, out, RECIPE)
    assert {path: path.stat().st_mtime_ns for path in (out / "moves").iterdir()} == written
    assert np.array_equal(first.features, again.features)


def test_more_pairs_keep_those_that_are_there(data: Path, made: tuple[Path, moves.Moves]) -> None:
    found = moves.stretches(datasets.index("manifest", data), made[0] / "stretches")
    few, many = (moves.jobs(found, made[0], pairs) for pairs in (3, 8))
    assert few[:3] == many[:3]


def test_without_clips_the_recipe_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("path,label,kind,dataset,method,split\n", "utf-8")
    with pytest.raises(UsageError, match="held out"):
        temporal.material(tmp_path, tmp_path / "out", temporal.Recipe())
