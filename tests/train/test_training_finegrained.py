"""The fine-grained net and its recipe: shapes, what a better answer costs, both stages, and the file with its card."""

import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")

import torch

from tests.faces_samples import portrait
from unforge import weights
from unforge.detect import finegrained as detector
from unforge.errors import UsageError, WeightsError
from unforge.faces import scan
from unforge.media.frame import Frame
from unforge.nets.finegrained import ARTEFACTS, MAPS, Answer, FineGrained
from unforge.nets.lite0 import imagenet_weights
from unforge.train import attended, export, fakes, loop, material
from unforge.train.batches import Batch, Labelled, PairSet
from unforge.train.crops import Store
from unforge.train.originals import Originals
from unforge.train.pairs import View
from unforge.train.recipes import finegrained, finegrained_base
from unforge.weights.calibration import Calibration


@pytest.fixture(scope="module")
def net() -> FineGrained:
    torch.manual_seed(0)
    net = FineGrained().eval()
    for part in net.state_dict().values():
        if part.dtype.is_floating_point:
            part.add_(0.02 * torch.rand_like(part))  # as after training: no two norms are the same
    return net


def test_the_net_answers_everything_in_one_pass_and_is_compact(net: FineGrained) -> None:
    answer = net(torch.rand(2, 3, 160, 160) * 255)
    assert {name: tuple(part.shape) for name, part in answer._asdict().items()} == {
        "logit": (2,),
        "mask": (2, 40, 40),
        "attention": (2, MAPS, 10, 10),
        "artefacts": (2, len(fakes.ARTEFACTS)),
        "region": (2, len(fakes.REGIONS) + 1),
        "quality": (2, 3),
        "embedding": (2, 128),
    }
    assert sum(parameter.numel() for parameter in net.parameters()) < 3_000_000


def test_the_larger_net_answers_the_same_and_starts_from_the_whole_trunk() -> None:
    net = finegrained_base.BASE()
    net.trunk.start_from(imagenet_weights())
    answer = net.eval()(torch.rand(2, 3, 160, 160) * 255)
    assert [tuple(part.shape) for part in answer[:3]] == [(2,), (2, 40, 40), (2, MAPS, 10, 10)]
    assert 3_000_000 < sum(parameter.numel() for parameter in net.parameters()) < 6_000_000


def test_detector_net_and_fakes_speak_of_the_same_traces() -> None:
    assert detector.ARTEFACTS == fakes.ARTEFACTS
    assert len(fakes.ARTEFACTS) == ARTEFACTS
    assert Answer._fields == detector.OUTPUTS


def test_attention_sums_to_one_and_never_lies_on_the_rim(net: FineGrained) -> None:
    attention = net(torch.rand(1, 3, 96, 96) * 255).attention.detach()
    assert torch.allclose(attention.sum(dim=(2, 3)), torch.ones(1, MAPS), atol=1e-4)
    assert float(attention[..., 0, :].sum() + attention[..., -1].sum()) < 1e-2


def test_frozen_blocks_learn_nothing_and_keep_their_norms() -> None:
    net = FineGrained()
    net.trunk.freeze(2)
    net.train()
    assert not net.trunk.bn0.training
    assert net.trunk.blocks[2].bn1.training
    before = net.trunk.bn0.running_mean.clone()
    answer = net(torch.rand(2, 3, 64, 64) * 255)
    (answer.logit.sum() + answer.mask.sum()).backward()
    assert net.trunk.conv_stem.weight.grad is None
    assert net.trunk.blocks[2].project_conv.weight.grad is not None
    assert torch.equal(before, net.trunk.bn0.running_mean)


def _batch() -> Batch:
    masks = torch.zeros(2, 8, 8)
    masks[:, 2:6, 2:6] = 1.0
    artefacts = torch.tensor([[1.0, 0, 0, 0, 0, 0, 0]] * 2)
    known = torch.tensor([True, True])
    quality = torch.zeros(2, 3)
    return Batch(torch.zeros(6, 32, 32, 3), masks, artefacts, torch.tensor([0, 3]), known, quality, torch.ones(2))


def _cost(answer: Answer, batch: Batch) -> float:
    parts = finegrained.losses(answer, batch)
    return sum(finegrained.WEIGHTS[name] * float(part) for name, part in parts.items())


