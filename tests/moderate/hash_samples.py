"""Pictures made by code that have detail in all sizes, as photographs have."""

import cv2
import numpy as np
from numpy.typing import NDArray


def waves(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    """A few waves and a little noise; what the published hashes were made of, so never change it."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width])[:, None, None]
    waves = sum(
        rng.uniform(0.3, 1)
        * np.sin(2 * np.pi * (rng.uniform(-6, 6) * x + rng.uniform(-6, 6) * y) + rng.uniform(0, 6))[..., None]
        * rng.uniform(-1, 1, 3)
        for _ in range(12)
    )
    return np.clip(128 + 40 * waves + rng.normal(0, 4, (height, width, 3)), 0, 255).astype(np.uint8)


def scene(seed: int, height: int = 360, width: int = 480) -> NDArray[np.uint8]:
    """Clouds of every size and a few plain shapes in front of them."""
    rng = np.random.default_rng([77, seed])
    rgb = np.full((height, width, 3), 128.0, np.float32)
    for cells in (3, 6, 12, 24, 48):
        clouds = rng.normal(0, 90 / cells**0.5, (cells, cells, 3)).astype(np.float32)
        rgb += cv2.resize(clouds, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(6):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (
            int(rng.integers(1 + width // 20, 2 + width // 5)),
            int(rng.integers(1 + height // 20, 2 + height // 5)),
        )
        cv2.ellipse(rgb, centre, axes, float(rng.uniform(0, 180)), 0, 360, rng.uniform(0, 255, 3).tolist(), -1)
    return np.clip(rgb, 0, 255).astype(np.uint8)
