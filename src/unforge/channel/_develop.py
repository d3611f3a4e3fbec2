"""What a phone's program makes of a raw picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.channel._camera import Camera
from unforge.channel._linear import encoded
from unforge.channel._sensor import FULL_SCALE, Raw, balanced, demosaiced
from unforge.channel.chroma_denoise import Plane, blurred
from unforge.channel.luma_denoise import smoothed
from unforge.channel.messenger import coded, reduced
from unforge.channel.sharpen import sharpened
from unforge.channel.tone import curved
from unforge.channel.white_balance import gains

MIDDLE_GREY = 0.18


def developed(raw: Raw, camera: Camera, gain: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture (h, w, 3) that is stored, in the order of real programs: colour, tone, noise, sharpness, coding."""
    to_light = np.linalg.inv(camera.response)
    balance = gains(camera.white_balance_error * rng.uniform(-1.0, 1.0, 2))
    toned = _tone_table(camera.contrast)[balanced(demosaiced(raw), balance[:, None] * to_light)]
    luma, red, blue = _split(toned)
    del toned
    luma = sharpened(smoothed(luma, camera.luma_denoise * _noise_levels(camera, gain)), camera.sharpening)
    chroma_px = camera.chroma_denoise_px * np.sqrt(max(gain, 1.0))
    planes = (luma, blurred(red, chroma_px), blurred(blue, chroma_px))
    return coded(reduced(_merged(planes), camera.long_side_px or max(camera.size_wh)), camera.jpeg_qualities)


def _split(rgb: NDArray[np.float32]) -> tuple[Plane, Plane, Plane]:
    luma, red, blue = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb))
    return np.asarray(luma, np.float32), np.asarray(red, np.float32), np.asarray(blue, np.float32)


def _merged(planes: tuple[Plane, Plane, Plane]) -> NDArray[np.uint8]:
    rgb = cv2.cvtColor(cv2.merge(planes), cv2.COLOR_YCrCb2RGB)
    return np.asarray(cv2.convertScaleAbs(np.maximum(rgb, 0.0)), np.uint8)  # rounds and clips in one pass


def _tone_table(contrast: float) -> NDArray[np.float32]:
    """Code values in [0, 255] of linear light of 16 bit."""
    linear = np.minimum(np.arange(65_536, dtype=np.float32) / FULL_SCALE, 1.0)
    return np.asarray(255.0 * curved(encoded(linear), contrast), np.float32)


def _noise_levels(camera: Camera, gain: float) -> float:
    """Standard deviation of the noise at middle grey, in grey levels of the toned picture."""
    amplified = max(gain, 1.0)
    deviation = np.sqrt(camera.shot * amplified * MIDDLE_GREY + (camera.read * amplified) ** 2)
    around = np.array([MIDDLE_GREY - deviation / 2, MIDDLE_GREY + deviation / 2], np.float32)
    return float(255.0 * np.diff(curved(encoded(np.maximum(around, 0.0)), camera.contrast))[0])
