"""Networks of which one thing was changed (train/recipes/ablation.py)."""

from pathlib import Path

from unforge.bench import network
from unforge.bench.network import Network
from unforge.errors import UsageError
from unforge.train import fakes

FOLDER = Path("results/ablation")
ADVICE = f"make it with: unforge train ablation --data DIR --out {FOLDER}"
FULL = "full"
PREFIX = "without-"


def load(name: str) -> Network:
    """A variant by name. Raises WeightsError that says how to make it."""
    return network.from_folder(FOLDER, name, ADVICE)


def available() -> tuple[str, ...]:
    """The variants at hand, the full recipe first. Raises UsageError where that is missing."""
    names = sorted(path.stem for path in FOLDER.glob("*.onnx"))
    if FULL not in names:
        raise UsageError(f"ablation: expected {FULL}.onnx in {FOLDER}; {ADVICE}")
    return (FULL, *(name for name in names if name != FULL))


def left_out(name: str) -> str | None:
    """The family that a variant has never seen, or None."""
    family = name.removeprefix(PREFIX).replace("-", "_")
    return family if name.startswith(PREFIX) and family in fakes.available() else None
