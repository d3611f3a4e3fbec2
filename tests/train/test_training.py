"""Training: the trunk, pairs, a short run that goes on where it stopped, and an export that agrees with torch."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")

import torch

from tests.faces_samples import portrait
from unforge.errors import WeightsError
from unforge.faces import scan
from unforge.media.frame import Frame
from unforge.nets.finegrained import Answer, FineGrained
from unforge.nets.lite0 import Lite0, SameConv, imagenet_weights
from unforge.train import export, fakes, loop
from unforge.train.batches import Batch, PairSet, stream
from unforge.train.crops import Store
from unforge.train.pairs import View, draw_way, make_pair
from unforge.train.recipes import finegrained

SMALL = View(size_px=64, margin_low=1.2, margin_high=1.4)
SELF_BLEND = {"self_blend": 1.0}


@pytest.fixture(scope="module")
def store() -> Store:
    track = scan([Frame(0.0, portrait())]).tracks[0]
    row = {
        "label": "real",
        "split": "train",
        "kind": "image",
        "dataset": "nasa",
        "path": "a/b.png",
        "size_px": "100",
    }
    return Store([row] * 4, np.repeat(track.crops, 4, axis=0), np.repeat(track.crop_landmarks_px, 4, axis=0))


@pytest.fixture(scope="module")
def net() -> FineGrained:
    torch.manual_seed(0)
    return FineGrained().eval()


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
def test_the_fast_way_through_a_filter_gives_the_same_numbers(kernel: int, stride: int) -> None:
    filtered = SameConv(6, 6, kernel, stride, groups=6)
    x = torch.randn(2, 6, 20, 20)
    assert torch.allclose(filtered.train()(x), filtered.eval()(x), atol=1e-5)


def test_the_trunk_gives_maps_at_three_strides(net: FineGrained) -> None:
    maps = net.trunk(torch.zeros(1, 3, 96, 96))
    assert {stride: tuple(m.shape[1:]) for stride, m in maps.items()} == {
        4: (24, 24, 24),
        8: (40, 12, 12),
        16: (112, 6, 6),
    }


def test_the_imagenet_start_reaches_every_weight_of_the_trunk() -> None:
    trunk, published = Lite0(), imagenet_weights()
    trunk.start_from(published)
    assert torch.equal(trunk.conv_stem.weight, published["_conv_stem.weight"])
    assert torch.equal(trunk.state_dict()["blocks.10.bn2.running_var"], published["_blocks.10._bn2.running_var"])


def test_a_pair_is_degraded_and_cropped_alike(store: Store) -> None:
    """Where the mask is empty, real and fake differ by nothing but the codec's memory of the other side."""
    for seed in range(12):
        made = make_pair(
            store.crops[0], store.landmarks_px[0], fakes.load("self_blend"), SMALL,
            np.random.default_rng(seed), degraded=False,
        )  # fmt: skip
        assert made.real.shape == made.fake.shape == (64, 64, 3)
        assert made.mask.shape == (16, 16)
        assert 0.0 <= made.mask.min() <= made.mask.max() <= 1.0


def test_degrading_repeats_by_its_seed(store: Store) -> None:
    once, again = (draw_way(np.random.default_rng(4)).of(store.crops[0]) for _ in range(2))
    assert np.array_equal(once, again)


def test_a_batch_depends_on_seed_and_step_alone(store: Store) -> None:
    weights = np.array([1.0, 0.0, 2.0, 1.0])
    first = PairSet(store, weights, SELF_BLEND, SMALL, pairs=3, first=5, seed=9)
    later = PairSet(store, weights, SELF_BLEND, SMALL, pairs=3, first=0, seed=9)
    for ours, theirs in zip(first[0], later[5], strict=True):
        assert torch.equal(ours, theirs)
    batch = next(stream(first, workers=0))
    assert batch.pictures.shape == (6, 64, 64, 3)
    assert batch.masks.shape == (3, 16, 16)
    assert batch.artefacts.shape == (3, len(fakes.ARTEFACTS))
    assert batch.quality.shape == (3, 3)


def test_a_run_learns_stops_and_goes_on(store: Store, tmp_path: Path) -> None:
    def batches(first: int) -> Iterator[Batch]:
        return stream(PairSet(store, np.ones(4), SELF_BLEND, SMALL, 4, first, 1), workers=0)

    def schedule(steps: int) -> loop.Schedule:
        return loop.Schedule(60.0, steps, rate=2e-3, trunk_rate=5e-4, weight_decay=0.0, averaging=0.9)

    torch.manual_seed(0)
    loss = finegrained._loss(finegrained.Recipe(bfloat16=False))
    net = FineGrained()
    loop.run(net, net.trunk, batches, loss, schedule(20), tmp_path, resume=False)
    stopped = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert stopped["step"] == 20
    net = FineGrained()
    loop.run(net, net.trunk, batches, loss, schedule(40), tmp_path, resume=True)
    gone_on = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert gone_on["step"] == 40
    assert gone_on["elapsed_s"] > stopped["elapsed_s"]
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["step", "20", "40"]


def test_the_file_agrees_with_torch(net: FineGrained, tmp_path: Path) -> None:
    example = torch.rand(3, 3, 64, 64) * 255
    assert export.export(net, tmp_path / "net.onnx", 64, Answer._fields, example) < 1e-3


def test_a_file_that_disagrees_is_not_left_behind(
    net: FineGrained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PARITY", -1.0)
    with pytest.raises(WeightsError, match="agree"):
        export.export(net, tmp_path / "net.onnx", 64, Answer._fields, torch.rand(1, 3, 64, 64))
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_another_version_began_keeps_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    loop._write(path, {"step": 20, "class": 0.6, "gone": 1.0})
    loop._write(path, {"step": 40, "class": 0.5, "new": 0.1})
    assert path.read_text().splitlines() == ["step,class,gone", "20,0.6,1.0", "40,0.5,nan"]
