"""What falls on the sensor: the light of a panel's sub-pixels through lens, colour filter and pixel area.

Sub-pixel, blur of the lens and area of a sensor pixel make one kernel with a closed form, a box convolved with a
Gaussian. It makes the light on a grid fine enough for all that the lens lets through, and the sensor samples that once
through its filters. Moire comes from this sampling and from nothing else. No point is drawn at random: nine random
points in a pixel of the panel were seen to take a mark's bits from 98 to 54 % right.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.special import erf

from unforge.channel._room import Light, Room, Sight, by_filter
from unforge.channel._screen import Layout
from unforge.channel._sensor import SITES
from unforge.channel._view import Coordinates, View, corner_share, jacobian
from unforge.channel.vignette import kept

TILE_PX = 128  # of the sensor; the kernel is the same within, and differs by 1 or 2 % to the next at 30 degrees
GRID_PER_SENSOR_PX = 2.0  # at psf 0.55 the lens passes 5e-4 of what oscillates faster than such a grid can show
REACH_SIGMAS = 4.0
TAPS_PX = 2  # grid points beside the outermost that the cubic interpolation asks for
AREA_VARIANCE = 1.0 / 12.0  # of a square of side 1


@dataclass(frozen=True, slots=True)
class Panel:
    """A picture as a panel shows it: (3, H, W) mean light of every pixel and primary, and where it comes out."""

    light: Light
    layout: Layout


@dataclass(frozen=True, slots=True)
class Optics:
    """From light to signal.

    psf_px: standard deviation of the lens's blur in sensor pixels. vignette: share of light lost in the corners.
    response: (3, 3) signal of red, green and blue sensor pixels (rows) by the panel's primaries (columns).
    """

    psf_px: float
    vignette: float
    response: NDArray[np.float64]


def exposed(panel: Panel, room: Room, view: View, optics: Optics) -> Light:
    """(h, w) signal of every sensor pixel behind its filter, in the order RGGB."""
    width, height = view.photo_wh
    mosaic = np.empty((height, width), np.float32)
    grey = by_filter(optics.response, (1.0, 1.0, 1.0), (TILE_PX, TILE_PX))
    for rows, columns in _tiles(width, height):
        sight = _sight(view, rows, columns)
        shown = _shown(panel, view, optics, sight)
        signal = room.lit(shown, sight, view, grey[: shown.shape[0], : shown.shape[1]], optics.response)
        mosaic[rows, columns] = signal * kept(corner_share(sight.x, sight.y, view.photo_wh), optics.vignette)
    return mosaic


def _tiles(width: int, height: int) -> Iterator[tuple[slice, slice]]:
    for top in range(0, height, TILE_PX):
        for left in range(0, width, TILE_PX):
            yield slice(top, min(top + TILE_PX, height)), slice(left, min(left + TILE_PX, width))


def _sight(view: View, rows: slice, columns: slice) -> Sight:
    y, x = np.mgrid[rows, columns].astype(np.float64)
    u, v, ahead = view.on_screen(x, y)
    return Sight(x, y, u, v, ahead, float(np.hypot(*_spot(view, x, y)) / np.sqrt(2)))


def _spot(view: View, x: Coordinates, y: Coordinates) -> tuple[float, float]:
    """Standard deviations across and down the screen, in its pixels, of a round spot of 1 px in a tile's middle."""
    across, down = jacobian(view.photo_to_screen, float(x.mean()), float(y.mean()))
    return float(np.hypot(*across)), float(np.hypot(*down))


