"""From light on the sensor to raw values, and back to colour."""

import cv2
import numpy as np
from numpy.typing import NDArray

Light = NDArray[np.float32]
Raw = NDArray[np.uint16]

SITES = ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2))  # row, column and filter in a cell of RGGB
FULL_SCALE = 60_000
PEDESTAL = 2_048  # sensors add one, so that noise in the dark is not cut off at zero
MEAN_SIGNAL, HIGHEST_SIGNAL = 0.35, 0.95  # white pages as bright as in real photographs of screens
GAIN_RANGE = (0.25, 4.0)
METER_STEP = 16


def metered(signal: Light) -> float:
    """The gain at which a scene is neither dark nor burnt. signal: (h, w) RGGB; the green pixels count."""
    green = signal[::METER_STEP, 1::METER_STEP]
    gain = min(
        MEAN_SIGNAL / max(float(green.mean()), 1e-6), HIGHEST_SIGNAL / max(float(np.percentile(green, 99)), 1e-6)
    )
    return float(np.clip(gain, *GAIN_RANGE))


def read_out(signal: Light, gain: float, *, shot: float, read: float, rng: np.random.Generator) -> Raw:
    """Raw values of a signal (h, w) of which 1 / gain is full scale.

    Light comes in photons, so that its variance grows with it: shot at full scale. read: standard deviation in the
    dark. A gain above 1 amplifies both.
    """
    amplified = max(gain, 1.0)
    light = signal * np.float32(gain)
    noise = rng.standard_normal(light.shape, np.float32)
    noise *= np.sqrt(np.float32(shot * amplified) * light + np.float32((read * amplified) ** 2))
    light += noise
    np.clip(light, -PEDESTAL / FULL_SCALE, 1.0, out=light)
    light *= FULL_SCALE
    light += PEDESTAL + 0.5
    return light.astype(np.uint16)


def demosaiced(raw: Raw) -> Raw:
    """(h, w, 3) of a raw picture (h, w) RGGB with even sides; missing values are interpolated along edges."""
    return np.asarray(cv2.cvtColor(raw, cv2.COLOR_BayerRGGB2RGB_EA), np.uint16)


def balanced(rgb: Raw, to_light: NDArray[np.float64]) -> Raw:
    """Linear light, FULL_SCALE at 1, of demosaiced raw values. to_light: (3, 3) of light by signal."""
    offset = -PEDESTAL * to_light.sum(axis=1, keepdims=True)
    return np.asarray(cv2.transform(rgb, np.hstack([to_light, offset])), np.uint16)
