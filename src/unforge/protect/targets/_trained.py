"""A network that was trained here, as a target: whatever of its kind is in the folder."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unforge.errors import WeightsError
from unforge.protect.targets import Kind, Picture, Points, Target, aligned


def trained(folder: Path | None, name: str, kind: Kind, may_train: bool) -> tuple[Target, ...]:
    """The network `folder / name.onnx`, run on one thread; none where it is not there.

    Raises WeightsError if the file cannot be run.
    """
    path = None if folder is None else folder / f"{name}.onnx"
    if path is None or not path.is_file():
        return ()
    session = _session(path)

    def respond(rgb: Picture, mesh_px: Points) -> NDArray[np.float32]:
        answers = session.run(None, {"rgb": aligned(rgb, mesh_px)[None]})
        return np.asarray(answers[0][0], np.float32)

    return (Target(name, kind, is_trained_here=True, network=path, may_train=may_train, respond=respond),)


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no common base
        raise WeightsError(f"{path}: expected a network that `unforge train targets` has written; {error}") from error
