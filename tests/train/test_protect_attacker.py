"""The adaptive attacker: an editor retrained on protected pictures forgives the cloak, and stays as it was."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")
pytest.importorskip("onnx")

import torch
from onnx import TensorProto, helper, numpy_helper, save

from tests.film_samples import still
from unforge.bench import _protect_attacker as attacker
from unforge.errors import UsageError
from unforge.protect.judge import Pair
from unforge.protect.targets import Picture, Points, Target, aligned


@pytest.fixture
def editor(tmp_path: Path) -> Target:
    """A network of one layer that passes on what it sees: whatever is added comes out again."""
    weight = numpy_helper.from_array(np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1), "weight")
    bias = numpy_helper.from_array(np.full(3, 0.2, np.float32), "bias")
    shape = numpy_helper.from_array(np.array([-1, 1, 3, 64, 64]), "shape")
    nodes = [
        helper.make_node("Conv", ["rgb", "weight", "bias"], ["edited"]),
        helper.make_node("Reshape", ["edited", "shape"], ["made"]),
    ]
    rgb = helper.make_tensor_value_info("rgb", TensorProto.FLOAT, ["N", 3, 64, 64])
    made = helper.make_tensor_value_info("made", TensorProto.FLOAT, ["N", 1, 3, 64, 64])
    path = tmp_path / "editor-1.onnx"
    save(helper.make_model(helper.make_graph(nodes, "editor", [rgb], [made], [weight, bias, shape])), path)

    def respond(picture: Picture, mesh_px: Points) -> NDArray[np.float32]:
        return aligned(picture, mesh_px)[None] + np.float32(0.2)

    return Target("editor-1", "editor", True, path, True, respond)


def pairs(count: int) -> list[Pair]:
    """A cloak that any program could learn to undo: the picture is darker."""
    rgb, mesh_px = still()
    lit = [np.clip(rgb * (0.8 + 0.05 * n), 0, 255).astype(np.uint8) for n in range(count)]
    return [Pair(one, np.asarray(one - one // 6, np.uint8), (mesh_px,)) for one in lit]


def test_retraining_moves_the_answer_to_cloaked_faces_towards_that_to_bare_ones(
    editor: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attacker, "STEPS", 60)
    monkeypatch.setattr(attacker, "RATE", 3e-3)
    torch.manual_seed(0)
    told: list[float] = []
    taught = attacker.fine_tuned(editor, pairs(3), lambda what, done: told.append(done))
    (probe,) = pairs(1)
    wanted = editor.respond(probe.original, probe.meshes_px[0])
    before, after = (
        float(np.abs(one.respond(probe.protected, probe.meshes_px[0]) - wanted).mean()) for one in (editor, taught)
    )
    assert after < before
    assert taught.respond(probe.original, probe.meshes_px[0]).shape == wanted.shape
    assert (taught.name, taught.network, taught.may_train) == ("editor-1", None, False)
    assert told[-1] == 1.0


def test_retraining_needs_a_network_and_pictures(editor: Target) -> None:
    with pytest.raises(UsageError, match="a pair or more"):
        attacker.fine_tuned(editor, [])
