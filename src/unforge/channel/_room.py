"""What else falls on the sensor: the panel's edge and the plain room around it, reflections, dark bands."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unforge.channel._screen import Screen
from unforge.channel._view import Coordinates, View
from unforge.channel.bands import Bands
from unforge.channel.falloff import seen
from unforge.channel.glare import reflected

Light = NDArray[np.float32]
Colour = tuple[float, float, float]

# Reflectance of matt paint, of wood, and of the plastic of a bezel, by red, green and blue.
WALL: Colour = (1.0, 0.97, 0.92)
DESK: Colour = (0.55, 0.38, 0.25)
BEZEL: Colour = (0.04, 0.04, 0.04)
DESK_BELOW_CM = 6.0  # from the picture's lower edge, as a stand has it


@dataclass(frozen=True, slots=True)
class Room:
    """A screen in its room, with what chance decided.

    glare_at: middle of the lamp's reflection, as fractions of the screen's sides. bands: of its backlight.
    """

    screen: Screen
    glare_at: tuple[float, float]
    bands: Bands

    @classmethod
    def drawn(cls, screen: Screen, photo_height_px: int, rng: np.random.Generator) -> "Room":
        """A room whose lamp and whose backlight's bands are drawn."""
        return cls(screen, (rng.random(), rng.random()), Bands.drawn(photo_height_px, rng))

    @classmethod
    def dark(cls) -> "Room":
        """A room without light, and a panel that is as bright from everywhere."""
        return cls(Screen(falloff=0.0, bezel_cm=0.0, room=0.0, veil=0.0), (0.5, 0.5), Bands(1.0, 0.0))

    def lit(self, shown: Light, sight: "Sight", view: View, grey: Light, response: NDArray[np.float64]) -> Light:
        """The signal (h, w) of one tile: the panel's with its falloff, and all other light.

        shown: (h, w) signal by the panel alone. grey: (h, w) signal of every pixel by white light of 1.
        response: (3, 3) signal of red, green and blue sensor pixels by red, green and blue light.
        """
        signal = np.asarray(shown * self._panel_gain(sight, view), np.float32) if shown.any() else shown
        mirrored = np.asarray(grey * self._reflected(sight, view), np.float32)
        outside = sight.beyond_px(view)
        if outside.max() < -2.0 * sight.scale:
            return signal + mirrored
        return signal + self._surrounded(mirrored, outside, sight, view, response)

    def _panel_gain(self, sight: "Sight", view: View) -> Coordinates:
        falloff = seen(sight.u, sight.v, view.eye_px, self.screen.falloff) if self.screen.falloff else np.ones(())
        return falloff * self.bands.kept(sight.y[:, :1], self.screen.bands)

    def _reflected(self, sight: "Sight", view: View) -> Coordinates | float:
        if self.screen.glare == 0:
            return self.screen.veil
        lamp = reflected(sight.u, sight.v, view.screen_wh, self.glare_at)
        return np.asarray(self.screen.veil + self.screen.glare * lamp)

    def _surrounded(
        self, mirrored: Light, outside: Coordinates, sight: "Sight", view: View, response: NDArray[np.float64]
    ) -> Light:
        """Light that the panel does not make: its own ends softly at its edge by the lens's blur."""
        bezel_px, desk_px = (length / self.screen.pitch_cm for length in (self.screen.bezel_cm, DESK_BELOW_CM))
        in_room = np.where(sight.ahead, _beyond(outside - bezel_px, sight.scale), 1.0)
        on_desk = np.where(sight.ahead, _beyond(sight.v - (view.screen_wh[1] - 0.5 + desk_px), sight.scale), 0.0)
        wall, desk, bezel = (
            self.screen.room * by_filter(response, colour, mirrored.shape) for colour in (WALL, DESK, BEZEL)
        )
        on_panel = 1.0 - _beyond(outside, sight.scale)
        around = bezel + in_room * (wall + on_desk * (desk - wall) - bezel)
        return np.asarray(around + on_panel * (mirrored - around), np.float32)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a tile of the photograph looks at.

    x, y: (h, w) pixels of the photograph. u, v: (h, w) the points of the screen's plane that they see, in its pixels.
    ahead: (h, w) where they see the plane at all. scale: screen pixels per photograph pixel.
    """

    x: Coordinates
    y: Coordinates
    u: Coordinates
    v: Coordinates
    ahead: NDArray[np.bool_]
    scale: float

    def beyond_px(self, view: View) -> Coordinates:
        """(h, w) distance in screen pixels to the picture's nearest edge, negative within."""
        width, height = view.screen_wh
        across = np.abs(self.u - (width - 1) / 2) - width / 2
        down = np.abs(self.v - (height - 1) / 2) - height / 2
        return np.where(self.ahead, np.maximum(across, down), np.inf)


def by_filter(response: NDArray[np.float64], colour: Colour, shape: tuple[int, ...]) -> Light:
    """(h, w) signal of RGGB pixels by even light of one colour."""
    red, green, blue = response @ colour
    cell = np.array([[red, green], [green, blue]], np.float32)
    return np.tile(cell, (shape[0] // 2, shape[1] // 2))


def _beyond(distance: Coordinates, scale: float) -> Coordinates:
    """Share of a pixel that lies beyond an edge; the edge is as soft as one of 2 sensor pixels."""
    return np.clip(0.5 + distance / (2.0 * scale), 0.0, 1.0)
