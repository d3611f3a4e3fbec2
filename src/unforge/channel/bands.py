"""Dark bands of a dimmed backlight, which flickers while the sensor is read row by row."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unforge.channel._linear import light, picture

HEIGHTS = (0.03, 0.2)  # of the picture: 250 Hz to 1.6 kHz where reading it takes 1/50 s


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture with bands of up to 20 % of the light; their height and place are drawn."""
    if strength <= 0:
        return rgb
    left = Bands.drawn(rgb.shape[0], rng).kept(np.arange(float(rgb.shape[0])), 0.2 * strength)
    return picture(light(rgb) * left[:, None, None].astype(np.float32))


@dataclass(frozen=True, slots=True)
class Bands:
    """height_px: from one band to the next. phase: place of the first, in heights."""

    height_px: float
    phase: float

    @classmethod
    def drawn(cls, picture_height_px: int, rng: np.random.Generator) -> "Bands":
        """Bands of some backlight."""
        return cls(picture_height_px * rng.uniform(*HEIGHTS), rng.random())

    def kept(self, rows: NDArray[np.float64], depth: float) -> NDArray[np.float64]:
        """Share of the light in these rows, 1 - depth in the middle of a band."""
        return np.asarray(1.0 - depth * (0.5 + 0.5 * np.sin(2 * np.pi * (rows / self.height_px + self.phase))))
