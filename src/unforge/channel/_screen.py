"""A panel: how code values become light, and where in a pixel the light of each primary comes out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unforge.channel.gamma import light
from unforge.errors import UnknownName, UsageError

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """The openings of one pixel; whatever the opening, a primary sends out the same light.

    boxes: for red, green and blue (left, top, right, bottom) in pixels from the pixel's upper left corner.
    shared: red and blue take turns from pixel to pixel, so that each has half as many openings as green.
    diffusion_px: standard deviation of the blur by a matte front, in screen pixels.
    """

    boxes: tuple[Box, Box, Box]
    shared: bool = False
    diffusion_px: float = 0.0


# Stripes of a third of a pixel behind a black matrix of 12 %: 0.940 x 0.936 open.
_STRIPES = ((0.010, 0.032, 0.323, 0.968), (0.343, 0.032, 0.657, 0.968), (0.677, 0.032, 0.990, 0.968))
_WHOLE = (0.0, 0.0, 1.0, 1.0)
# Diamonds taken as squares: green small and everywhere, red and blue large and in turns.
_DIAMONDS = ((0.05, 0.45, 0.50, 0.95), (0.60, 0.05, 0.92, 0.45), (0.05, 0.45, 0.50, 0.95))

LAYOUTS = {
    "none": Layout((_WHOLE, _WHOLE, _WHOLE)),
    "rgb": Layout(_STRIPES),
    "bgr": Layout((_STRIPES[2], _STRIPES[1], _STRIPES[0])),
    "pentile": Layout(_DIAMONDS, shared=True),
    "matte": Layout(_STRIPES, diffusion_px=0.35),
}


@dataclass(frozen=True, slots=True)
class Screen:
    """A display and the room that it stands in. Light is counted in units of the panel's own white.

    ppi: pixels per inch.
    layout: arrangement of the sub-pixels: none, rgb, bgr, pentile or matte.
    gamma: exponent from code value to light. black: light of code value 0, as a fraction of white.
    falloff: light at an angle is its cosine to this power.
    bezel_cm: width of the dark frame around the picture.
    room: light of a white wall behind the screen.
    veil: light of the room that the front scatters over the picture.
    glare: light of a lamp's reflection at its brightest; where it lies is drawn.
    bands: depth of the dark bands that a dimmed backlight leaves in rows read one after another.
    """

    ppi: float = 96.0
    layout: str = "rgb"
    gamma: float = 2.2
    black: float = 0.001
    falloff: float = 1.5
    bezel_cm: float = 1.2
    room: float = 0.12
    veil: float = 0.01
    glare: float = 0.0
    bands: float = 0.0

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise UnknownName("sub-pixel layout", self.layout, LAYOUTS)
        if not self.ppi > 0:
            raise UsageError(f"a screen's density must be above 0 pixels per inch, got {self.ppi}")

    @property
    def pitch_cm(self) -> float:
        """Distance from one pixel to the next."""
        return 2.54 / self.ppi

    @property
    def subpixels(self) -> Layout:
        """Where the light comes out."""
        return LAYOUTS[self.layout]

    def light(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Mean light of every pixel and primary: (3, H, W), 1 at white. rgb: (H, W, 3) uint8."""
        curve = light(np.arange(256) / 255.0, self.gamma, self.black).astype(np.float32)
        planes = curve[np.ascontiguousarray(rgb.transpose(2, 0, 1))]
        if self.subpixels.shared:
            planes[0], planes[2] = (_taking_turns(planes[primary], primary // 2) for primary in (0, 2))
        return planes


def _taking_turns(plane: NDArray[np.float32], parity: int) -> NDArray[np.float32]:
    """Light of a primary that every other pixel has: each opening shows its own pixel and its neighbour's."""
    neighbour = np.concatenate([plane[:, 1:], plane[:, -1:]], axis=1)
    lit = np.add.outer(*map(np.arange, plane.shape)) % 2 == parity
    return np.where(lit, plane + neighbour, 0.0).astype(np.float32)
