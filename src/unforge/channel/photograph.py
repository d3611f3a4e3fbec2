"""A photograph of a screen: the whole way from frame buffer to file, step by step as light goes it.

Sub-pixels, lens, colour filters and noise on a sensor, and the program of a phone. Sources: the optics are textbook
(Goodman, Introduction to Fourier Optics); shot and read noise follow EMVA 1288; the order of a camera's program follows
Karaimer and Brown, ECCV 2016.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.channel._camera import Camera
from unforge.channel._develop import developed
from unforge.channel._exposure import Optics, Panel, exposed
from unforge.channel._room import Room
from unforge.channel._screen import Screen
from unforge.channel._sensor import metered, read_out
from unforge.channel._view import DIAGONAL_MM, Matrix, Pose, View, view
from unforge.errors import ShapeError

__all__ = ["Camera", "Pose", "Screen", "Shot", "apply", "photograph", "rectified"]

SAMPLES_PX = 1.5  # sensor pixels per screen pixel of a laptop that fills a phone's picture


@dataclass(frozen=True, slots=True)
class Shot:
    """A photograph and where the screen is in it.

    rgb: (h, w, 3) uint8.
    screen_to_photo: (3, 3) float64 homography of frame-buffer pixels to photograph pixels, before the lens distorts;
        pixel centres have whole coordinates.
    camera_px_per_screen_px: magnification in the photograph's middle, of the stored picture.
    """

    rgb: NDArray[np.uint8]
    screen_to_photo: Matrix
    camera_px_per_screen_px: float


def photograph(rgb: NDArray[np.uint8], screen: Screen, pose: Pose, camera: Camera, rng: np.random.Generator) -> Shot:
    """A camera's picture of a screen in a plain room.

    rgb: (H, W, 3) uint8, the frame buffer. rng decides noise, white balance, and where a lamp's reflection and dark
    bands lie; the same state gives the same bits.
    Raises ShapeError for anything but a picture, UsageError where the camera would stand within the screen's plane.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ShapeError("a frame buffer", expected="(H, W, 3) uint8", got=f"{rgb.shape} {rgb.dtype}")
    seen = _view(rgb, screen, pose, camera)
    room = Room.drawn(screen, camera.size_wh[1], rng)
    optics = Optics(camera.psf_px, camera.vignette, camera.response)
    signal = exposed(Panel(screen.light(rgb), screen.subpixels), room, seen, optics)
    gain = metered(signal) if camera.exposure is None else camera.exposure
    raw = read_out(signal, gain, shot=camera.shot, read=camera.read, rng=rng)
    del signal
    stored = developed(raw, camera, gain, rng)
    scale = stored.shape[1] / camera.size_wh[0]
    return Shot(stored, _scaled(scale) @ seen.screen_to_photo, scale * seen.camera_px_per_screen_px)


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture shown, photographed and rectified; at full strength from 30 degrees aside with 4 times the noise."""
    if strength <= 0:
        return rgb
    height, width = rgb.shape[:2]
    screen = Screen(veil=0.02 * strength, bands=0.05 * strength)
    camera = _filled_by((width, height), 1.0 + 3.0 * strength)
    yaw, pitch, roll = strength * np.array([30.0, 10.0, 5.0]) * rng.choice((-1.0, 1.0), 3)
    focal_px = camera.focal_mm / DIAGONAL_MM * float(np.hypot(*camera.size_wh))
    pose = Pose(focal_px * screen.pitch_cm / SAMPLES_PX, yaw, pitch, roll)
    shot = photograph(rgb, screen, pose, camera, rng)
    return rectified(shot, (width, height))


def rectified(shot: Shot, screen_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """The frame buffer (H, W, 3) as the photograph shows it, by its known place; the lens is taken to be straight."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpPerspective(shot.rgb, shot.screen_to_photo, screen_wh, flags=flags), np.uint8)


def _filled_by(size_wh: tuple[int, int], noise: float) -> Camera:
    """A phone whose sensor has room for a picture at SAMPLES_PX, held at an angle."""
    long_side = 2 * int(np.ceil(0.6 * SAMPLES_PX * max(size_wh))) + 16
    phone = Camera.phone()
    return replace(
        phone,
        size_wh=(long_side, long_side),
        distortion=0.0,
        exposure=0.95,
        shot=noise * phone.shot,
        read=noise * phone.read,
    )


def _view(rgb: NDArray[np.uint8], screen: Screen, pose: Pose, camera: Camera) -> View:
    return view(
        (rgb.shape[1], rgb.shape[0]),
        screen.pitch_cm,
        pose,
        camera.size_wh,
        focal_mm=camera.focal_mm,
        distortion=camera.distortion,
    )


def _scaled(scale: float) -> Matrix:
    """A picture resized about its pixels' edges, with coordinates counted from their centres."""
    shift = (scale - 1.0) / 2.0
    return np.array([[scale, 0, shift], [0, scale, shift], [0, 0, 1]])
