"""Physical indicators of a marked region: what differs inside and outside of it, without any network.

A measurement and an examiner's reading are two looks at the same pixels, no independent evidence: they stand side by
side so that a reader can see whether they agree. Everything is measured on the crop of one look; what is too small to
be measured is left out.
"""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.explain import locate
from unforge.faces import align, regions
from unforge.faces.quality import grid_strength

LEAST_PX = 400  # area on the crop of 224 px from which on a figure is worth stating: about 2 % of a face
GAP_PX = 4  # one cell of heat: neither surely inside nor surely outside
RING_PX = 20  # how far around the mark "outside" reaches
RIM = 1.05  # the oval so many times as large still ends on skin, mostly
BAND = 1.25  # the oval of the face so many times as large: hair line, ears and neck, hardly any background
BROWS = (*regions.LEFT_BROW, *regions.RIGHT_BROW)
LEAST_SCALE = 0.5  # crop px per px of the file from which on a grid of 8 px survives the way into the crop

# What 90 % of untouched faces show: 476 looks from stills and clips of the training split, with marks of the same kind
# drawn on them. A figure has no meaning without it; it is no threshold, and other cameras may show more.
MOST_OF_FACE = 0.5  # share of the face from which on a mark is compared with marks of whole faces
UNTOUCHED_PART: Mapping[str, tuple[float, float]] = {
    "colour_delta_e": (0.0, 14.5),
    "sharpness_ratio": (0.73, 1.3),
    "noise_ratio": (0.81, 1.93),
    "edge_ratio": (0.57, 1.32),
    "blockiness_inside": (0.0, 1.46),
    "blockiness_outside": (0.0, 1.41),
}
UNTOUCHED_FACE: Mapping[str, tuple[float, float]] = {
    "colour_delta_e": (0.0, 29.7),
    "sharpness_ratio": (0.73, 1.19),
    "noise_ratio": (0.57, 1.15),
    "edge_ratio": (0.5, 1.37),
    "blockiness_inside": (0.0, 1.27),
    "blockiness_outside": (0.0, 1.42),
}

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]


def measured(
    rgb: NDArray[np.uint8], marked: Mask, landmarks_px: NDArray[np.floating], matrix: NDArray[np.float64]
) -> dict[str, float]:
    """Every indicator that can be measured on a look, by its name with the unit.

    rgb: (S, S, 3) crop; marked: (S, S); landmarks_px: (468, 2) on the crop; matrix: (2, 3) from the file's pixels to
    the crop's. Inside and outside leave out eyes, brows and mouth where enough is left without them: lips differ
    from skin on every face.
    """
    inside, outside = sides(marked, landmarks_px)
    if inside is None or outside is None:
        return {}
    found: dict[str, float | None] = {
        "colour_delta_e": colour_delta_e(rgb, inside, outside),
        "sharpness_ratio": sharpness_ratio(rgb, inside, outside),
        "noise_ratio": noise_ratio(rgb, inside, outside),
        "edge_ratio": edge_ratio(rgb, marked),
        **blockiness(rgb, inside, outside, matrix),
    }
    return {name: round(value, 3) for name, value in found.items() if value is not None}


def usual(name: str, marked: float) -> tuple[float, float]:
    """Between which values a measurement lies on 90 % of untouched faces; marked: share of the face that is."""
    return (UNTOUCHED_FACE if marked >= MOST_OF_FACE else UNTOUCHED_PART)[name]


def is_unusual(name: str, value: float, marked: float) -> bool:
    """Whether a measurement lies outside of that."""
    low, high = usual(name, marked)
    return not low <= value <= high


def sides(marked: Mask, landmarks_px: NDArray[np.floating]) -> tuple[Mask | None, Mask | None]:
    """What is compared: the marked region less a rim, and a ring around it on face, ears and neck, not on the hair."""
    side_px = marked.shape[0]
    head = locate.oval(landmarks_px, side_px, BAND)
    named = locate.features(landmarks_px, side_px)
    busy = named["left eye"] | named["right eye"] | named["mouth"]
    inner = _depth_px(marked) > GAP_PX / 2
    away_px = _depth_px(~marked)
    ring = (away_px > GAP_PX) & (away_px <= RING_PX) & head
    below_brows = np.arange(side_px)[:, None] > landmarks_px[[*BROWS], 1].mean()
    face = locate.oval(landmarks_px, side_px, RIM)
    around = (ring & face & ~busy, ring & below_brows & ~busy, ring & ~busy, ring)
    return _best(inner & head & ~busy, inner & head), _best(*around)


def _best(*candidates: Mask) -> Mask | None:
    return next((mask for mask in candidates if int(mask.sum()) >= LEAST_PX), None)


