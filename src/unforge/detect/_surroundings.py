"""A face beside what surrounds it, in single looks: noise, sharpness, colour, blocks and earlier compression.

Each figure compares the two sides of one picture, so that the camera, the light and the coding of the whole fall out.
What falls out only nearly is why untouched faces have a spread, too: skin is smoother than hair, and a background may
be out of focus.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.faces import align
from unforge.faces.quality import BLOCK_PX, grid_strength
from unforge.faces.regions import LEFT_BROW, LEFT_EYE, MOUTH, OVAL, RIGHT_BROW, RIGHT_EYE, hull_mask

Picture = NDArray[np.uint8]
Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]
Matrix = NDArray[np.float64]

GAP_PX = 9  # on the crop, around the outline: neither surely face nor surely surroundings
LEAST_PX = 600  # of a side, from which on it is measured; about 1 % of a crop
FLAT_SHARE = 0.6  # of the pixels of a side, those with the smallest gradient
LIT = (25.0, 235.0)  # grey levels between which noise is not cut off
NECK = (0.08, 0.24)  # so far below the chin, over the height of the face
EARS = (0.03, 0.14)  # so far beside the oval, over the width of the face
UNDER_CHIN = (149, 176, 148, 152, 377, 400, 378)
SKIN_APART = 0.3  # natural logarithm of a colour's channels; hair and clothes are further from the face's skin
DARK = 8.0  # grey levels added before a logarithm
ELA_QUALITY = 90
GHOSTS = tuple(range(46, 99))  # JPEG qualities
BESIDE = 3  # qualities on either side that a dip is compared with
CLEAR_DIP = 0.85  # of what the change would be without an earlier save
LEAST_SCALE = 0.5  # crop px per px of the file, from which on a grid of 8 px survives the way into the crop
MOST_GHOST_PX = 384  # side of what is compressed again and again

# Fridrich and Kodovsky (2012), SPAM/SRM: the 5 x 5 high-pass filter of Ker and Böhme, over 12.
_KV = np.array([
    [-1, 2, -2, 2, -1],
    [2, -6, 8, -6, 2],
    [-2, 8, -12, 8, -2],
    [2, -6, 8, -6, 2],
    [-1, 2, -2, 2, -1],
], np.float32) / 12.0  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sides:
    """(224, 224) masks on a crop: the face within its outline, its skin, and what surrounds it inside the picture."""

    face: Mask
    skin: Mask
    around: Mask
    neck: Mask
    ears: Mask


def sides(crop_landmarks_px: NDArray[np.float32], inside: Mask) -> Sides:
    """The sides of one look. inside: where the crop shows the picture and not its mirrored edge."""
    shape = (inside.shape[0], inside.shape[1])
    oval = hull_mask(crop_landmarks_px[list(OVAL)], shape)
    from_outline_px = cv2.distanceTransform((1 - oval).astype(np.uint8), cv2.DIST_L2, 3)
    deep_px = cv2.distanceTransform(oval.astype(np.uint8), cv2.DIST_L2, 3)
    face, around = (deep_px > GAP_PX / 2) & inside, (from_outline_px > GAP_PX) & inside
    busy = np.maximum.reduce(
        [
            hull_mask(crop_landmarks_px[list(part)], shape)
            for part in (LEFT_EYE + LEFT_BROW, RIGHT_EYE + RIGHT_BROW, MOUTH)
        ]
    )
    skin = face & (cv2.dilate(busy, np.ones((5, 5), np.uint8)) == 0)
    return Sides(face, skin, around, _neck(crop_landmarks_px, inside), _ears(crop_landmarks_px, inside))


def inside_picture(landmarks_px: NDArray[np.float32], size_wh: tuple[int, int]) -> Mask:
    """(224, 224): which places of the crop around a mesh (468, 2) lie within the displayed picture."""
    back = align.invert(align.face_square(landmarks_px, align.CROP_MARGIN, align.CROP_PX))
    across = np.arange(align.CROP_PX) + 0.5
    x = back[0, 0] * across[None] + back[0, 1] * across[:, None] + back[0, 2]
    y = back[1, 0] * across[None] + back[1, 1] * across[:, None] + back[1, 2]
    return np.asarray((x >= 1.0) & (y >= 1.0) & (x <= size_wh[0] - 2.0) & (y <= size_wh[1] - 2.0))


def measured(crop: Picture, places: Sides, matrix: Matrix) -> dict[str, float]:
    """Figures of one look, by name; what is too small to be measured is left out.

    crop: (224, 224, 3); matrix: (2, 3) from the file's pixels to the crop's.
    """
    if min(int(places.skin.sum()), int(places.around.sum())) < LEAST_PX:
        return {}
    grey = np.asarray(cv2.cvtColor(crop.astype(np.float32), cv2.COLOR_RGB2GRAY), np.float32)
    found: dict[str, float | None] = {
        "noise_ratio": noise_ratio(grey, places.skin, places.around),
        "sharpness_ratio": sharpness_ratio(grey, places.face, places.around),
        "ela_ratio": ela_ratio(crop, places.face, places.around),
        "neck_delta_e": skin_delta_e(crop, places.skin, places.neck),
        "ears_delta_e": skin_delta_e(crop, places.skin, places.ears),
        **blockiness(grey, places.face, places.around, matrix),
    }
    return {name: value for name, value in found.items() if value is not None}


def noise_ratio(grey: Grey, inside: Mask, outside: Mask) -> float | None:
    """Mean absolute high-pass residual inside over outside, on flat and well lit pixels; None for too few of them."""
    residual = np.abs(cv2.filter2D(grey, cv2.CV_32F, _KV))
    soft = cv2.GaussianBlur(grey, (0, 0), 2.0)
    steps = np.hypot(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1))
    lit = (soft > LIT[0]) & (soft < LIT[1])

    def noise(place: Mask) -> float | None:
        place = place & lit
        if int(place.sum()) < LEAST_PX:
            return None
        flat = place & (steps <= np.quantile(steps[place], FLAT_SHARE))
        return float(residual[flat].mean()) + 0.05

    first, second = noise(inside), noise(outside)
    return None if first is None or second is None else first / second


def sharpness_ratio(grey: Grey, inside: Mask, outside: Mask) -> float:
    """Sharpness inside over outside: fine detail over coarser detail on each side.

    Sharpness is the detail that a little blur takes away over the detail that a stronger one takes away (idea: Crete
    et al., "The blur effect", 2007).
    """
    once, twice = (cv2.GaussianBlur(grey, (0, 0), sigma_px) for sigma_px in (1.0, 3.0))
    fine, coarse = np.abs(grey - once), np.abs(once - twice)

    def sharpness(place: Mask) -> float:
        return float((fine[place].mean() + 0.05) / (coarse[place].mean() + 0.05))

    return sharpness(inside) / sharpness(outside)


def ela_ratio(crop: Picture, inside: Mask, outside: Mask) -> float:
    """Mean change under JPEG at quality 90 inside over outside, each over its own detail.

    Error level analysis (Krawetz, "A picture's worth", 2007), made relative: busy places change more in any picture.
    """
    change = np.abs(crop.astype(np.float32) - _as_jpeg(crop, ELA_QUALITY)).mean(axis=-1)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 2.0))

    def level(place: Mask) -> float:
        return float((change[place].mean() + 0.05) / (detail[place].mean() + 0.5))

    return level(inside) / level(outside)


def skin_delta_e(crop: Picture, skin: Mask, other: Mask) -> float | None:
    """CIE 1976 distance in hue and chroma (a*, b*) of the face's skin to other skin; None where no skin shows there.

    Lightness is left out: a neck lies in the shadow of its chin.
    """
    colours = np.log(crop.astype(np.float32) + DARK)
    usual = np.median(colours[skin], axis=0)
    apart = colours - usual
    hue = np.abs(apart - apart.mean(axis=-1, keepdims=True)).max(axis=-1)
    alike = other & (hue < SKIN_APART) & (np.abs(apart.mean(axis=-1)) < 1.0)
    if int(alike.sum()) < max(60, int(other.sum()) // 3):
        return None
    lab = cv2.cvtColor(crop.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
    first, second = (np.median(lab[place][:, 1:], axis=0) for place in (skin, alike))
    return float(np.linalg.norm(first - second))


def blockiness(grey: Grey, inside: Mask, outside: Mask, matrix: Matrix) -> Mapping[str, float | None]:
    """Step across the borders of 8-px blocks over the step elsewhere, on either side; 1 means no grid is visible.

    The crop is first turned back to the file's own pixels. The grid is looked for at all 8 offsets, because what was
    pasted brings the grid of its own file along. Source: Wang, Sheikh and Bovik (ICIP 2002), with the offset free.
    """
    if float(np.sqrt(abs(np.linalg.det(matrix[:, :2])))) < LEAST_SCALE:
        return {}
    back = align.invert(matrix)
    corners = np.array([[0, 0], [len(grey), 0], [0, len(grey)], [len(grey), len(grey)]]) @ back[:, :2].T + back[:, 2]
    low = np.floor(corners.min(axis=0))
    width, height = np.ceil(corners.max(axis=0) - low).astype(int).tolist()
    back[:, 2] -= low

    def turned(picture: Grey, how: int) -> Grey:
        return np.asarray(cv2.warpAffine(picture, back, (width, height), flags=how), np.float32)

    filed = turned(grey, cv2.INTER_LINEAR)
    first, second = (
        grid_strength(filed, turned(place.astype(np.float32), cv2.INTER_NEAREST) > 0.5, LEAST_PX)
        for place in (inside, outside)
    )
    ratio = None if first is None or second is None else first / second
    return {"blocks_face": first, "blocks_surroundings": second, "blocks_ratio": ratio}


def ghosts(rgb: Picture, landmarks_px: NDArray[np.float32], last_quality: float) -> dict[str, float]:
    """Which JPEG quality each side of a still seems to have been saved with before, and how far the sides differ.

    The picture is saved once more at many qualities: where it has been saved before, it changes less at that quality
    than at those beside it (Farid, "Exposing digital forgeries from JPEG ghosts", TIFS 2009, eq. 3 and 4). Only what is
    left in the file's own pixels counts, so `rgb` (H, W, 3) is the picture itself, on its own grid; landmarks_px:
    (468, 2) on it. last_quality: with which the file itself was saved, on both sides; it is left out, with the
    quality of half its steps. A side without a clear dip has no quality.
    """
    window, points = _around_face(rgb, landmarks_px)
    oval = hull_mask(points[list(OVAL)], (window.shape[0], window.shape[1]))
    reach = np.ones((BLOCK_PX + 1, BLOCK_PX + 1), np.uint8)
    face, around = cv2.erode(oval, reach) > 0, cv2.dilate(oval, reach) == 0
    if min(int(face.sum()), int(around.sum())) < LEAST_PX:
        return {}
    curves = np.array([_changes(window, quality, (face, around)) for quality in GHOSTS]) + 0.1
    earlier = np.all(
        [np.abs(np.array(GHOSTS) - last) > BESIDE for last in (last_quality, 50 + last_quality / 2)], axis=0
    )
    level = np.log(curves / np.exp(np.log(curves[earlier]).mean(axis=0)))[earlier]
    found = {"ghost_gap": float(np.abs(level[:, 0] - level[:, 1]).max())}
    dips = np.ones_like(curves)
    dips[BESIDE:-BESIDE] = curves[BESIDE:-BESIDE] / np.sqrt(curves[: -2 * BESIDE] * curves[2 * BESIDE :])
    for side, name in enumerate(("ghost_quality_face", "ghost_quality_surroundings")):
        # The lowest of several: what lies on the steps of a coarse table lies on those of half the size, too.
        clear = np.flatnonzero((dips[:, side] < CLEAR_DIP) & earlier)
        if len(clear):
            first = clear[clear <= clear[0] + BESIDE]
            found[name] = float(GHOSTS[int(first[np.argmin(dips[first, side])])])
    return found


def _changes(window: Picture, quality: int, places: Sequence[Mask]) -> list[float]:
    change = ((window.astype(np.float32) - _as_jpeg(window, quality)) ** 2).mean(axis=-1)
    return [float(change[place].mean()) for place in places]


def _around_face(rgb: Picture, points: NDArray[np.float32]) -> tuple[Picture, NDArray[np.float32]]:
    """The part of a picture around a mesh, cut on the grid of 8 px, and the mesh on it."""
    low, high = points.min(axis=0), points.max(axis=0)
    centre, half = (low + high) / 2.0, min(0.8 * float((high - low).max()), MOST_GHOST_PX / 2.0)
    size = np.array(rgb.shape[1::-1])
    first = np.clip(centre - half, 0, size - 1).astype(int) // BLOCK_PX * BLOCK_PX
    last = np.clip(centre + half, first + 1, size).astype(int)
    return np.ascontiguousarray(rgb[first[1] : last[1], first[0] : last[0]]), (points - first).astype(np.float32)


def _as_jpeg(rgb: Picture, quality: int) -> NDArray[np.float32]:
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality]
    _, coded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), settings)
    again = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(again, cv2.COLOR_BGR2RGB), np.float32)


def _neck(mesh: NDArray[np.float32], inside: Mask) -> Mask:
    height, jaw = float(np.ptp(mesh[:, 1])), mesh[list(UNDER_CHIN)]
    below = np.concatenate([jaw + np.array([0.0, share * height], np.float32) for share in NECK])
    return (hull_mask(below, (inside.shape[0], inside.shape[1])) > 0) & inside


def _ears(mesh: NDArray[np.float32], inside: Mask) -> Mask:
    """Both sides of the face at the height of eyes to mouth."""
    oval = mesh[list(OVAL)]
    left, right, width = float(oval[:, 0].min()), float(oval[:, 0].max()), float(np.ptp(oval[:, 0]))
    x, y = np.arange(inside.shape[1])[None], np.arange(inside.shape[0])[:, None]
    near, far = (share * width for share in EARS)
    beside = ((x < left - near) & (x > left - far)) | ((x > right + near) & (x < right + far))
    between = (y > float(mesh[[33, 263], 1].mean())) & (y < float(mesh[[61, 291], 1].mean()))
    return np.asarray(beside & between & inside)