def _shown(panel: Panel, view: View, optics: Optics, sight: Sight) -> Light:
    """(h, w) signal of a tile by the panel alone."""
    mosaic = np.zeros(sight.u.shape, np.float32)
    if not sight.ahead.all():  # beside the horizon of the screen's plane there is no screen
        return mosaic
    blur_px = np.sqrt(optics.psf_px**2 + AREA_VARIANCE)
    spot_px = _spot(view, sight.x, sight.y)
    across, down = (
        _Axis.over(seen, count, spot, np.hypot(blur_px * spot, panel.layout.diffusion_px))
        for seen, count, spot in zip((sight.u, sight.v), panel.light.shape[:0:-1], spot_px, strict=True)
    )
    if across.empty or down.empty:
        return mosaic
    filtered = _filtered(panel, across, down, optics.response)
    grid_u, grid_v = across.on_grid(sight.u), down.on_grid(sight.v)
    for row, column, colour in SITES:
        site = (slice(row, None, 2), slice(column, None, 2))
        mosaic[site] = cv2.remap(
            filtered[colour],
            np.ascontiguousarray(grid_u[site]),
            np.ascontiguousarray(grid_v[site]),
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_CONSTANT,
        )
    return mosaic


def _filtered(panel: Panel, across: "_Axis", down: "_Axis", response: NDArray[np.float64]) -> Light:
    """(3, rows, columns) of the grid: light behind the red, green and blue filter, blurred."""
    pixels = panel.light[:, down.pixels, across.pixels]
    columns = np.stack([across.kernels(left, right) for left, _, right, _ in panel.layout.boxes])
    rows = np.stack([down.kernels(top, bottom) for _, top, _, bottom in panel.layout.boxes])
    emitted = rows.transpose(0, 2, 1) @ (pixels @ columns)
    return np.asarray(np.tensordot(response.astype(np.float32), emitted, 1), np.float32)


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis of a tile's grid on the screen.

    first_px: the screen pixel in whose middle the grid begins. count: grid points. per_px: of them in a screen pixel.
    pixels: the screen pixels whose light reaches the grid. sigma_px: of the blur, in screen pixels.
    """

    first_px: int
    count: int
    per_px: int
    pixels: slice
    sigma_px: float

    @classmethod
    def over(cls, seen: Coordinates, n_pixels: int, spot_px: float, sigma_px: float) -> "_Axis":
        """The axis that holds all coordinates `seen` of a screen of n_pixels."""
        per_px = max(1, int(np.ceil(GRID_PER_SENSOR_PX / spot_px)))
        reach = int(np.ceil(0.5 + REACH_SIGMAS * sigma_px))
        margin = int(np.ceil(TAPS_PX / per_px))
        first = max(int(np.floor(seen.min())) - margin, -reach)
        last = min(int(np.ceil(seen.max())) + margin, n_pixels - 1 + reach)
        lit = slice(max(first - reach, 0), min(last + reach + 1, n_pixels))
        return cls(first, (last - first) * per_px + 1, per_px, lit, sigma_px)

    @property
    def empty(self) -> bool:
        """No light of the screen comes here."""
        return self.count <= 0 or self.pixels.stop <= self.pixels.start

    def on_grid(self, seen: Coordinates) -> Light:
        """Screen coordinates as indices of grid points."""
        return ((seen - self.first_px) * self.per_px).astype(np.float32)

    def kernels(self, low: float, high: float) -> Light:
        """(n, count) what every pixel n gives every grid point; openings from low to high, from the pixel's edge.

        The columns are one kernel moved by whole steps, so that it is computed once. Its integral over a pixel is 1
        whatever the opening: a smaller one is brighter.
        """
        n_pixels = self.pixels.stop - self.pixels.start
        steps = np.arange(self.count + self.per_px * (n_pixels - 1)) - self.per_px * (n_pixels - 1)
        offsets_px = steps / self.per_px + (self.first_px - self.pixels.start)
        upper, lower = (erf((offsets_px - edge + 0.5) / (np.sqrt(2) * self.sigma_px)) for edge in (low, high))
        kernel = ((upper - lower) / (2 * (high - low))).astype(np.float32)
        return np.ascontiguousarray(sliding_window_view(kernel, self.count)[:: -self.per_px][:n_pixels])
