"""A key ring, a message, and screens that show it."""

from datetime import UTC, datetime
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.trace import mark, payload
from unforge.trace.keys import Key, KeyRing, Secret

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
KEY = Key("0000000a", Secret(b"k" * 32), BEGIN, BEGIN)
RING = KeyRing(Secret(b"s" * 32), (KEY,))
SAID = payload.of_machine(4711, NOON, 7)
MAGNIFIED = 1.5  # camera pixels to a screen pixel, straight ahead
OTHER = payload.of_machine(99, NOON, 1)


@cache
def tile(said: payload.Payload = SAID, chip_px: int = 4) -> NDArray[np.int8]:
    return mark.tile_of(said, RING, KEY, chip_px)


def page(size_wh: tuple[int, int], paper: int = 255, ink: int = 20, seed: int = 0) -> NDArray[np.uint8]:
    """Lines of words on paper, light or dark."""
    width, height = size_wh
    rng = np.random.default_rng(seed)
    rgb = np.full((height, width, 3), paper, np.uint8)
    words = ("screens", "show", "what", "people", "read", "and", "a", "mark", "that", "nobody", "sees", "2026", "(x)")
    for y in range(40, height - 10, 28):
        x = 30
        while x < width - 120:
            word = words[rng.integers(len(words))]
            cv2.putText(rgb, word, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (ink, ink, ink), 1, cv2.LINE_AA)
            x += 13 * len(word) + 12
    return rgb


def seen(rgb: NDArray[np.uint8], yaw_deg: float, turn_deg: float, size_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """A screen as a pinhole camera sees it, from aside and turned, on a grey wall."""
    height, width = rgb.shape[:2]
    yaw, turn = np.radians([yaw_deg, turn_deg])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array([width, height]) / 2.0
    x, y, z = corners[:, 0] * np.cos(yaw), corners[:, 1], corners[:, 0] * np.sin(yaw) + 1.3 * width
    flat = 1.3 * MAGNIFIED * width * np.column_stack([x / z, y / z])
    turned = flat @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    at = (turned + np.array(size_wh) / 2.0).astype(np.float32)
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    return np.asarray(
        cv2.warpPerspective(
            rgb, cv2.getPerspectiveTransform(frame, at), size_wh, flags=cv2.INTER_AREA, borderValue=(90, 90, 90)
        ),
        np.uint8,
    )
