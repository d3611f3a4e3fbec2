"""Where a pixel of the screen lies in the photograph, and the other way round.

Pixel centres have whole coordinates, on the screen and in the photograph alike, as in OpenCV.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unforge.errors import UsageError

Matrix = NDArray[np.float64]
Coordinates = NDArray[np.float64]

DIAGONAL_MM = 43.267  # of the 36 x 24 mm frame that equivalent focal lengths refer to


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the camera stands and what it looks at.

    distance_cm: from the camera to the point that it looks at.
    yaw_deg: how far it stands to the right of the screen's normal. pitch_deg: how far above it.
    roll_deg: how far the screen appears turned clockwise; 90 for a camera held upright.
    aim: the point in the middle of the photograph: (0, 0) the screen's middle, (1, 1) its lower right corner.
    """

    distance_cm: float = 40.0
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    aim: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not self.distance_cm > 0:
            raise UsageError(f"a camera must stand in front of the screen, got a distance of {self.distance_cm} cm")
        if not (abs(self.yaw_deg) < 85 and abs(self.pitch_deg) < 85):
            raise UsageError(
                f"yaw and pitch must lie within 85 degrees, got {self.yaw_deg} and {self.pitch_deg}: "
                "nothing is seen of a screen from its edge"
            )

    @property
    def rotation(self) -> Matrix:
        """(3, 3) from the screen's axes (right, down, into the wall) to the camera's."""
        yaw, pitch, roll = np.radians([self.yaw_deg, self.pitch_deg, self.roll_deg])
        about_y = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
        about_x = [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
        about_z = [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
        return np.asarray(np.array(about_z) @ about_x @ about_y)


@dataclass(frozen=True, slots=True)
class View:
    """One screen seen by one camera.

    screen_to_photo: (3, 3) homography of screen pixels to photograph pixels before the lens distorts; its third row
        gives the distance along the camera's axis, so that what lies behind is negative.
    screen_wh, photo_wh: sizes in pixels. distortion: see `ideal`.
    eye_px: the camera's place in screen pixels: right, down, and away from the screen.
    aim_px: the point of the screen in the middle of the photograph.
    """

    screen_to_photo: Matrix
    photo_to_screen: Matrix
    screen_wh: tuple[int, int]
    photo_wh: tuple[int, int]
    distortion: float
    eye_px: tuple[float, float, float]
    aim_px: tuple[float, float]

    @property
    def camera_px_per_screen_px(self) -> float:
        """Magnification in the middle of the photograph, as the root of that of areas."""
        return float(np.sqrt(np.linalg.det(jacobian(self.screen_to_photo, *self.aim_px))))

    def on_screen(self, x: Coordinates, y: Coordinates) -> tuple[Coordinates, Coordinates, NDArray[np.bool_]]:
        """Points of the screen's plane that photograph pixels see, and where they see it at all."""
        x, y = self.ideal(x, y)
        across, down, nearness = (row[0] * x + row[1] * y + row[2] for row in self.photo_to_screen)
        ahead = nearness > 0
        nearness[~ahead] = 1.0
        across /= nearness
        down /= nearness
        return across, down, ahead

    def ideal(self, x: Coordinates, y: Coordinates) -> tuple[Coordinates, Coordinates]:
        """Where photograph pixels would lie without the lens."""
        return bent(x, y, self.photo_wh, self.distortion)


def bent(
    x: Coordinates, y: Coordinates, photo_wh: tuple[int, int], distortion: float
) -> tuple[Coordinates, Coordinates]:
    """Points at r moved to r x (1 + distortion r^2), with r = 1 in the corners.

    It goes from the photograph to the scene, as pictures are sampled, so that no equation has to be solved.
    """
    middle_x, middle_y = ((side - 1) / 2 for side in photo_wh)
    stretch = 1.0 + distortion * corner_share(x, y, photo_wh)
    return (x - middle_x) * stretch + middle_x, (y - middle_y) * stretch + middle_y


def corner_share(x: Coordinates, y: Coordinates, photo_wh: tuple[int, int]) -> Coordinates:
    """Squared distance from the photograph's middle, 1 in the corners."""
    width, height = photo_wh
    away = (x - (width - 1) / 2) ** 2 + (y - (height - 1) / 2) ** 2
    return np.asarray(away / ((width / 2) ** 2 + (height / 2) ** 2))


def jacobian(homography: Matrix, x: float, y: float) -> Matrix:
    """(2, 2) derivative of a (3, 3) homography at a point."""
    *top, depth = homography @ (x, y, 1.0)
    image = np.array(top) / depth
    return np.asarray((homography[:2, :2] - np.outer(image, homography[2, :2])) / depth)


def view(
    screen_wh: tuple[int, int],
    pitch_cm: float,
    pose: Pose,
    photo_wh: tuple[int, int],
    *,
    focal_mm: float,
    distortion: float,
) -> View:
    """What a pinhole camera sees of a screen; focal_mm is the equivalent to 35 mm film, taken over the diagonal.

    Raises UsageError where a corner of the screen would lie beside the camera or behind it.
    """
    focal_px = focal_mm / DIAGONAL_MM * float(np.hypot(*photo_wh))
    homography = seen_from(pose, screen_wh, pitch_cm, photo_wh, focal_px)
    _require_ahead(homography, screen_wh, pose)
    aim_px = _aim_px(pose, screen_wh)
    right, down, into = -pose.rotation.T @ (0.0, 0.0, pose.distance_cm) / pitch_cm
    eye_px = (aim_px[0] + right, aim_px[1] + down, -into)
    return View(homography, inverse(homography), screen_wh, photo_wh, distortion, eye_px, aim_px)


def seen_from(
    pose: Pose, screen_wh: tuple[int, int], pitch_cm: float, photo_wh: tuple[int, int], focal_px: float
) -> Matrix:
    """(3, 3) homography of screen pixels to photograph pixels; its third row gives the distance ahead in cm."""
    right, down = _aim_px(pose, screen_wh)
    in_cm = np.array([[pitch_cm, 0, -pitch_cm * right], [0, pitch_cm, -pitch_cm * down], [0, 0, 1]])
    placed = np.column_stack([pose.rotation[:, :2], [0.0, 0.0, pose.distance_cm]])
    lens = np.array([[focal_px, 0, (photo_wh[0] - 1) / 2], [0, focal_px, (photo_wh[1] - 1) / 2], [0, 0, 1]])
    return np.asarray(lens @ placed @ in_cm)


def inverse(homography: Matrix) -> Matrix:
    """(3, 3) the other way round."""
    return np.asarray(np.linalg.inv(homography), np.float64)


def _aim_px(pose: Pose, screen_wh: tuple[int, int]) -> tuple[float, float]:
    (width, height), (right, down) = screen_wh, pose.aim
    return (width - 1) / 2 + right * width / 2, (height - 1) / 2 + down * height / 2


def _require_ahead(homography: Matrix, screen_wh: tuple[int, int], pose: Pose) -> None:
    corners = [(x, y, 1.0) for x in (-0.5, screen_wh[0] - 0.5) for y in (-0.5, screen_wh[1] - 0.5)]
    nearest_cm = float((np.array(corners) @ homography[2]).min())
    if nearest_cm < 0.1 * pose.distance_cm:
        raise UsageError(
            f"the whole screen must lie before the camera, but a corner of it lies {nearest_cm:.1f} cm ahead at a "
            f"distance of {pose.distance_cm} cm, yaw {pose.yaw_deg} and pitch {pose.pitch_deg}: move away or turn less"
        )
