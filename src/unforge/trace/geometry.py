"""Where the screen is: from stripes in one window to a map of the whole picture.

A seed gives the map around one window. The map then grows window by window: it says where stripes should be next door,
they are measured there, and the map is fitted again (a homography; Hartley & Zisserman, 2004, section 4.1). What lenses
bend is left to a smooth field of what remains. Windows where the stripes are not as expected stay out: they show
something else than this screen.
"""

import threading
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.trace import search
from unforge.trace.tile import CHIPS, Pilot

STEP_PX = search.SIDE_PX // 2
LEAST_Z = 5.0  # of both fields together, for a window next to accepted ones
REACH_CHIPS = 5.0
MOST_KEPT = 80  # spectra of 5 MB: a picture of 12 megapixels has some 300 windows
FEWEST_FOR_BENDING = 9
REMAINS_CHIPS = 2.0  # from which on a window is an outlier of the map

PERIOD = float(CHIPS)  # of the stripes along u and v
_ALONG = np.array([[1.0, 1.0], [1.0, -1.0]])  # u = x + y, v = x - y

Points = NDArray[np.floating]
Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Anchor:
    """One window in which both fields were found. at_xy: pixels; chips_xy: the screen there; jacobian: (2, 2)."""

    at_xy: Points
    chips_xy: Points
    jacobian: Points
    z: float


@dataclass(frozen=True)
class Map:
    """From pixels of the picture to chips on the screen, up to whole and half tiles.

    homography: (3, 3); bending: (6, 2) coefficients of what is added, in chips; anchors: what it was fitted to.
    scale, middle: of the picture, in which the bending is counted.
    """

    homography: Points
    anchors: tuple[Anchor, ...]
    scale_px: float
    middle_xy: Points
    bending: Points = field(default_factory=lambda: np.zeros((6, 2)))

    def chips(self, at_xy: Points) -> Points:
        """Chips (N, 2) on the screen under points (N, 2)."""
        return _projected(self.homography, at_xy) + self._terms(at_xy) @ self.bending

    def pixels(self, chips_xy: Points) -> Points:
        """Points (N, 2) of the picture over chips (N, 2)."""
        back = np.linalg.inv(self.homography)
        at_xy = _projected(back, chips_xy)
        for _ in range(2):
            at_xy = _projected(back, chips_xy - self._terms(at_xy) @ self.bending)
        return at_xy

    def jacobian(self, at_xy: Points) -> Points:
        """(2, 2) chips per pixel around a point (2,)."""
        steps = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
        right, left, below, above = self.chips(at_xy + steps)
        return np.stack([(right - left) / 2.0, (below - above) / 2.0], axis=1)

    def scaled(self, scale: float) -> "Map":
        """The map of the same picture at another size."""
        by = np.diag([1.0 / scale, 1.0 / scale, 1.0])
        anchors = tuple(replace(a, at_xy=a.at_xy * scale, jacobian=a.jacobian / scale) for a in self.anchors)
        return Map(self.homography @ by, anchors, self.scale_px * scale, self.middle_xy * scale, self.bending)

    @property
    def z(self) -> float:
        """What its windows score on average (root mean square)."""
        return float(np.sqrt(np.mean([anchor.z**2 for anchor in self.anchors])))

    def explains(self, seed: search.Seed) -> bool:
        """Whether a seed lies on the screen of this map: both fields where and as steep as the map has them."""
        at_xy = np.array(seed.centre_xy, np.float64)
        expected, gradients = _ALONG @ self.chips(at_xy[None])[0], _ALONG @ self.jacobian(at_xy)
        for line, along, gradient in zip((seed.u, seed.v), expected, gradients, strict=True):
            away = abs((line.chips - along + PERIOD / 2.0) % PERIOD - PERIOD / 2.0)
            if away > REACH_CHIPS or np.hypot(*(line.gradient - gradient)) > 0.1 * np.hypot(*line.gradient):
                return False
        return True

    def _terms(self, at_xy: Points) -> Points:
        x, y = ((np.asarray(at_xy, np.float64) - self.middle_xy) / self.scale_px).T
        r2 = x * x + y * y
        return np.stack([x * x, x * y, y * y, x * r2, y * r2, r2 * r2], axis=1)


