"""A judging network as protocols see it: faces in, logits and whatever else it says out.

`finegrained` and the peers differ in what they say beside the logit; the card tells how they are fed.
"""

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unforge import detect, weights
from unforge.errors import WeightsError
from unforge.faces import align
from unforge.weights import Card
from unforge.weights.calibration import Calibration

if TYPE_CHECKING:
    import onnxruntime

BATCH = 32
CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Answers:
    """What a network says of N faces.

    logits: (N,). masks: (N, h, w) logits, or None if it shows no place. artefacts: (N, A) logits, or None.
    """

    logits: NDArray[np.float64]
    masks: NDArray[np.float32] | None
    artefacts: NDArray[np.float32] | None


class Network:
    """A file with its card, run on the CPU.

    content: the ONNX file; another one than the card's where a protocol has altered it. threads: of the runtime.
    """

    def __init__(self, card: Card, content: bytes, threads: int = 1) -> None:
        self.card, self.content, self.threads = card, content, threads

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def size_px(self) -> int:
        return int(self.card.details["size_px"])

    @property
    def margin(self) -> float:
        return float(self.card.details["margin"])

    @property
    def mask_threshold(self) -> float:
        """The mask logit from which on a place counts as marked."""
        return float(self.card.details.get("mask_threshold", 0.0))

    @cached_property
    def calibration(self) -> Calibration:
        """What a logit is worth; of several for looks of different quality, that for clear ones."""
        data = self.card.details["calibration"]
        if "slope" not in data:
            data = data[CLEAR] if CLEAR in data else next(iter(data.values()))
        return Calibration.from_card(data)

    @cached_property
    def session(self) -> "onnxruntime.InferenceSession":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(self.content, options, providers=["CPUExecutionProvider"])

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        return tuple(output.name for output in self.session.get_outputs())

    def view(
        self, rgb: NDArray[np.uint8], landmarks_px: NDArray[np.float32], margin: float | None = None
    ) -> NDArray[np.uint8]:
        """(size_px, size_px, 3): what the network sees of a mesh (468, 2) in a picture or a crop."""
        matrix = align.face_square(landmarks_px, self.margin if margin is None else margin, self.size_px)
        return align.warp(rgb, matrix, self.size_px)

    def ask(self, views: Sequence[NDArray[np.uint8]]) -> Answers:
        """What it says of views (size_px, size_px, 3), one or more."""
        wanted = [name for name in ("logit", "mask", "artefacts") if name in self.outputs]
        parts = []
        for start in range(0, len(views), BATCH):
            fed = np.stack(views[start : start + BATCH]).transpose(0, 3, 1, 2).astype(np.float32)
            parts.append(self.session.run(wanted, {self.session.get_inputs()[0].name: fed}))
        joined = {name: np.concatenate([part[n] for part in parts]) for n, name in enumerate(wanted)}
        return Answers(joined["logit"].reshape(-1).astype(np.float64), joined.get("mask"), joined.get("artefacts"))

    def heats(self, masks: NDArray[np.float32]) -> NDArray[np.float64]:
        """Mask logits as heat in [0, 1]; 0.5 is where a place begins to count as marked."""
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(masks.astype(np.float64) - self.mask_threshold, -30.0, 30.0))))


def packaged(name: str, threads: int = 1) -> Network:
    """A network of the package, verified. Raises UnknownName, WeightsError."""
    return Network(weights.card(name), weights.verified(name), threads)


def judging(examiners: Sequence[str] | None) -> tuple[Network, ...]:
    """The networks of the examiners named (all by default) that judge faces: their cards tell a view."""
    names = [
        model
        for examiner in (detect.available() if examiners is None else examiners)
        for model in detect.load(examiner).models
        if {"size_px", "margin"} <= set(weights.card(model).details)
    ]
    return tuple(packaged(name) for name in dict.fromkeys(names))


def from_folder(folder: Path, name: str, advice: str) -> Network:
    """A network outside of the package: NAME.onnx with its card NAME.toml.

    Raises WeightsError, with the advice, where one of both is missing, and where the SHA-256 differs.
    """
    try:
        data = tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))
        content = (folder / f"{name}.onnx").read_bytes()
    except OSError as cause:
        raise WeightsError(f"weights {name!r}: expected {name}.onnx and {name}.toml in {folder}; {advice}") from cause
    fields = ("name", "file", "sha256", "licence", "origin", "purpose", "feed")
    missing = [field for field in fields if field not in data]
    if missing:
        raise WeightsError(f"weights card {name!r}: expected the fields {', '.join(missing)}; they are missing")
    card = Card(**{field: data.pop(field) for field in fields}, details=data)
    got = hashlib.sha256(content).hexdigest()
    if got != card.sha256:
        raise WeightsError(f"weights {name!r}: expected SHA-256 {card.sha256}, {name}.onnx has {got}; {advice}")
    return Network(card, content)
