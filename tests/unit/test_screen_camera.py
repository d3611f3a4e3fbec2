"""The way from a screen to a camera: its limit cases, its geometry, and what it does to a mark in the blue."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unforge import channel
from unforge.channel._exposure import Optics, Panel, exposed
from unforge.channel._room import Room
from unforge.channel._screen import LAYOUTS
from unforge.channel._view import View, bent, seen_from, view
from unforge.channel.defocus import disc
from unforge.channel.photograph import Camera, Pose, Screen, Shot, photograph, rectified
from unforge.errors import ShapeError, UnknownName, UsageError

CHIP_PX = 4
# A lens and a program that only sample: what is left is noise, if any.
PLAIN_CAMERA = Camera(
    size_wh=(768, 576),
    distortion=0.0,
    vignette=0.0,
    exposure=0.9,
    white_balance_error=0.0,
    luma_denoise=0.0,
    chroma_denoise_px=0.0,
    sharpening=0.0,
    contrast=0.0,
    jpeg_qualities=(),
)
SILENT_CAMERA = replace(PLAIN_CAMERA, shot=0.0, read=0.0)
EVEN_SCREEN = Screen(layout="none", black=0.0, falloff=0.0, veil=0.0, room=0.0)

IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def grey(level: int, width: int = 400, height: int = 300) -> NDArray[np.uint8]:
    return np.full((height, width, 3), level, np.uint8)


def at(magnification: float, camera: Camera = PLAIN_CAMERA, screen: Screen = EVEN_SCREEN) -> Pose:
    focal_px = camera.focal_mm / 43.267 * float(np.hypot(*camera.size_wh))
    return Pose(focal_px * screen.pitch_cm / magnification)


def middle(shot: Shot, side: int = 100) -> NDArray[np.float64]:
    height, width = shot.rgb.shape[:2]
    return shot.rgb[(height - side) // 2 : (height + side) // 2, (width - side) // 2 : (width + side) // 2].astype(
        float
    )


def code(light: float) -> float:
    """The sRGB level of linear light."""
    return 255.0 * (1.055 * light ** (1 / 2.4) - 0.055)


# Limit cases


def test_white_without_sub_pixels_or_noise_is_an_even_white() -> None:
    shot = photograph(grey(255), EVEN_SCREEN, at(1.5), SILENT_CAMERA, rng())
    assert np.abs(middle(shot) - code(0.9)).max() <= 1.0


def test_a_picture_without_sub_pixels_or_noise_comes_back() -> None:
    coarse = rng(4).integers(60, 200, (12, 16, 3), dtype=np.uint8)
    shown = np.asarray(cv2.resize(coarse, (400, 300), interpolation=cv2.INTER_CUBIC), np.uint8)
    camera = replace(SILENT_CAMERA, exposure=1.0)
    back = rectified(photograph(shown, EVEN_SCREEN, at(1.6), camera, rng()), (400, 300))
    inner = (slice(8, -8), slice(8, -8))
    assert np.abs(back[inner].astype(float) - shown[inner]).mean() < 2.5  # panels are 2.2, pictures sRGB


def test_noise_is_that_of_the_sensor() -> None:
    camera = replace(PLAIN_CAMERA, shot=6e-4, read=4e-3, sensitivity=(1.0, 1.0, 1.0), crosstalk=IDENTITY)
    green = middle(photograph(grey(255), EVEN_SCREEN, at(1.5), camera, rng()))[..., 1]
    slope = (code(0.91) - code(0.89)) / 0.02
    expected = slope * np.sqrt(6e-4 * 0.9 + 4e-3**2)
    assert 0.6 * expected < green.std() < 1.1 * expected  # half of the greens are means of four


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("magnification", [0.8, 1.37, 3.0])
def test_sub_pixels_keep_the_light(layout: str, magnification: float) -> None:
    screen = replace(EVEN_SCREEN, layout=layout)
    panel = Panel(screen.light(grey(255, 240, 180)), screen.subpixels)
    seen = _before((240, 180), magnification)
    signal = exposed(panel, Room.dark(), seen, Optics(0.6, 0.0, np.eye(3)))
    inner = signal[20:-20, 20:-20]
    for plane in (inner[0::2, 0::2], inner[0::2, 1::2], inner[1::2, 0::2], inner[1::2, 1::2]):
        assert plane.mean() == pytest.approx(1.0, abs=0.01)


def test_a_uniform_panel_gives_the_same_light_everywhere_whatever_the_tiles() -> None:
    panel = Panel(EVEN_SCREEN.light(grey(255, 400, 300)), LAYOUTS["none"])
    signal = exposed(panel, Room.dark(), _before((400, 300), 1.31), Optics(0.6, 0.0, np.eye(3)))
    assert np.ptp(signal[16:-16, 16:-16]) < 1e-4


def test_the_light_equals_that_of_a_plain_sum_over_a_fine_raster() -> None:
    shown = rng(5).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    screen = replace(EVEN_SCREEN, layout="rgb")
    panel = Panel(screen.light(shown), screen.subpixels)
    seen = _before((40, 40), 1.5)
    signal = exposed(panel, Room.dark(), seen, Optics(0.6, 0.0, np.eye(3)))
    assert signal == pytest.approx(_summed(panel, seen, 0.6), abs=0.02)


def _before(screen_wh: tuple[int, int], magnification: float) -> View:
    """A sensor straight before a screen, which fills it."""
    photo_wh = (2 * round(screen_wh[0] * magnification / 2), 2 * round(screen_wh[1] * magnification / 2))
    homography = seen_from(Pose(1.0), screen_wh, 1.0, photo_wh, magnification)
    aim = ((screen_wh[0] - 1) / 2, (screen_wh[1] - 1) / 2)
    return View(homography, np.linalg.inv(homography), screen_wh, photo_wh, 0.0, (*aim, 1.0), aim)


def _summed(panel: Panel, seen: View, psf_px: float, fine: int = 50) -> NDArray[np.float64]:
    """What a sensor pixel sees, by adding up points of every opening under the Gaussian of lens and pixel area."""
    width, height = seen.photo_wh
    y, x = np.mgrid[0:height, 0:width].astype(float)
    u, v, _ = seen.on_screen(x, y)
    sigma = np.sqrt(psf_px**2 + 1 / 12) / seen.camera_px_per_screen_px
    signal = np.zeros((height, width))
    for colour, (left, top, right, bottom) in enumerate(panel.layout.boxes):
        across = _weights(u[0], left, right, sigma, panel.light.shape[2], fine)
        down = _weights(v[:, 0], top, bottom, sigma, panel.light.shape[1], fine)
        plane = down @ panel.light[colour] @ across.T
        for row, column in {0: [(0, 0)], 1: [(0, 1), (1, 0)], 2: [(1, 1)]}[colour]:
            signal[row::2, column::2] = plane[row::2, column::2]
    return signal


def _weights(
    at_px: NDArray[np.float64], low: float, high: float, sigma: float, n_pixels: int, fine: int
) -> NDArray[np.float64]:
    points = low + (np.arange(fine) + 0.5) / fine * (high - low) - 0.5
    away = at_px[:, None, None] - np.arange(n_pixels)[:, None] - points
    return np.asarray(np.exp(-(away**2) / (2 * sigma**2)).mean(axis=2) / (sigma * np.sqrt(2 * np.pi)))


# Geometry


def _corners(size_wh: tuple[int, int]) -> NDArray[np.float64]:
    width, height = size_wh
    return np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], float)


def _projected(homography: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    lifted = np.column_stack([points, np.ones(len(points))]) @ homography.T
    return np.asarray(lifted[:, :2] / lifted[:, 2:])


@pytest.mark.parametrize("turned", [{}, {"yaw_deg": 35.0}, {"yaw_deg": -20.0, "pitch_deg": 15.0, "roll_deg": 12.0}])
def test_dots_lie_where_the_homography_says(turned: dict[str, float]) -> None:
    dots = np.array([[40, 40], [340, 50], [350, 250], [60, 240], [200, 150]])
    shown = grey(0)
    for u, v in dots:
        shown[v - 2 : v + 3, u - 2 : u + 3] = 255
    shot = photograph(shown, EVEN_SCREEN, replace(at(1.4), **turned), SILENT_CAMERA, rng())
    luma = shot.rgb[..., 1].astype(float)
    for x, y in _projected(shot.screen_to_photo, dots.astype(float)):
        left, top = round(x) - 8, round(y) - 8
        window = luma[top : top + 17, left : left + 17]
        rows, columns = np.mgrid[top : top + 17, left : left + 17]
        found = np.array([(columns * window).sum(), (rows * window).sum()]) / window.sum()
        assert np.hypot(*(found - (x, y))) < 0.5


def test_a_picture_made_smaller_has_its_homography_too() -> None:
    camera = replace(SILENT_CAMERA, long_side_px=500)
    shown = grey(0)
    shown[98:103, 58:63] = 255
    shot = photograph(shown, EVEN_SCREEN, at(1.6), camera, rng())
    assert max(shot.rgb.shape) == 500
    ((x, y),) = _projected(shot.screen_to_photo, np.array([[60.0, 100.0]]))
    rows, columns = np.indices(shot.rgb.shape[:2])
    window = shot.rgb[..., 1] * (np.hypot(rows - y, columns - x) < 6).astype(float)
    found = np.array([(columns * window).sum(), (rows * window).sum()]) / window.sum()
    assert np.hypot(*(found - (x, y))) < 0.5
    assert shot.camera_px_per_screen_px == pytest.approx(1.6 * 500 / 768, rel=1e-6)


@settings(max_examples=30)
@given(st.floats(20, 100), st.floats(0, 60))
def test_magnification_falls_with_distance_and_angle(distance_cm: float, yaw_deg: float) -> None:
    """Upright it is focal length x pitch / distance; a turn by an angle takes its cosine from the area."""
    seen = _sight(Pose(distance_cm, yaw_deg))
    focal_px = 26.0 / 43.267 * np.hypot(768, 576)
    straight = focal_px * EVEN_SCREEN.pitch_cm / distance_cm
    assert seen.camera_px_per_screen_px == pytest.approx(straight * np.sqrt(np.cos(np.radians(yaw_deg))), rel=1e-6)


@settings(max_examples=30)
@given(st.floats(-50, 50), st.floats(-40, 40), st.floats(-180, 180), st.floats(-0.05, 0.05))
def test_what_a_pixel_sees_projects_back_to_it(yaw: float, pitch: float, roll: float, distortion: float) -> None:
    seen = replace(_sight(Pose(40.0, yaw, pitch, roll)), distortion=distortion)
    x, y = np.array([100.0, 380.0, 600.0]), np.array([80.0, 300.0, 500.0])
    u, v, ahead = seen.on_screen(x, y)
    assert ahead.all()
    assert np.allclose(
        _projected(seen.screen_to_photo, np.column_stack([u, v])),
        np.column_stack(bent(x, y, seen.photo_wh, distortion)),
        atol=1e-6,
    )


def _sight(pose: Pose) -> View:
    return view((60, 40), EVEN_SCREEN.pitch_cm, pose, (768, 576), focal_mm=26.0, distortion=0.0)


def test_the_nearer_side_of_a_turned_screen_is_the_larger() -> None:
    seen = _sight(Pose(40.0, yaw_deg=30.0))
    (left_top, right_top, right_bottom, left_bottom) = _projected(seen.screen_to_photo, _corners((60, 40)))
    assert right_bottom[1] - right_top[1] > left_bottom[1] - left_top[1]
    seen = _sight(Pose(40.0, pitch_deg=30.0))
    (left_top, right_top, right_bottom, left_bottom) = _projected(seen.screen_to_photo, _corners((60, 40)))
    assert right_top[0] - left_top[0] > right_bottom[0] - left_bottom[0]


def test_an_aim_at_a_corner_has_it_in_the_middle() -> None:
    seen = _sight(Pose(40.0, yaw_deg=20.0, aim=(1.0, 1.0)))
    ((x, y),) = _projected(seen.screen_to_photo, np.array([[59.5, 39.5]]))
    assert (x, y) == pytest.approx(((768 - 1) / 2, (576 - 1) / 2))


# Behaviour


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    shown = rng(6).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    screen, pose = Screen(glare=0.3, bands=0.1), replace(at(1.5), yaw_deg=15.0)
    once, again, other = (
        photograph(shown, screen, pose, replace(Camera.phone(), size_wh=(320, 240)), rng(seed)).rgb
        for seed in (1, 1, 2)
    )
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_sub_pixels_make_moire_and_blur_takes_it_away() -> None:
    def colour_ripple(layout: str, psf_px: float) -> float:
        camera = replace(SILENT_CAMERA, psf_px=psf_px)
        shot = photograph(grey(200), replace(EVEN_SCREEN, layout=layout), at(1.27), camera, rng())
        red, green, blue = np.moveaxis(middle(shot, 200), 2, 0)
        return float((red - green).std() + (blue - green).std())

    sharp, soft = colour_ripple("rgb", 0.5), colour_ripple("rgb", 1.2)
    assert sharp > 4.0 > 1.0 > soft
    assert colour_ripple("matte", 0.5) < sharp
    assert colour_ripple("none", 0.5) < 1.0


def test_there_is_a_dark_frame_and_a_room_around_the_screen() -> None:
    shot = photograph(grey(255, 160, 120), Screen(), replace(at(1.5), roll_deg=0.0), PLAIN_CAMERA, rng())
    ((left, top), _, (right, bottom), _) = _projected(shot.screen_to_photo, _corners((160, 120)))
    row, column = round((top + bottom) / 2), round((left + right) / 2)
    frame, wall = shot.rgb[row, round(right) + 20].mean(), shot.rgb[row, -20].mean()
    assert frame < 60 < wall < shot.rgb[row, column].mean()


def test_a_screen_beside_the_picture_is_seen_as_room_only() -> None:
    shot = photograph(grey(255, 160, 120), Screen(), replace(at(1.5), aim=(9.0, 0.0)), PLAIN_CAMERA, rng())
    assert middle(shot, 300).std() < 10.0


def test_a_dark_screen_is_exposed_longer_and_is_noisier() -> None:
    camera = replace(PLAIN_CAMERA, exposure=None)
    bright, dark = (
        middle(photograph(grey(level, 800, 600), EVEN_SCREEN, at(1.2), camera, rng())) for level in (250, 40)
    )
    assert dark.mean() > code((40 / 255) ** 2.2)
    assert dark.std() > bright.std()


def test_glare_veil_and_bands_are_light_and_shade() -> None:
    def mean(screen: Screen) -> float:
        return float(middle(photograph(grey(60), screen, at(1.5), SILENT_CAMERA, rng(3)), 400).mean())

    plain = mean(EVEN_SCREEN)
    assert mean(replace(EVEN_SCREEN, veil=0.02)) > plain
    assert mean(replace(EVEN_SCREEN, glare=0.5)) > plain
    assert mean(replace(EVEN_SCREEN, bands=0.2)) < plain


# A mark in the blue


def _chips(height: int, width: int) -> NDArray[np.float64]:
    signs = rng(9).choice((-1.0, 1.0), (height // CHIP_PX, width // CHIP_PX))
    return np.kron(signs, np.ones((CHIP_PX, CHIP_PX)))


def _chip_snr(rgb: NDArray[np.uint8], chips: NDArray[np.float64]) -> float:
    """Mean over deviation of what chips of known sign read in B - (R + G) / 2, away from the edges."""
    red, green, blue = np.moveaxis(rgb.astype(np.float32), 2, 0)
    feature = blue - (red + green) / 2
    feature = feature - cv2.GaussianBlur(feature, (0, 0), 2.0 * CHIP_PX)
    rows, columns = chips.shape[0] // CHIP_PX, chips.shape[1] // CHIP_PX
    read = feature.reshape(rows, CHIP_PX, columns, CHIP_PX).mean(axis=(1, 3)) * chips[::CHIP_PX, ::CHIP_PX]
    read = read[4:-4, 4:-4]
    return float(read.mean() / read.std())


@pytest.mark.parametrize("magnification", [1.8, 2.0, 2.2])
def test_a_mark_in_the_blue_suffers_from_sub_pixels_through_a_sharp_lens_only(magnification: float) -> None:
    """White with 8 levels of chips. At two sensor pixels a screen pixel red and blue filters sample every stripe once.

    What a reader gets falls in this order: frame buffer, panel without sub-pixels, sub-pixels through a soft lens, and
    through a sharp one. At 1.2 and 1.5 the stripes are finer than the sensor resolves, and the sharper lens is better.
    """
    chips = _chips(160, 240)
    shown = grey(255, 240, 160)
    shown[..., 2] = np.round(247 + 8 * chips).clip(0, 255)

    def photographed(layout: str, psf_px: float, camera: Camera) -> float:
        seen_by = replace(camera, size_wh=(640, 480), psf_px=psf_px)
        screen = replace(EVEN_SCREEN, layout=layout)
        shot = photograph(shown, screen, at(magnification, seen_by), seen_by, rng())
        return _chip_snr(rectified(shot, (240, 160)), chips)

    digital = _chip_snr(shown, chips)
    assert 0.75 * digital < photographed("none", 0.55, SILENT_CAMERA) < 1.05 * digital
    sharp, soft = photographed("rgb", 0.55, PLAIN_CAMERA), photographed("rgb", 1.0, PLAIN_CAMERA)
    assert sharp < soft < photographed("none", 0.55, PLAIN_CAMERA) < digital


# Settings


def test_settings_that_make_no_sense_are_told() -> None:
    with pytest.raises(UnknownName, match="pentile"):
        Screen(layout="hexagons")
    with pytest.raises(UsageError, match="in front of the screen"):
        Pose(distance_cm=0.0)
    with pytest.raises(UsageError, match="edge"):
        Pose(yaw_deg=90.0)
    with pytest.raises(UsageError, match="even"):
        Camera(size_wh=(101, 100))
    with pytest.raises(UsageError, match="move away"):
        photograph(grey(255, 1920, 1080), Screen(), Pose(10.0, yaw_deg=70.0), PLAIN_CAMERA, rng())
    with pytest.raises(ShapeError, match="frame buffer"):
        photograph(np.zeros((10, 10), np.uint8), Screen(), Pose(), PLAIN_CAMERA, rng())


@pytest.mark.parametrize("preset", [Camera.phone, Camera.old_phone, Camera.web])
def test_presets_are_cameras_with_a_sensor_of_their_kind(preset) -> None:  # type: ignore[no-untyped-def]
    camera = preset()
    assert camera.size_wh[0] / camera.size_wh[1] == pytest.approx(4 / 3, rel=0.01)
    assert np.linalg.cond(camera.response) < 10


# Effects of their own


def test_night_light_takes_from_the_blue_and_nothing_from_the_red() -> None:
    red, green, blue = channel.load("night_light").apply(grey(200), 1.0, rng())[0, 0]
    assert red == 200 > green > blue


def test_a_grey_copy_has_no_colour() -> None:
    shown = rng(2).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    copy = channel.load("greyscale").apply(shown, 1.0, rng())
    assert np.ptp(copy.astype(int), axis=2).max() == 0


def test_chroma_denoise_keeps_the_brightness_and_takes_the_colour() -> None:
    shown = rng(2).integers(90, 160, (60, 60, 3), dtype=np.uint8)
    soft = channel.load("chroma_denoise").apply(shown, 1.0, rng())
    luma = [cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(float) for rgb in (shown, soft)]
    assert np.abs(luma[0] - luma[1]).mean() < 1.0
    assert (soft[..., 0].astype(float) - soft[..., 1]).std() < 0.3 * (shown[..., 0].astype(float) - shown[..., 1]).std()


@pytest.mark.parametrize("radius_px", [0.1, 1.0, 2.5, 4.0])
def test_a_disc_keeps_the_light_and_its_middle(radius_px: float) -> None:
    kernel = disc(radius_px)
    assert kernel.sum() == pytest.approx(1.0, abs=1e-5)
    assert np.allclose(kernel, kernel[::-1, ::-1])


def test_the_messenger_makes_large_pictures_smaller_and_keeps_small_ones() -> None:
    messenger = channel.load("messenger")
    assert messenger.reduced(np.zeros((3000, 4000, 3), np.uint8), 1600).shape == (1200, 1600, 3)  # type: ignore[attr-defined]
    assert messenger.reduced(np.zeros((30, 40, 3), np.uint8), 1600).shape == (30, 40, 3)  # type: ignore[attr-defined]
