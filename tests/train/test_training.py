"""Training: nets, pairs, a short run that goes on where it stopped, and an export that agrees with torch."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")

import torch

from tests.faces_samples import portrait
from unforge.errors import WeightsError
from unforge.faces import scan
from unforge.media.frame import Frame
from unforge.nets.lite0 import Lite0, SameConv, imagenet_weights
from unforge.nets.seam import SeamNet
from unforge.train import export, fakes, loop
from unforge.train.batches import PairSet, stream
from unforge.train.crops import Store
from unforge.train.pairs import View, degrade, make_pair
from unforge.train.recipes import seam
from unforge.weights.calibration import Calibration

SMALL = View(size_px=64, margin_low=1.2, margin_high=1.4)


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
def net() -> SeamNet:
    torch.manual_seed(0)
    return SeamNet().eval()


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
def test_the_fast_way_through_a_filter_gives_the_same_numbers(kernel: int, stride: int) -> None:
    filtered = SameConv(6, 6, kernel, stride, groups=6)
    x = torch.randn(2, 6, 20, 20)
    assert torch.allclose(filtered.train()(x), filtered.eval()(x), atol=1e-5)


def test_the_trunk_gives_maps_at_three_strides(net: SeamNet) -> None:
    maps = net.trunk(torch.zeros(1, 3, 96, 96))
    assert {stride: tuple(m.shape[1:]) for stride, m in maps.items()} == {
        4: (24, 24, 24),
        8: (40, 12, 12),
        16: (112, 6, 6),
    }


def test_the_net_is_compact_and_answers_once_per_picture(net: SeamNet) -> None:
    logit, mask = net(torch.rand(3, 3, 144, 144) * 255)
    assert logit.shape == (3,)
    assert mask.shape == (3, 36, 36)
    assert sum(parameter.numel() for parameter in net.parameters()) < 1_000_000


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
    once, again = (degrade(store.crops[0], np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(once, again)


def test_a_batch_depends_on_seed_and_step_alone(store: Store) -> None:
    weights = np.array([1.0, 0.0, 2.0, 1.0])
    first = PairSet(store, weights, "self_blend", SMALL, pairs=3, first=5, seed=9)
    later = PairSet(store, weights, "self_blend", SMALL, pairs=3, first=0, seed=9)
    for ours, theirs in zip(first[0], later[5], strict=True):
        assert torch.equal(ours, theirs)
    pictures, masks = next(stream(first, workers=0))
    assert pictures.shape == (6, 64, 64, 3)
    assert masks.shape == (3, 16, 16)


def test_only_real_training_material_is_drawn(store: Store) -> None:
    rows = [
        {**store.rows[0], **change}
        for change in ({}, {"label": "fake"}, {"split": "val"}, {"kind": "video", "path": "clips/1.mp4"})
    ]
    shares = seam.sampling(Store(rows, store.crops, store.landmarks_px))
    assert shares.sum() == pytest.approx(1.0)
    assert shares[0] > 0
    assert shares[1] == shares[2] == 0
    assert (shares[3] == 0) == seam.held_out(rows[3])


def test_a_better_answer_costs_less() -> None:
    masks = torch.zeros(2, 4, 4)
    masks[:, 1:3, 1:3] = 1.0
    found = torch.cat([torch.full_like(masks, -4.0), masks * 8.0 - 4.0])
    good, parts = seam.losses(torch.tensor([-3.0, -3.0, 3.0, 3.0]), found, masks)
    bad, _ = seam.losses(torch.tensor([3.0, 3.0, -3.0, -3.0]), -found, masks)
    assert good < 0.3 < bad
    assert parts["accuracy"] == parts["ordered"] == 1.0


def test_a_run_learns_stops_and_goes_on(store: Store, tmp_path: Path) -> None:
    def batches(first: int) -> Iterator[loop.Batch]:
        return stream(PairSet(store, np.ones(4), "self_blend", SMALL, 4, first, 1), workers=0)

    def schedule(steps: int) -> loop.Schedule:
        return loop.Schedule(60.0, steps, rate=2e-3, trunk_rate=5e-4, weight_decay=0.0, averaging=0.9)

    torch.manual_seed(0)
    loss = seam._loss(seam.Recipe(bfloat16=False))
    net = SeamNet()
    loop.run(net, net.trunk, batches, loss, schedule(20), tmp_path, resume=False)
    stopped = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert stopped["step"] == 20
    net = SeamNet()
    loop.run(net, net.trunk, batches, loss, schedule(40), tmp_path, resume=True)
    gone_on = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert gone_on["step"] == 40
    assert gone_on["elapsed_s"] > stopped["elapsed_s"]
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["step", "20", "40"]


def test_a_recipe_ends_in_a_file_with_its_card(tmp_path: Path) -> None:
    """From a folder of pictures to weights that the loader would take; what it learned in seconds is nothing."""
    lines = ["path,label,kind,dataset,method,split"]
    for n, (label, split) in enumerate([("real", "train")] * 2 + [("real", "val")] * 2 + [("fake", "train")] * 2):
        cv2.imwrite(str(tmp_path / f"{n}.png"), np.ascontiguousarray(np.roll(portrait(), 9 * n, axis=1)[..., ::-1]))
        lines.append(f"{n}.png,{label},image,nasa,,{split}")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    told: list[str] = []
    out = tmp_path / "out"
    recipe = seam.Recipe(steps=2, pairs=2, workers=0)  # no workers: forking after OpenCV's threads have run may hang
    net = seam.train(tmp_path, out, recipe, on_progress=lambda what, share: told.append(what))
    seam.finish(net, seam.open_store(tmp_path, out), out)
    written = tomllib.loads((out / "seam.toml").read_text("utf-8"))
    assert written["sha256"] == export.sha256(out / "seam.onnx")
    assert set(written) >= {"licence", "origin", "purpose", "feed", "data", "cannot", "mask_threshold"}
    assert 0.0 <= written["numbers"]["self_blend_auc"] <= 1.0
    calibration = Calibration.from_card(written["calibration"])
    assert (calibration.reals, calibration.fakes) == (2, 4)
    assert "finding faces" in told


def test_the_file_agrees_with_torch(net: SeamNet, tmp_path: Path) -> None:
    example = torch.rand(3, 3, 64, 64) * 255
    assert export.export(net, tmp_path / "net.onnx", 64, ("logit", "mask"), example) < 1e-3


def test_a_file_that_disagrees_is_not_left_behind(
    net: SeamNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PARITY", -1.0)
    with pytest.raises(WeightsError, match="agree"):
        export.export(net, tmp_path / "net.onnx", 64, ("logit", "mask"), torch.rand(1, 3, 64, 64))
    assert list(tmp_path.iterdir()) == []
