"""`seam`: its net, what a better answer costs, and a recipe that ends in a file with its card."""

import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")

import torch

from tests.faces_samples import portrait
from unforge.nets.seam import SeamNet
from unforge.train import export
from unforge.train.crops import Store
from unforge.train.recipes import seam
from unforge.weights.calibration import Calibration


def test_the_net_is_compact_and_answers_once_per_picture() -> None:
    logit, mask = SeamNet().eval()(torch.rand(3, 3, 144, 144) * 255)
    assert logit.shape == (3,)
    assert mask.shape == (3, 36, 36)
    assert sum(parameter.numel() for parameter in SeamNet().parameters()) < 1_000_000


def test_only_real_training_material_is_drawn() -> None:
    rows = [
        {**ROW, **change}
        for change in ({}, {"label": "fake"}, {"split": "val"}, {"kind": "video", "path": "clips/1.mp4"})
    ]
    shares = seam.sampling(Store(rows, np.empty(0, np.uint8), np.empty(0, np.float32)))
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


ROW = {"label": "real", "split": "train", "kind": "image", "dataset": "nasa", "path": "a/b.png", "size_px": "100"}
