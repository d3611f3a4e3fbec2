"""Seen at an angle: turned by up to 30 degrees to the side, 12 up or down, and 3 about the line of sight."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.channel._view import Matrix, Pose, seen_from

DISTANCE = 2.0  # of the eye, in long sides of the picture


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture as seen at an angle, in a frame of the same size; what is outside of it repeats its edge."""
    if strength <= 0:
        return rgb
    height, width = rgb.shape[:2]
    yaw, pitch, roll = strength * np.array([30.0, 12.0, 3.0]) * rng.choice((-1.0, 1.0), 3)
    turned = cv2.warpPerspective(
        rgb,
        homography((width, height), Pose(1.0, yaw, pitch, roll)),
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(turned, np.uint8)


def homography(size_wh: tuple[int, int], pose: Pose) -> Matrix:
    """(3, 3) from pixels of a picture to those of one that is as large, and equal where nothing is turned."""
    focal_px = DISTANCE * max(size_wh)
    return seen_from(pose, size_wh, pose.distance_cm / focal_px, size_wh, focal_px)
