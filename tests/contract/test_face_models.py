"""The face networks are the ones that `scripts/remake_face_models.py` makes, in the canonical form."""

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from unforge import weights

SCRIPT = Path(__file__).parents[2] / "scripts" / "remake_face_models.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("remake_face_models", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_script_card_and_file_agree_on_every_face_network(script: ModuleType) -> None:
    for model in script.MODELS:
        assert weights.card(model.name).sha256 == model.onnx_sha256
        assert hashlib.sha256(weights.verified(model.name)).hexdigest() == model.onnx_sha256


def test_the_shipped_files_are_in_the_canonical_form(script: ModuleType) -> None:
    pytest.importorskip("onnx", reason="the canonical form is read with onnx (train extra)")
    for model in script.MODELS:
        shipped = weights.verified(model.name)
        assert script.canonical(shipped) == shipped


def test_names_order_and_comments_do_not_change_the_canonical_form(script: ModuleType) -> None:
    onnx = pytest.importorskip("onnx", reason="the canonical form is read with onnx (train extra)")
    shipped = weights.verified("face_detection_short_range")
    other = onnx.load_model_from_string(shipped)
    other.graph.doc_string = "made in a folder"
    for node in other.graph.node:
        node.name += "/again"
        for names in (node.input, node.output):
            names[:] = [f"x{name}" if name.startswith("t") else name for name in names]
    tensors = list(reversed(other.graph.initializer))
    for tensor in tensors:
        tensor.name = f"x{tensor.name}"
    other.graph.ClearField("initializer")
    other.graph.initializer.extend(tensors)
    assert script.canonical(other.SerializeToString()) == shipped
