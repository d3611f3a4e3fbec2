"""`ablation`: the recipe of `finegrained` again and again, each time with one thing changed, on the same short budget.

What a part is worth shows when it is left out. The first stage alone: labelled forgeries would hide what pseudo-fakes
teach. `unforge bench ablation` and `unforge bench leave-one-family-out` measure the files on the validation split.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unforge.detect import finegrained as detector
from unforge.nets.finegrained import MAPS, FineGrained
from unforge.train import card, datasets, export
from unforge.train.material import Material, allowed
from unforge.train.recipes import finegrained
from unforge.train.recipes.finegrained import FAMILIES, WEIGHTS, Recipe
from unforge.train.verify import PLAIN_VIEW, by_net, held_out_pairs, measure, view

STEPS = 200  # batches of 16 pairs for each variant
FULL = "full"
Change = Callable[[Recipe], Recipe]


class Unattending(FineGrained):
    """The net with even attention: texture is pooled over the whole face."""

    def _attention(self, deep: Tensor) -> Tensor:
        inner = F.pad(torch.ones_like(deep[:, :MAPS, 1:-1, 1:-1]), (1, 1, 1, 1))
        return inner / inner.sum(dim=(2, 3), keepdim=True)


def without_family(family: str) -> str:
    """The name of the variant that has never seen a family."""
    return f"without-{family.replace('_', '-')}"


def _weighted(**weights: float) -> Change:
    named = {name.replace("_", " "): weight for name, weight in weights.items()}
    return lambda recipe: replace(recipe, weights={**WEIGHTS, **named})


def _lacking(family: str) -> Change:
    return lambda recipe: replace(recipe, families={name: n for name, n in FAMILIES.items() if name != family})


VARIANTS: Mapping[str, Change] = {
    FULL: lambda recipe: recipe,
    "without-attention": lambda recipe: replace(recipe, net=Unattending, weights={**WEIGHTS, "attention": 0.0}),
    "without-mask": _weighted(mask=0.0, attention=0.0),
    "with-second-look": _weighted(second_look=0.8),
    **{without_family(family): _lacking(family) for family in FAMILIES},
}


def main(
    data: Path,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 1,
    on_progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Train and export every variant; returns the folder with NAME.onnx and NAME.toml of each.

    data: a folder with a `manifest.csv`. minutes: a bound for each variant beside its 200 batches. resume: go on from
    the last checkpoints. The bench looks for the files in `results/ablation`.
    """
    recipe = Recipe(steps=STEPS, seed=seed, minutes=minutes or 60.0, frozen_blocks=2)
    return run(data, out, recipe, tuple(VARIANTS), resume, on_progress)


def run(
    data: Path,
    out: Path,
    recipe: Recipe,
    names: tuple[str, ...],
    resume: bool = False,
    on_progress: Callable[[str, float], None] | None = None,
) -> Path:
    """The variants named, one after the other; face crops go to `out / store`."""
    samples = [sample for sample in datasets.index("manifest", data) if allowed(sample)]
    material = Material.of(samples, out / "store", on_progress)
    for n, name in enumerate(names):

        def tell(what: str, share: float, n: int = n, name: str = name) -> None:
            if on_progress is not None:
                on_progress(f"{name}: {what}", (n + share) / len(names))

        changed = VARIANTS[name](recipe)
        net = finegrained.learn_pairs(material, out / name, changed, resume, tell)
        _finish(name, net, material, changed, out)
    return out


def _finish(name: str, net: nn.Module, material: Material, recipe: Recipe, out: Path) -> None:
    """The file with a short card: the same held-out pairs of all families for every variant."""
    store, path, families = material.store, out / f"{name}.onnx", ", ".join(recipe.families)
    example = np.stack([view(store.crops[n], store.landmarks_px[n]) for n in range(4)]).transpose(0, 3, 1, 2)
    export.export(net, path, PLAIN_VIEW.size_px, detector.OUTPUTS, torch.from_numpy(example.astype(np.float32)))
    made = held_out_pairs(store, material.held_out, material.donors, tuple(FAMILIES), most=600)
    card.write(
        out / f"{name}.toml",
        {
            "name": name,
            "version": f"{name}-1",
            "file": path.name,
            "sha256": export.sha256(path),
            "licence": "for comparison only; trained on sets of which some allow research only",
            "origin": f"trained by unforge (train/recipes/ablation.py), {recipe.steps} batches, {families}",
            "purpose": "one thing of `finegrained` changed, to show what it is worth; not part of the program",
            "feed": f"(N, 3, {PLAIN_VIEW.size_px}, {PLAIN_VIEW.size_px}) float32 RGB in 0..255",
            "size_px": PLAIN_VIEW.size_px,
            "margin": PLAIN_VIEW.margin_low,
            "mask_threshold": 0.0,
            "numbers": measure(by_net(net), made),
        },
    )
