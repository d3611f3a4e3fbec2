"""Sensor noise: a shot part that grows with the light, and a constant read part."""

import numpy as np
from numpy.typing import NDArray


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture with Gaussian noise of up to 12 grey levels at full light, half of that in the dark."""
    if strength <= 0:
        return rgb
    light = rgb.astype(np.float32)
    sigma = 12.0 * strength * np.sqrt(0.25 + 0.75 * light / 255.0)
    noisy = light + sigma * rng.standard_normal(rgb.shape, np.float32)
    return np.asarray(np.clip(np.round(noisy), 0, 255), np.uint8)
