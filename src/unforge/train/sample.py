"""What training knows of a file before it is opened."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Sample:
    """One file with its label.

    split: "train" or "val"; method: how a fake was made, "" for a real one; dataset: where the file comes from.
    identity: who is in it, as far as known; people who share a forgery are joined by "+".
    central_face: neighbours in the picture may carry another label, only the face in the middle is labelled.
    """

    path: Path
    label: Literal["real", "fake"]
    kind: Literal["image", "video"]
    dataset: str
    method: str
    split: Literal["train", "val"]
    central_face: bool = False
    identity: str = ""