class Windows:
    """The spectra of the windows of one picture; the latest are kept. plane: the carrier (H, W)."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.height, self.width = plane.shape
        self._known: dict[tuple[int, int], search.Spectrum] = {}
        self._lock = threading.Lock()

    def centres(self, step_px: int) -> list[tuple[int, int]]:
        """Middles (x, y) of windows that cover the picture, the middle of the picture first."""
        half = search.SIDE_PX // 2
        places = [(x, y) for y in _spread(self.height, half, step_px) for x in _spread(self.width, half, step_px)]
        middle_x, middle_y = self.width / 2, self.height / 2
        return sorted(places, key=lambda at: (at[0] - middle_x) ** 2 + (at[1] - middle_y) ** 2)

    def spectrum(self, centre_xy: tuple[int, int]) -> search.Spectrum:
        """The whitened spectrum around a middle; what lies beyond the picture is empty."""
        found = self._known.get(centre_xy)
        if found is not None:
            return found
        found = search.spectrum(cut(self.plane, *centre_xy, search.SIDE_PX))
        with self._lock:
            while len(self._known) >= MOST_KEPT:
                del self._known[next(iter(self._known))]
            self._known[centre_xy] = found
        return found


def cut(plane: Plane, x: int, y: int, side: int) -> Plane:
    """A window (side, side) around a pixel, zero beyond the picture."""
    half = side // 2
    window = np.zeros((side, side), np.float32)
    top, left = max(0, y - half), max(0, x - half)
    found = plane[top : max(0, y - half + side), left : max(0, x - half + side)]
    window[top - (y - half) :, left - (x - half) :][: found.shape[0], : found.shape[1]] = found
    return window


def grown(seed: search.Seed, windows: Windows, pilot: Pilot) -> Map:
    """The map of the screen that a seed lies on; it has a single anchor where nothing fits beside it."""
    scale_px = max(windows.width, windows.height) / 2.0
    middle_xy = np.array([windows.width, windows.height]) / 2.0
    first = _anchor(np.array(seed.centre_xy), (seed.u, seed.v), None)
    current = Map(_fitted([first]), (first,), scale_px, middle_xy)
    left = {at for at in windows.centres(STEP_PX)}
    while True:
        near = [at for at in left if _beside(at, current.anchors)]
        tried = {at: measured(at, current, windows, pilot) for at in near}
        left -= set(near)
        fresh = {at: anchor for at, anchor in tried.items() if anchor is not None}
        if not fresh:
            return current
        anchors = (*current.anchors, *fresh.values())
        current = Map(_fitted(anchors), anchors, scale_px, middle_xy)


def settled(rough: Map, windows: Windows, pilot: Pilot) -> Map:
    """The map measured again everywhere with what is known by now."""
    again = (measured(at, rough, windows, pilot) for at in windows.centres(STEP_PX))
    anchors = [anchor for anchor in again if anchor is not None]
    if len(anchors) < 2:
        return rough
    return refitted(rough, anchors)


def refitted(rough: Map, anchors: list[Anchor]) -> Map:
    """The map through anchors, without outliers, with the bending of the lens where there are enough."""
    for _ in range(2):
        homography = _fitted(anchors)
        remains = np.array([np.hypot(*(_projected(homography, a.at_xy[None])[0] - a.chips_xy)) for a in anchors])
        limit = max(REMAINS_CHIPS, 3.0 * float(np.median(remains)))
        anchors = [anchor for anchor, remain in zip(anchors, remains, strict=True) if remain <= limit]
    found = Map(_fitted(anchors), tuple(anchors), rough.scale_px, rough.middle_xy)
    return found if len(anchors) < FEWEST_FOR_BENDING else _bent(found)


def measured(at: tuple[int, int], current: Map, windows: Windows, pilot: Pilot) -> Anchor | None:
    """The stripes in a window where the map expects them; None where they are not."""
    at_xy = np.array(at, np.float64)
    chips_xy = current.chips(at_xy[None])[0]
    jacobian = current.jacobian(at_xy)
    gradients = _ALONG @ jacobian
    steepness = np.hypot(*gradients.T)
    steepest, flattest = PERIOD / (0.7 * search.PERIODS_PX[0]), PERIOD / (1.5 * search.PERIODS_PX[1])
    if not (np.isfinite(chips_xy).all() and ((steepness > flattest) & (steepness < steepest)).all()):
        return None
    u, v = _ALONG @ chips_xy
    lines = search.near(
        windows.spectrum(at), pilot, np.asarray(gradients, np.float64), (u % PERIOD, v % PERIOD), REACH_CHIPS
    )
    anchor = _anchor(at_xy, lines, chips_xy)
    return anchor if anchor.z >= LEAST_Z and min(line.z for line in lines) > 1.0 else None


def _anchor(at_xy: Points, lines: tuple[search.Line, search.Line], expected_xy: Points | None) -> Anchor:
    """Chips and jacobian from both fields; the whole periods are those nearest to what is expected."""
    along = np.array([line.chips for line in lines])
    if expected_xy is not None:
        expected = _ALONG @ expected_xy
        along = along + PERIOD * np.round((expected - along) / PERIOD)
    back = np.linalg.inv(_ALONG)
    gradients = np.stack([line.gradient for line in lines])
    z = sum(line.z for line in lines) / np.sqrt(2.0)
    return Anchor(at_xy, back @ along, back @ gradients, float(z))


def _fitted(anchors: "list[Anchor] | tuple[Anchor, ...]") -> Points:
    """The homography of least squares through the middles of windows and what is beside them by their gradients."""
    beside = search.SIDE_PX / 4.0 * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]], np.float64)
    pixels, chips = [], []
    for anchor in anchors:
        steps = beside if len(anchors) < 6 else beside[:1]
        pixels.append(anchor.at_xy + steps)
        chips.append(anchor.chips_xy + steps @ anchor.jacobian.T)
    if len(anchors) == 1:
        return _affine(anchors[0])
    found, _ = cv2.findHomography(np.concatenate(pixels), np.concatenate(chips), 0)
    return np.asarray(found, np.float64) if found is not None else _affine(anchors[0])


def _affine(anchor: Anchor) -> Points:
    affine = np.eye(3)
    affine[:2, :2] = anchor.jacobian
    affine[:2, 2] = anchor.chips_xy - anchor.jacobian @ anchor.at_xy
    return affine


def _bent(found: Map) -> Map:
    """With the smooth rest, by least squares that would rather not bend."""
    at_xy = np.stack([anchor.at_xy for anchor in found.anchors])
    rest = np.stack([anchor.chips_xy for anchor in found.anchors]) - _projected(found.homography, at_xy)
    terms = found._terms(at_xy)
    ridge = 1e-2 * np.eye(terms.shape[1])
    bending = np.linalg.solve(terms.T @ terms + ridge, terms.T @ rest)
    return Map(found.homography, found.anchors, found.scale_px, found.middle_xy, bending)


def _beside(at: tuple[int, int], anchors: tuple[Anchor, ...]) -> bool:
    return any(max(abs(at - anchor.at_xy)) <= 1.05 * STEP_PX for anchor in anchors)


def _projected(homography: Points, at_xy: Points) -> Points:
    at_xy = np.asarray(at_xy, np.float64)
    out = np.column_stack([at_xy, np.ones(len(at_xy))]) @ homography.T
    return out[:, :2] / out[:, 2:]


def _spread(length: int, half: int, step_px: int) -> list[int]:
    """Middles from edge to edge, no further apart than the step."""
    if length <= 2 * half:
        return [length // 2]
    count = -(-(length - 2 * half) // step_px) + 1
    return [round(float(at)) for at in np.linspace(half, length - half, count)]
