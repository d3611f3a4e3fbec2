"""Cloaks in torch lie where those of the product lie, are pulled at by targets through channels, and are learned."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")

import torch

from tests.faces_samples import portrait
from unforge import weights
from unforge.faces import align
from unforge.protect import cloak, optimise, placing, targets
from unforge.protect.objective import Look, Objective, cropped, l2_mask, laid
from unforge.protect.transit import WAYS, Transit
from unforge.train.recipes import cloak as recipe

REAL = tuple(target for target in targets.all_targets() if target.may_train)


@pytest.fixture(scope="module")
def seen() -> tuple[np.ndarray, np.ndarray]:
    """The portrait in a window, and its mesh."""
    rgb = portrait()
    return placing.window(rgb, cloak.faces(rgb).meshes_px[0], 0.5, np.random.default_rng(1))


def as_tensor(rgb: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(rgb.astype(np.float32)).permute(2, 0, 1)[None]


def noise(levels: float) -> np.ndarray:
    drawn = np.random.default_rng(2).uniform(-levels, levels, (placing.SIDE_PX, placing.SIDE_PX, 3))
    return drawn.astype(np.float32)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.8])
def test_both_ways_of_laying_a_cloak_agree(share: float) -> None:
    rgb, mesh = placing.window(portrait(), cloak.faces(portrait()).meshes_px[0], share, np.random.default_rng(1))
    square = placing.square(mesh)
    wanted = placing.laid(rgb, [(placing.smoothed(noise(12.0)), square)])
    got = laid(as_tensor(rgb), as_tensor(noise(12.0)), [square])[0].permute(1, 2, 0).numpy()
    assert np.abs(got - wanted).mean() < 0.3
    assert np.abs(got - wanted).max() <= 2.0


def test_both_ways_of_cutting_a_face_out_agree(seen: tuple[np.ndarray, np.ndarray]) -> None:
    rgb, mesh = seen
    for side_px in (64, 128):
        matrix = align.face_square(mesh, 1.2, side_px)
        got = cropped(as_tensor(rgb), [matrix], side_px)[0].permute(1, 2, 0).numpy()
        assert np.abs(got - align.warp(rgb, matrix, side_px)).mean() < 2.5


@pytest.mark.parametrize("name", WAYS)
def test_gradients_pass_every_channel(name: str, seen: tuple[np.ndarray, np.ndarray]) -> None:
    asked = as_tensor(seen[0]).requires_grad_(True)
    arrived = WAYS[name](asked, np.random.default_rng(4))
    assert arrived.shape == asked.shape
    assert float((arrived - asked).detach().abs().mean()) < 12.0
    (gradient,) = torch.autograd.grad(arrived.sum(), asked)
    assert float(gradient.mean()) == pytest.approx(1.0, abs=0.05)


def test_the_worst_channel_is_drawn_most() -> None:
    transit, rng = Transit(), np.random.default_rng(5)
    for _ in range(40):
        for name in WAYS:
            transit.learn(name, 2.0 if name == "jpeg" else 0.5)
    drawn = [transit.draw(rng) for _ in range(200)]
    assert drawn.count("jpeg") > 2 * max(drawn.count(name) for name in WAYS if name != "jpeg")
    assert set(drawn) == set(WAYS)


def test_targets_that_see_the_face_pull_and_a_blank_face_satisfies_detectors(
    seen: tuple[np.ndarray, np.ndarray],
) -> None:
    rgb, mesh = seen
    objective = Objective(REAL)
    look = Look(as_tensor(rgb), [mesh])
    missing, parts = objective(look, look.clean)
    assert float(missing) > 1.0
    assert set(parts) == {"full-range", "short-range", "landmarks"}
    _, blank = objective(look, torch.full_like(look.clean, 128.0))
    assert blank["full-range"] == blank["short-range"] == 0.0
    asked = look.clean.clone().requires_grad_(True)
    objective(look, asked)[0].sum().backward()
    assert float(asked.grad.abs().max()) > 0.0  # type: ignore[union-attr]


def test_l2_mask_counts_edited_pixels_alone() -> None:
    made, wanted = torch.zeros(1, 2, 3, 4, 4), torch.zeros(1, 2, 3, 4, 4)
    made[0, 0, :, :2] = 0.5
    mask = torch.zeros(1, 2, 1, 4, 4)
    mask[0, 0, :, :2] = 1.0
    np.testing.assert_allclose(l2_mask(made, wanted, mask).numpy(), [[0.25, 0.0]])


def test_optimised_cloaks_are_repeatable_bounded_and_go_down(seen: tuple[np.ndarray, np.ndarray]) -> None:
    rgb, mesh = seen
    drawn = cloak.Cloak()
    told: list[float] = []
    once, again = (
        optimise.picture(rgb, [mesh], drawn, REAL, steps=6, seed=1, on_progress=told.append) for _ in range(2)
    )
    assert np.array_equal(once, again)
    assert np.abs(once.astype(int) - rgb).max() <= drawn.most_levels
    assert told[5] == 1.0
    objective, look = Objective(REAL), Look(as_tensor(rgb), [mesh])
    before, after = (float(objective(look, as_tensor(one))[0]) for one in (rgb, once))
    assert after < before


def test_the_recipe_learns_exports_and_goes_on(tmp_path: Path, seen: tuple[np.ndarray, np.ndarray]) -> None:
    rgb, mesh = seen
    windows = recipe.Windows(np.stack([rgb] * 3), np.stack([mesh] * 3))
    objective = Objective(REAL[:1])
    told = recipe.Recipe(minutes=60.0, steps=2, pictures=2)
    recipe.train(windows, tmp_path, told, objective)
    net = recipe.train(windows, tmp_path, recipe.Recipe(minutes=60.0, steps=3, pictures=2), objective, resume=True)
    recipe.finish(net, tmp_path, ["full-range"])
    import onnxruntime

    session = onnxruntime.InferenceSession(str(tmp_path / "cloak.onnx"))
    (made,) = session.run(None, {"rgb": np.zeros((2, 3, placing.SIDE_PX, placing.SIDE_PX), np.float32)})
    assert made.shape == (2, 3, placing.SIDE_PX, placing.SIDE_PX)
    assert np.abs(made).max() < 1.0
    assert (tmp_path / "cloak.onnx").stat().st_size <= 500_000


def test_batches_are_functions_of_seed_and_step(seen: tuple[np.ndarray, np.ndarray]) -> None:
    windows = recipe.Windows(np.stack([seen[0]] * 4), np.stack([seen[1]] * 4))
    told = recipe.Recipe(pictures=2)
    first = recipe.batches(windows, told, 0)
    next(first)
    assert torch.equal(next(first)[0], next(recipe.batches(windows, told, 1))[0])


def test_the_card_says_what_it_was_made_against() -> None:
    known = {target.name for target in targets.all_targets()}
    assert known & set(weights.card("cloak").details["against"])
