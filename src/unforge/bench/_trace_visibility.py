"""How much people could see of the mark: differences in colour between a surface and the same surface marked.

As they are, pixel by pixel, and after what the eye blurs: S-CIELAB (Zhang & Wandell, Journal of the Society for
Information Display 5, 1997) filters the three opponent channels, each by Gaussians fitted to how people see fine
patterns, and only then takes the difference. At 60 cm and 100 ppi a chip of 4 px is half a period of 5.2 cycles per
degree, so that the difference in b* after the filters is what is left of the mark at that frequency.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import color
from skimage.metrics import structural_similarity

from unforge.bench import _trace_pages as pages
from unforge.bench import _trace_shots as shots
from unforge.bench.record import Value
from unforge.trace import mark

Picture = NDArray[np.uint8]
Planes = NDArray[np.float64]

DISTANCE_CM, PPI, CHIP_PX = 60.0, 100.0, 4
SIDE_PX = 3 * 48 * CHIP_PX
FLAT = {"white": 255, "light grey": 221, "mid grey": 128, "dark grey": 30, "black": 0}

# Zhang & Wandell 1997, table 1: weights and spreads in degrees, for exp(-(x^2 + y^2) / spread^2).
_LUMINANCE = ((0.921, 0.0283), (0.105, 0.133), (-0.108, 4.336))
_RED_GREEN = ((0.531, 0.0392), (0.330, 0.494))
_BLUE_YELLOW = ((0.488, 0.0536), (0.371, 0.386))
_OPPONENT = np.array([[0.279, 0.720, -0.107], [-0.449, 0.290, -0.077], [0.086, -0.590, 0.501]])


def surfaces(data: Path | None) -> dict[str, Picture]:
    """Flat surfaces, a document and a photograph, (H, W, 3) each."""
    side_wh = (SIDE_PX, SIDE_PX)
    flat = {name: np.full((SIDE_PX, SIDE_PX, 3), level, np.uint8) for name, level in FLAT.items()}
    return flat | {name: pages.page(name, side_wh, 1, data) for name in (pages.WHITE, pages.PHOTO)}


def row(rgb: Picture) -> dict[str, Value]:
    """The figures of one surface at the default strength; a surface is one sample, so that they have no intervals."""
    chips = mark.tile_of(shots.message(np.random.default_rng(1)), shots.ring(), shots.ring().keys[0], CHIP_PX)
    return {
        name: Value(round(figure, 4), None, None, 1) for name, figure in seen(rgb, mark.picture(rgb, chips)).items()
    }


def seen(rgb: Picture, marked: Picture) -> dict[str, float]:
    """Differences between two pictures (H, W, 3), in units of CIELAB but for PSNR in dB and SSIM.

    delta_l, delta_b: largest of L* and of b*, pixel by pixel; eye_*: the same after the eye's blur, and the 99th
    percentile beside it, because on the pixels of letters the filters give single large values.
    ciede2000: mean and 99th percentile, pixel by pixel; eye_delta_e: mean after the eye's blur (CIE 1976).
    """
    sharp, sharp_marked = color.rgb2lab(rgb), color.rgb2lab(marked)
    away = np.abs(sharp_marked - sharp)
    to_eye = np.abs(s_cielab(marked) - s_cielab(rgb))
    colours = color.deltaE_ciede2000(sharp, sharp_marked)  # type: ignore[no-untyped-call]
    return {
        "delta_l": float(away[..., 0].max()),
        "delta_b": float(away[..., 2].max()),
        "eye_delta_l": float(to_eye[..., 0].max()),
        "eye_delta_l_p99": float(np.percentile(to_eye[..., 0], 99)),
        "eye_delta_b": float(to_eye[..., 2].max()),
        "eye_delta_b_p99": float(np.percentile(to_eye[..., 2], 99)),
        "eye_delta_e": float(np.sqrt((to_eye**2).sum(axis=2)).mean()),
        "ciede2000": float(colours.mean()),
        "ciede2000_p99": float(np.percentile(colours, 99)),
        "psnr_db": float(10.0 * np.log10(255.0**2 / np.mean((marked.astype(float) - rgb) ** 2))),
        "ssim": float(structural_similarity(rgb, marked, channel_axis=2)),  # type: ignore[no-untyped-call]
    }


def s_cielab(rgb: Picture, pixels_per_degree: float | None = None) -> Planes:
    """L*, a*, b* (H, W, 3) of a picture as the eye resolves it; by default at 60 cm from a display of 100 ppi."""
    if pixels_per_degree is None:
        pixels_per_degree = DISTANCE_CM * float(np.tan(np.radians(1.0))) * PPI / 2.54
    opponent = color.rgb2xyz(rgb) @ _OPPONENT.T
    filters = (_LUMINANCE, _RED_GREEN, _BLUE_YELLOW)
    blurred = [_blurred(opponent[..., n], filters[n], pixels_per_degree) for n in range(3)]
    xyz = np.stack(blurred, axis=2) @ np.linalg.inv(_OPPONENT).T
    return np.asarray(color.xyz2lab(np.maximum(xyz, 0.0)), np.float64)


def _blurred(channel: Planes, gaussians: tuple[tuple[float, float], ...], pixels_per_degree: float) -> Planes:
    """A sum of Gaussians that leaves flat surfaces as they are."""
    whole = sum(weight for weight, _ in gaussians)
    total = np.zeros_like(channel)
    for weight, spread_deg in gaussians:
        sigma_px = spread_deg * pixels_per_degree / np.sqrt(2.0)
        total += weight / whole * cv2.GaussianBlur(channel, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT)
    return total
