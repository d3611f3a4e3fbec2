"""Cameras: what their lenses, sensors and programs do to light."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unforge.channel.crosstalk import FILTERS
from unforge.errors import UsageError


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera with its program. Lengths in pixels are pixels of the sensor.

    Blur, noise, smoothing and sharpening of the presets were set by hand so that the texture of simulated photographs
    is like that of 22 real ones. They are plausible, not measured on any sensor.

    size_wh: of the sensor, both sides even.
    focal_mm: equivalent to 35 mm film. distortion: by how much a corner is moved, see `_view.bent`.
    psf_px: standard deviation of the lens's blur; 0.45 to 0.9 in focus, 1.5 to 3 out of focus.
    vignette: light lost in the corners.
    sensitivity: of the red, green and blue pixels to the white of a screen.
    crosstalk: light of the panel's red, green and blue (columns) that passes each filter (rows).
    exposure: signal of the panel's white, 1 at full scale; None meters the scene.
    shot: variance at full scale. read: standard deviation in the dark. Both are of a signal that is not amplified.
    white_balance_error: largest wrong gain of red and blue.
    luma_denoise: range of the edge-keeping average over luma, as a multiple of the noise.
    chroma_denoise_px: standard deviation of the blur over chroma; it grows with the root of an amplification, as the
        noise does.
    sharpening: gain of the unsharp mask. contrast: strength of the S-shaped tone curve.
    long_side_px: the picture is reduced to this side; None keeps it.
    jpeg_qualities: of the codings that the picture goes through, in order; () for none.
    """

    size_wh: tuple[int, int] = (4032, 3024)
    focal_mm: float = 26.0
    distortion: float = 0.01
    psf_px: float = 0.75
    vignette: float = 0.15
    sensitivity: tuple[float, float, float] = (0.6, 1.0, 0.65)
    crosstalk: tuple[tuple[float, float, float], ...] = FILTERS
    exposure: float | None = None
    shot: float = 1e-4
    read: float = 1.5e-3
    white_balance_error: float = 0.04
    luma_denoise: float = 2.0
    chroma_denoise_px: float = 2.5
    sharpening: float = 0.5
    contrast: float = 0.3
    long_side_px: int | None = None
    jpeg_qualities: tuple[int, ...] = (92,)

    def __post_init__(self) -> None:
        if min(self.size_wh) < 8 or any(side % 2 for side in self.size_wh):
            raise UsageError(f"a sensor's sides must be even and at least 8 px, got {self.size_wh}")
        if not self.psf_px > 0:
            raise UsageError(f"a lens always blurs a little; expected psf_px above 0, got {self.psf_px}")

    @property
    def response(self) -> NDArray[np.float64]:
        """(3, 3) signal of red, green and blue pixels (rows) by red, green and blue light (columns)."""
        return np.asarray(np.array(self.sensitivity)[:, None] * np.array(self.crosstalk), np.float64)

    @classmethod
    def phone(cls) -> "Camera":
        """A phone of these years: 12 megapixels, 26 mm."""
        return cls()

    @classmethod
    def old_phone(cls) -> "Camera":
        """A phone of ten years ago: 5 megapixels, a softer lens, more noise, and more smoothing against it."""
        return cls(
            size_wh=(2592, 1944),
            focal_mm=30.0,
            psf_px=0.9,
            shot=4e-4,
            read=3e-3,
            vignette=0.25,
            white_balance_error=0.08,
            chroma_denoise_px=3.0,
            sharpening=0.9,
            jpeg_qualities=(88,),
        )

    @classmethod
    def web(cls) -> "Camera":
        """A phone's picture after a messenger: 1600 px, coded twice at quality 60."""
        return cls(long_side_px=1600, jpeg_qualities=(92, 60, 60))
