"""The ablation: every variant changes what its name says, and its file can be measured."""

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")

import torch

from tests.faces_samples import portrait
from unforge.bench import variants
from unforge.nets.finegrained import FineGrained
from unforge.train import fakes
from unforge.train.recipes import ablation
from unforge.train.recipes.finegrained import FAMILIES, Recipe


def test_every_family_is_left_out_once() -> None:
    found = {name: variants.left_out(name) for name in ablation.VARIANTS}
    assert {family for family in found.values() if family} == set(fakes.available()) == set(FAMILIES)
    for name, family in found.items():
        changed = ablation.VARIANTS[name](Recipe())
        assert set(changed.families) == set(FAMILIES) - {family}
        assert (changed == Recipe()) == (name == ablation.FULL)


def test_a_net_without_attention_looks_everywhere_alike() -> None:
    torch.manual_seed(0)
    net = ablation.Unattending().eval()
    attention = net(torch.rand(1, 3, 96, 96) * 255).attention
    assert torch.allclose(attention.sum(dim=(2, 3)), torch.ones(1, attention.shape[1]), atol=1e-4)
    inner = attention[..., 1:-1, 1:-1]
    assert torch.allclose(inner, inner.flatten()[0].expand_as(inner))
    assert isinstance(net, FineGrained)


def test_a_short_run_leaves_files_that_the_bench_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["path,label,kind,dataset,method,split"]
    for n in range(40):
        cv2.imwrite(str(tmp_path / f"{n}.png"), np.ascontiguousarray(np.roll(portrait(), 3 * n, axis=1)[..., ::-1]))
        lines.append(f"{n}.png,real,image,nasa,,train")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "ablation"
    recipe = Recipe(steps=1, pairs=2, workers=0, minutes=1.0, device="cpu")
    ablation.run(tmp_path, out, recipe, ("full", "with-second-look", "without-attention"))
    monkeypatch.setattr(variants, "FOLDER", out)
    assert variants.available() == ("full", "with-second-look", "without-attention")
    assert len(variants.load("without-attention").ask([portrait()[:160, :160]] * 3).logits) == 3
    card = variants.load("with-second-look").card
    assert "reenact" in card.origin
    assert 0.0 <= card.details["numbers"]["held_out_auc"] <= 1.0
