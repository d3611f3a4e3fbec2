"""What a manipulator does to faces, in figures; the pictures stay here."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unforge import metrics
from unforge.train.targets import attributes
from unforge.train.targets.faces import Pictures, fed

CHANGED = 0.5  # sum over the channels beyond which a place counts as changed: Huang et al., CMUA, AAAI 2022
ROWS = 16  # pictures at a time


def made(session: Any, pictures: Pictures) -> NDArray[np.float32]:
    """(N, A, 3, 64, 64) in [-1, 1]. session: of an exported network; pictures: (N, 64, 64, 3)."""
    rgb = fed(pictures).numpy()
    parts = [session.run(["made"], {"rgb": rgb[n : n + ROWS]})[0] for n in range(0, len(rgb), ROWS)]
    return np.concatenate(parts)


def change(made: NDArray[np.float32], pictures: Pictures) -> dict[str, Any]:
    """Share of the made pictures in which anything has changed, with its interval, and share of all places that have.

    made: (N, A, 3, 64, 64), from pictures (N, 64, 64, 3).
    """
    changed = np.abs(made - fed(pictures).numpy()[:, None]).sum(axis=2) > CHANGED
    share = changed.any(axis=(2, 3)).mean(axis=1)
    low, high = metrics.interval(lambda rows: float(share[rows].mean()), np.zeros(len(share)))
    return {
        "faces": len(pictures),
        "share_changed": float(share.mean()),
        "share_changed_interval": [low, high],
        "area_changed": float(changed.mean()),
    }


def attribute_error(made: NDArray[np.float32]) -> dict[str, float]:
    """Mean distance between what was asked for and what is there, of each attribute; about 0.5 for one not obeyed.

    made: (N, A, 3, 64, 64), one picture for each of attributes.EDITS.
    """
    levels = np.clip(np.round((made + 1.0) * 127.5), 0, 255).astype(np.uint8).transpose(0, 1, 3, 4, 2)
    got = np.stack([attributes.read(levels[:, n]) for n in range(levels.shape[1])], axis=1)
    error = np.abs(got - attributes.EDITS).mean(axis=(0, 1))
    return dict(zip(attributes.ATTRIBUTES, error.tolist(), strict=True))