def _depth_px(mask: Mask) -> Grey:
    """How deep each pixel lies inside a mask; 0 outside, endless where the mask fills the picture."""
    if mask.all():
        return np.full(mask.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def _grey(rgb: NDArray[np.uint8]) -> Grey:
    """Not rounded to levels: faint noise would be lost."""
    return np.asarray(cv2.cvtColor(rgb.astype(np.float32), cv2.COLOR_RGB2GRAY), np.float32)


def colour_delta_e(rgb: NDArray[np.uint8], inside: Mask, outside: Mask) -> float:
    """Distance of the mean colours in CIE L*a*b* (CIE 1976 delta E); about 2 is just visible side by side."""
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
    return float(np.linalg.norm(lab[inside].mean(axis=0) - lab[outside].mean(axis=0)))


def sharpness_ratio(rgb: NDArray[np.uint8], inside: Mask, outside: Mask) -> float:
    """Sharpness inside over outside: below 1, the inside is more blurred.

    Sharpness is the detail that a little blur takes away over the detail that a stronger one takes away: unlike the
    variance of a Laplacian it hardly depends on how much there is to see. Idea: Crete et al., "The blur effect" (2007).
    """
    grey = _grey(rgb)
    once, twice = (cv2.GaussianBlur(grey, (0, 0), sigma_px) for sigma_px in (1.0, 3.0))
    fine, coarse = np.abs(grey - once), np.abs(once - twice)

    def sharpness(place: Mask) -> float:
        return float((fine[place].mean() + 0.05) / (coarse[place].mean() + 0.05))

    return sharpness(inside) / sharpness(outside)


def noise_ratio(rgb: NDArray[np.uint8], inside: Mask, outside: Mask) -> float:
    """Standard deviation of the noise inside over outside, both with a floor of 0.1 grey levels.

    By the difference of two Laplacians, which flat and evenly shaded areas do not answer to; its median, so that
    edges count little. Source: Immerkaer, "Fast noise variance estimation" (CVIU 1996).
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    answer = np.abs(cv2.filter2D(_grey(rgb), cv2.CV_32F, kernel))

    def noise_levels(place: Mask) -> float:
        return float(np.median(answer[place])) / 0.6745 / 6.0 + 0.1

    return noise_levels(inside) / noise_levels(outside)


def edge_ratio(rgb: NDArray[np.uint8], marked: Mask) -> float | None:
    """Mean gradient along the contour of the mark over that along contours 6 to 12 px inside and outside of it.

    Above 1, the contour follows an edge. None where the mark has no contour that is long enough.
    """
    grey = cv2.GaussianBlur(_grey(rgb), (0, 0), 1.0)
    steps = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=0.125))
    from_contour_px = np.maximum(_depth_px(marked), _depth_px(~marked))
    on, beside = from_contour_px <= 3, (from_contour_px >= 6) & (from_contour_px <= 12)
    if min(int(on.sum()), int(beside.sum())) < LEAST_PX:
        return None
    return float((steps[on].mean() + 0.05) / (steps[beside].mean() + 0.05))


def blockiness(
    rgb: NDArray[np.uint8], inside: Mask, outside: Mask, matrix: NDArray[np.float64]
) -> Mapping[str, float | None]:
    """Step across the borders of 8-px blocks over the step elsewhere, on either side; 1 means no grid is visible.

    The crop is first turned back to the file's own pixels. The grid is looked for at all 8 offsets, because a pasted
    part brings the grid of its own file along. Source: Wang, Sheikh and Bovik (ICIP 2002), with the offset free.
    """
    if float(np.sqrt(abs(np.linalg.det(matrix[:, :2])))) < LEAST_SCALE:
        return {}
    grey, within, around = _as_in_file(matrix, _grey(rgb), inside, outside)
    inner, outer = (grid_strength(grey, place, LEAST_PX) for place in (within, around))
    return {"blockiness_inside": inner, "blockiness_outside": outer}


def _as_in_file(matrix: NDArray[np.float64], grey: Grey, inside: Mask, outside: Mask) -> tuple[Grey, Mask, Mask]:
    """Picture and sides of a crop, in the pixels of the file that it was cut from."""
    side_px = grey.shape[0]
    back = align.invert(matrix)
    corners = np.array([[0, 0], [side_px, 0], [0, side_px], [side_px, side_px]]) @ back[:, :2].T + back[:, 2]
    low = np.floor(corners.min(axis=0))
    width, height = np.ceil(corners.max(axis=0) - low).astype(int).tolist()
    back = np.column_stack([back[:, :2], back[:, 2] - low])

    def turned(picture: Grey, how: int) -> Grey:
        return np.asarray(cv2.warpAffine(picture, back, (width, height), flags=how), np.float32)

    masks = [turned(mask.astype(np.float32), cv2.INTER_NEAREST) > 0.5 for mask in (inside, outside)]
    return turned(grey, cv2.INTER_LINEAR), masks[0], masks[1]