def _answer(logits: torch.Tensor, marked: torch.Tensor) -> Answer:
    attention = torch.full((6, MAPS, 2, 2), 0.25)
    artefacts = torch.full((6, ARTEFACTS), -4.0)
    artefacts[:, 0] = 4.0
    region = torch.zeros(6, 5)
    return Answer(logits, marked, attention, artefacts, region, torch.zeros(6, 3), torch.zeros(6, 128))


def test_a_better_answer_costs_less() -> None:
    batch = _batch()
    found = torch.cat([torch.full((2, 8, 8), -4.0), batch.masks * 8.0 - 4.0, torch.zeros(2, 8, 8)])
    good = _answer(torch.tensor([-3.0, -3.0, 3.0, 3.0, 3.0, 3.0]), found)
    bad = _answer(torch.tensor([3.0, 3.0, -3.0, -3.0, -3.0, -3.0]), -found)
    assert _cost(good, batch) < _cost(bad, batch)
    assert finegrained.rates(good, batch) == {"accuracy": 1.0, "ordered": 1.0}
    assert float(finegrained.losses(good, batch)["artefacts"]) < 0.05


def test_what_nobody_knows_of_a_forgery_costs_nothing() -> None:
    batch = _batch()
    half_known = batch._replace(told=torch.tensor([True, False]))
    wrong = _answer(torch.zeros(6), torch.zeros(6, 8, 8))
    wrong.artefacts[3], wrong.region[3] = -9.0, torch.tensor([9.0, 0.0, 0.0, 0.0, 0.0])
    full, part = finegrained.losses(wrong, batch), finegrained.losses(wrong, half_known)
    assert part["artefacts"] < full["artefacts"]
    assert part["region"] < full["region"]
    assert part["mask"] == full["mask"]


def test_a_labelled_picture_counts_by_its_class_alone() -> None:
    batch = _batch()
    logits = torch.tensor([-3.0, -3.0, 3.0, 3.0, 3.0, 3.0])
    found = torch.cat([torch.full((2, 8, 8), -4.0), batch.masks * 8.0 - 4.0, torch.zeros(2, 8, 8)])
    other = found.clone()
    other[4:] = 9.0
    once, again = (_cost(_answer(logits, marked), batch) for marked in (found, other))
    assert once == pytest.approx(again)


def test_a_crop_shows_what_was_looked_at_and_a_drop_spares_the_rest() -> None:
    rgb = torch.zeros(1, 3, 64, 64)
    rgb[:, :, 40:56, 8:24:2] = 200.0
    attention = torch.full((1, 1, 8, 8), 1e-3)
    attention[:, :, 5:7, 1:3] = 1.0
    near = attended.cropped(rgb, attention)
    assert near.shape == rgb.shape
    assert float(near.mean()) > 2.0 * float(rgb.mean())
    gone = attended.dropped(rgb, attention)
    assert float(gone[:, :, 44:52, 12:20].std()) < 0.5 * float(rgb[:, :, 44:52, 12:20].std())
    assert torch.allclose(gone[:, :, :24], rgb[:, :, :24], atol=1.0)


def test_the_second_look_treats_both_of_a_pair_alike(net: FineGrained) -> None:
    seen: list[torch.Tensor] = []

    def watched(rgb: torch.Tensor) -> Answer:
        seen.append(rgb)
        answer: Answer = net(rgb)
        return answer

    pairs = (torch.rand(4, 3, 64, 64) * 255).repeat(2, 1, 1, 1)  # each fake is its own partner
    cost = finegrained._second_look(watched, pairs, torch.rand(8, MAPS, 4, 4))  # type: ignore[arg-type]
    assert torch.isfinite(cost)
    real, fake = seen[0].chunk(2)
    assert torch.equal(real, fake)


