"""A panel seen from the side: the part of it that is seen at a larger angle is darker."""

import numpy as np
from numpy.typing import NDArray

from unforge.channel._linear import light, picture

DISTANCE = 1.0  # of the eye, in widths of the panel
POWER = 1.5


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture as seen from up to 45 degrees to the left or right, without its perspective."""
    if strength <= 0:
        return rgb
    height, width = rgb.shape[:2]
    angle = np.radians(45.0 * strength) * rng.choice((-1.0, 1.0))
    y, x = np.mgrid[0:height, 0:width] / width
    eye = (0.5 + DISTANCE * np.sin(angle), height / width / 2, DISTANCE * np.cos(angle))
    return picture(light(rgb) * seen(x, y, eye, POWER)[..., None].astype(np.float32))


def seen(
    x: NDArray[np.float64], y: NDArray[np.float64], eye: tuple[float, float, float], power: float
) -> NDArray[np.float64]:
    """Light of points (x, y) of a panel towards an eye (right, down, away): the cosine of its angle to this power."""
    right, down, away = eye
    distance = np.sqrt((x - right) ** 2 + (y - down) ** 2 + away**2)
    return np.asarray((away / distance) ** power)
