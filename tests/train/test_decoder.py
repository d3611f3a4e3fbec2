"""The autoencoder behind the decoder family: three ways of up-sampling, a short run, and a file with its card."""

import tomllib
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")

import torch

from tests.faces_samples import portrait
from unforge import weights
from unforge.faces import scan
from unforge.media.frame import Frame
from unforge.nets.autoencoder import DECODERS, AutoEncoder
from unforge.train import export
from unforge.train.crops import Store
from unforge.train.recipes import decoder


@pytest.fixture(scope="module")
def store() -> Store:
    track = scan([Frame(0.0, portrait())]).tracks[0]
    row = {"label": "real", "split": "train", "kind": "image", "dataset": "nasa", "path": "a/b.png"}
    return Store([row] * 3, np.repeat(track.crops, 3, axis=0), np.repeat(track.crop_landmarks_px, 3, axis=0))


@pytest.fixture(scope="module")
def net() -> AutoEncoder:
    torch.manual_seed(0)
    return AutoEncoder().eval()


def test_the_net_is_small_and_keeps_the_size(net: AutoEncoder) -> None:
    decoded = [one.detach() for one in net(torch.rand(2, 3, 112, 112) * 255)]
    assert len(decoded) == len(DECODERS)
    assert all(one.shape == (2, 3, 112, 112) for one in decoded)
    assert all(float(one.min()) >= 0.0 and float(one.max()) <= 255.0 for one in decoded)
    assert 4 * sum(parameter.numel() for parameter in net.parameters()) < 2_000_000


def test_one_drawingalone_draws_what_it_draws_among_all(net: AutoEncoder) -> None:
    rgb = torch.rand(1, 3, 64, 64) * 255
    together = dict(zip(DECODERS, net(rgb), strict=True))
    for kind in DECODERS:
        assert torch.allclose(net.through(rgb, kind).clamp(0.0, 255.0), together[kind], atol=1e-3)
    assert not torch.allclose(together["transposed"], together["shuffle"], atol=0.1)


def test_colours_pass_beside_the_decoders() -> None:
    """They draw what the colours in squares lack; one that draws nothing leaves a flat picture as it was."""
    net = AutoEncoder().eval()
    for drawing in net.decoders.values():
        torch.nn.init.zeros_(drawing.out.weight)
        torch.nn.init.zeros_(drawing.out.bias)
    flat = torch.full((1, 3, 64, 64), 90.0)
    assert all(torch.allclose(one.detach(), flat, atol=1e-3) for one in net(flat))


def test_what_a_batch_holds_depends_on_seed_and_step_alone(store: Store) -> None:
    shares, recipe = np.array([1.0, 0.0, 1.0]) / 2.0, decoder.Recipe(pictures=3, seed=5)
    later = next(decoder.batches(store, shares, recipe, first=4))
    on_the_way = list(islice(decoder.batches(store, shares, recipe, first=2), 3))[2]
    assert torch.equal(later[0], on_the_way[0])
    assert later[0].shape == (3, decoder.LEARNED_PX, decoder.LEARNED_PX, 3)
    assert int(later[1]) == int(on_the_way[1]) == 4 % len(DECODERS)


def test_a_sharper_drawing_costs_less_than_a_softer_one() -> None:
    wanted = torch.zeros(1, 3, 32, 32)
    wanted[..., ::4] = 200.0
    flat, half = wanted.mean().expand_as(wanted), 0.5 * (wanted + wanted.mean())
    costs = [decoder.losses(drawn, wanted)[0].item() for drawn in (wanted, half, flat)]
    assert costs[0] == 0.0
    assert costs[0] < costs[1] < costs[2]


def test_a_recipe_learns_goes_on_and_ends_in_a_file_with_its_card(tmp_path: Path) -> None:
    lines = ["path,label,kind,dataset,method,split"]
    for n, (label, split) in enumerate([("real", "train")] * 2 + [("real", "val")] * 2 + [("fake", "train")]):
        cv2.imwrite(str(tmp_path / f"{n}.png"), np.ascontiguousarray(np.roll(portrait(), 9 * n, axis=1)[..., ::-1]))
        lines.append(f"{n}.png,{label},image,nasa,,{split}")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "out"
    decoder.train(tmp_path, out, decoder.Recipe(steps=20, pictures=2, bfloat16=False))
    net = decoder.train(tmp_path, out, decoder.Recipe(steps=40, pictures=2, bfloat16=False), resume=True)
    steps = [line.split(",")[0] for line in (decoder.work(out) / "log.csv").read_text().splitlines()]
    assert steps == ["step", "20", "40"]
    decoder.finish(net, decoder.open_store(tmp_path, out)[0], decoder.work(out))
    written = tomllib.loads((decoder.work(out) / "decoder.toml").read_text("utf-8"))
    assert written["sha256"] == export.sha256(decoder.work(out) / "decoder.onnx")
    assert "cannot put one person's face on another" in written["purpose"]
    assert written["numbers"]["stills"] == 2
    assert set(written["numbers"]) >= {*DECODERS, "halved"}


def test_the_shipped_file_is_small_and_keeps_the_face(store: Store) -> None:
    card = weights.card("decoder")
    assert card.path.stat().st_size < 2_000_000
    assert card.details["size_px"] == decoder.SIZE_PX
    numbers = decoder.measure(
        weights.session("decoder"), Store([{**store.rows[0], "split": "val"}], store.crops[:1], store.landmarks_px[:1])
    )
    for kind in DECODERS:
        assert numbers[kind]["error_grey_levels"] < 8.0
        assert 0.6 < numbers[kind]["sharpness_kept"] < 1.3
