"""Sent through a messenger: made smaller and coded again, each time it is passed on."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.channel import jpeg

LONG_SIDE_PX, QUALITIES = 1600, (60, 60)


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture sent twice, at full strength with a long side of 1600 px and quality 60, and enlarged again."""
    if strength <= 0:
        return rgb
    height, width = rgb.shape[:2]
    long_side_px = round(max(height, width) + strength * min(0, LONG_SIDE_PX - max(height, width)))
    received = coded(
        reduced(rgb, long_side_px), tuple(round(100 - strength * (100 - quality)) for quality in QUALITIES)
    )
    if received.shape == rgb.shape:
        return received
    return np.asarray(cv2.resize(received, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def reduced(rgb: NDArray[np.uint8], long_side_px: int) -> NDArray[np.uint8]:
    """The picture with a long side of at most this."""
    scale = long_side_px / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size_wh = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return np.asarray(cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def coded(rgb: NDArray[np.uint8], qualities: tuple[int, ...]) -> NDArray[np.uint8]:
    """The picture after one JPEG round at each of these qualities, in order."""
    nothing_random = np.random.default_rng(0)
    for quality in qualities:
        rgb = jpeg.apply(rgb, (100 - quality) / 75, nothing_random)
    return rgb
