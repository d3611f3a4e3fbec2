"""Pictures inside the HTML: face crops, heat laid over them, and the key to its colours."""

import base64
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE_PX = 224
QUALITY = 80

# Heat from nothing to most: amber, orange, crimson, plum. Lightness falls all the way, so that the order
# survives a black-and-white printer and colour-blind eyes.
_STOPS = np.array([[255, 221, 87], [249, 140, 38], [205, 28, 70], [88, 16, 94]], np.float64)
_OPAQUE = 0.78
_SHOWN = 0.08  # heat below this leaves the picture as it is


def data_uri(rgb: NDArray[np.uint8], side_px: int = SIDE_PX) -> str:
    """A picture (H, W, 3) as a JPEG in a data URI, at most `side_px` on its longer side."""
    picture = Image.fromarray(rgb)
    picture.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def exact_uri(rgb: NDArray[np.uint8]) -> str:
    """A picture (H, W, 3) as a PNG in a data URI: every value as it is."""
    buffer = BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def overlay(rgb: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The picture (H, W, 3) in grey with heat (h, w) in [0, 1] in colour, outlined where it passes one half.

    The scale is the same in every picture: nothing is stretched, so a cold face stays grey.
    """
    height, width = rgb.shape[:2]
    sized = np.asarray(
        Image.fromarray(heat.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC), np.float64
    ).clip(0.0, 1.0)
    grey = np.repeat((rgb @ np.array([0.299, 0.587, 0.114]))[..., None], 3, axis=2)
    opacity = _OPAQUE * np.clip((sized - _SHOWN) / (0.6 - _SHOWN), 0.0, 1.0)[..., None]
    mixed = grey * (1.0 - opacity) + _colours(sized) * opacity
    mixed[_outline(sized >= 0.5)] = 255.0
    return np.clip(np.round(mixed), 0, 255).astype(np.uint8)


def legend_css() -> str:
    """The colours of heat from 0 to 1 as a CSS gradient."""
    stops = (f"rgb({red:.0f} {green:.0f} {blue:.0f})" for red, green, blue in _STOPS)
    return f"linear-gradient(90deg, rgb(190 190 190), {', '.join(stops)})"


def _colours(heat: NDArray[np.float64]) -> NDArray[np.float64]:
    at = np.linspace(0.0, 1.0, len(_STOPS))
    return np.stack([np.interp(heat, at, _STOPS[:, channel]) for channel in range(3)], axis=-1)


def _outline(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels inside whose neighbour is outside; the edge of the picture is no outline."""
    padded = np.pad(inside, 1, mode="edge")
    core = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~core