def test_half_of_the_pairs_of_the_last_stage_have_originals(tmp_path: Path) -> None:
    """Of four pairs two are moments of a forged clip; what nobody listed of them is marked as unknown."""
    track = scan([Frame(0.0, portrait())]).tracks[0]
    crops, meshes = np.repeat(track.crops[:1], 3, axis=0), np.repeat(track.crop_landmarks_px[:1], 3, axis=0)
    store = Store([{"path": f"{n}.png", "label": "real"} for n in range(3)], crops, meshes)
    masks = np.zeros((3, 224, 224), np.uint8)
    masks[:, 80:140, 80:140] = 1
    darker = np.asarray(crops * 0.8, np.uint8)
    names = np.array(["Deepfakes"] * 3)
    known = Originals(darker, crops, meshes, masks, names, names)
    even = np.full(3, 1 / 3)
    labelled = Labelled(known, 2, even, even, reals=1, fakes=2)
    view = View(64, 1.3, 1.3)
    batch = PairSet(store, even, {"self_blend": 1.0}, view, 4, 0, 1, labelled=labelled)[0]
    assert batch.pictures.shape == (2 * 4 + 3, 64, 64, 3)
    assert batch.told.tolist() == [True, True, False, False]
    assert batch.labels.tolist() == [0.0, 1.0, 1.0]
    assert torch.equal(
        PairSet(store, even, {"self_blend": 1.0}, view, 4, 0, 1, labelled=labelled)[0].pictures, batch.pictures
    )


def test_a_file_with_its_weights_by_name_starts_another_training(net: FineGrained, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    example = torch.rand(2, 3, 64, 64) * 255
    assert export.export(net, path, 64, detector.OUTPUTS, example, fused=False) < 1e-3
    other = FineGrained().eval()
    finegrained._go_on_from(other, path)
    assert torch.allclose(other(example).logit, net(example).logit, atol=1e-5)
    assert path.name in finegrained.started(finegrained.Recipe(start=str(path)))


def test_a_file_of_another_net_starts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    export.export(Mean(), path, 64, ("logit",), torch.rand(1, 3, 64, 64) * 255, fused=False)
    with pytest.raises(WeightsError, match="same net"):
        finegrained._go_on_from(FineGrained(), path)


class Mean(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line = torch.nn.Linear(3, 1)

    def forward(self, rgb: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.line(rgb.mean(dim=(2, 3)))[:, 0],)


def test_the_recipe_goes_through_both_stages_to_a_file_with_its_card(
    tmp_path: Path,
) -> None:
    """From a folder of pictures to weights that the loader would take; what it learned in seconds is nothing."""
    lines = ["path,label,kind,dataset,method,split"]
    for n in range(60):
        label = "fake" if n >= 40 else "real"
        shifted = np.roll(portrait(), 3 * n, axis=1)
        cv2.imwrite(str(tmp_path / f"{n}.png"), np.ascontiguousarray(shifted[..., ::-1]))
        lines.append(f"{n}.png,{label},image,nasa,{'swap' if label == 'fake' else ''},train")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "out"
    families = {"self_blend": 1.0, "cross_blend": 1.0}
    recipe = finegrained.Recipe(steps=2, pairs=2, workers=1, families=families)  # the second stage starts its own, too
    finegrained.run(tmp_path, out, recipe)
    for stage in ("pairs", "labels"):
        card = tomllib.loads((out / stage / "finegrained.toml").read_text("utf-8"))
        assert card["sha256"] == export.sha256(out / stage / "finegrained.onnx")
        assert set(card) >= set(weights._FIELDS) | {"mask_threshold", "size_px", "margin"}
        assert set(card["calibration"]) == {*detector.STRATA, "window"}
        assert Calibration.from_card(card["calibration"]["clear"]).reals > 0
        assert (out / stage / "curves.png").is_file()
        for log in loop.LOGS:
            assert len((out / stage / log).read_text().splitlines()) > 0


def test_material_that_leaves_nothing_to_calibrate_with_is_told_before_training(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.ascontiguousarray(portrait()[..., ::-1]))
    (tmp_path / "manifest.csv").write_text("path,label,kind,dataset,method,split\n1.png,real,image,nasa,,train\n")
    with pytest.raises(UsageError, match="held out"):
        finegrained.main(tmp_path, tmp_path / "out", minutes=1.0)


def test_the_validation_split_is_never_opened(tmp_path: Path) -> None:
    from unforge.train.sample import Sample

    sample = Sample(tmp_path / "a.png", "real", "image", "nasa", "", "val")
    assert not material.allowed(sample)
