"""Pictures and light: what is added, averaged or blurred on the way is light, not code values."""

import numpy as np
from numpy.typing import NDArray

_SLOPE_BELOW, _OFFSET = 12.92, 0.055  # IEC 61966-2-1 (sRGB)


def light(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Linear light in [0, 1] of an sRGB picture of any shape."""
    return _LIGHT[rgb]


def picture(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The sRGB picture of linear light; what lies outside of [0, 1] is clipped."""
    return np.asarray(np.round(255.0 * encoded(np.clip(linear, 0.0, 1.0))), np.uint8)


def encoded(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """sRGB code values in [0, 1] of linear light in [0, 1]."""
    curve = (1.0 + _OFFSET) * np.power(linear, np.float32(1 / 2.4)) - _OFFSET
    return np.where(linear <= 0.0031308, _SLOPE_BELOW * linear, curve).astype(np.float32)


def _decoded(code: NDArray[np.float32]) -> NDArray[np.float32]:
    curve = ((code + _OFFSET) / (1.0 + _OFFSET)) ** 2.4
    return np.where(code <= 0.04045, code / _SLOPE_BELOW, curve).astype(np.float32)


_LIGHT = _decoded(np.arange(256, dtype=np.float32) / 255.0)
