"""From a close-up to colours: the mean colour of patches of skin in every frame, and of neck and background.

Every frame is laid onto one reference face before anything is averaged. Where the face lies is taken from landmarks
that were smoothed without delay: the mesh trembles at 1-3 Hz, just where a pulse would be, and a patch that trembles
over uneven skin changes colour.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.detect import _rppg
from unforge.detect._rppg import Floats
from unforge.faces import FaceTrack, align
from unforge.faces.regions import LEFT_BROW, LEFT_EYE, MOUTH, OVAL, RIGHT_BROW, RIGHT_EYE, hull_mask

Mask = NDArray[np.bool_]

# Mesh points around patches of skin that move little in speech; left and right as seen in the picture.
PATCHES = {
    "forehead left": (103, 67, 109, 10, 151, 9, 107, 66, 105, 104),
    "forehead right": (10, 338, 297, 332, 333, 334, 296, 336, 9, 151),
    "left cheek": (117, 119, 100, 203, 207, 213, 147, 123),
    "right cheek": (346, 348, 329, 423, 427, 433, 376, 352),
    "chin": (204, 424, 431, 369, 175, 140, 211),
}
RIGID = (
    10, 109, 338, 67, 297, 103, 332, 151, 108, 337, 69, 299, 104, 333, 9, 8, 168, 6, 197, 195,
    33, 133, 362, 263, 117, 346, 118, 347, 50, 280, 123, 352, 116, 345, 234, 454, 127, 356,
)  # fmt: skip
UNDER_CHIN = (149, 176, 148, 152, 377, 400, 378)
NECK = (0.08, 0.24)  # so far below the chin, over the height of the face
STEADY_HZ = 0.6  # landmarks follow a head up to here; what is quicker in them is mostly tremble
SAME_LIGHT, SAME_HUE = 0.7, 0.25  # natural logarithms; a pixel further from its patch's median is hair, glasses, glare
DARK = 8.0  # grey levels added before a logarithm: the ratio of two dark pixels is mostly noise
SATURATED = 250
SMALLEST = 300  # pixels of the crop; a smaller control is mostly noise
LOOKS = 24  # frames from which masks are made


@dataclass(frozen=True, slots=True)
class Skin:
    """What a close-up shows of a person's skin; T frames, R patches in the order of PATCHES.

    times_s: (T,); face: (T, 3) mean RGB of all skin; patches: (R, T, 3) of each patch.
    neck, background: (T, 3), or None where they cannot be seen.
    saturated: share of the skin at the upper end of the scale. place_px: (T, 2) the middle of the face in the film.
    change: (T,) mean difference to the frame before in grey levels, on the reference face.
    """

    times_s: Floats
    face: Floats
    patches: Floats
    neck: Floats | None
    background: Floats | None
    saturated: float
    place_px: Floats
    change: Floats


def read(track: FaceTrack, size_wh: tuple[int, int]) -> Skin:
    """Colours of a close-up. size_wh: of the displayed frame; beyond its edge a crop shows a mirror image."""
    onto = _onto_reference(track)
    looks = np.unique(np.linspace(0, len(track) - 1, LOOKS).round().astype(int))
    seen = np.stack([_laid(track.crops[n], onto[n]) for n in looks])
    masks = _masks(track.crop_landmarks_px.mean(axis=0), seen.mean(axis=0), _inside(track, onto, looks, size_wh))
    colours, change = _colours(track, onto, np.stack([mask / mask.sum() for mask in masks.values()]))
    by_name = dict(zip(masks, colours, strict=True))
    return Skin(
        times_s=track.times_s,
        face=by_name["face"],
        patches=np.stack([by_name[name] for name in PATCHES]),
        neck=by_name.get("neck"),
        background=by_name.get("background"),
        saturated=float((seen[:, masks["face"]] >= SATURATED).any(axis=-1).mean()),
        place_px=track.landmarks_px[:, RIGID].mean(axis=1).astype(np.float64),
        change=change,
    )


def _colours(track: FaceTrack, onto: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """Mean colours (M, T, 3) under masks (M, 224, 224) that sum to 1, and how much each frame differs from the last."""
    weights = shares.reshape(len(shares), -1).astype(np.float32)
    colours, change = np.empty((len(track), len(shares), 3)), np.zeros(len(track))
    before = _laid(track.crops[0], onto[0])
    for n, crop in enumerate(track.crops):
        laid = _laid(crop, onto[n])
        colours[n] = weights @ laid.reshape(-1, 3).astype(np.float32)
        change[n] = cv2.norm(laid, before, cv2.NORM_L1) / laid.size
        before = laid
    return np.moveaxis(colours, 0, 1), change


def _onto_reference(track: FaceTrack) -> Floats:
    """(T, 2, 3): from each crop onto the mean face of the track, after smoothing where the face lies in the film."""
    steady = _rppg.slow(track.times_s, track.landmarks_px[:, RIGID], STEADY_HZ)
    reference = track.crop_landmarks_px.mean(axis=0)[list(RIGID)].astype(np.float64)
    onto = np.empty((len(track), 2, 3))
    for n in range(len(track)):
        crop = align.face_square(track.landmarks_px[n], align.CROP_MARGIN, align.CROP_PX)
        points = steady[n] @ crop[:, :2].T + crop[:, 2]
        onto[n] = np.linalg.lstsq(np.column_stack([points, np.ones(len(points))]), reference, rcond=None)[0].T
    return onto


def _laid(crop: NDArray[np.uint8], matrix: Floats) -> NDArray[np.uint8]:
    size = (align.CROP_PX, align.CROP_PX)
    return np.asarray(cv2.warpAffine(crop, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _inside(track: FaceTrack, onto: Floats, looks: NDArray[np.int64], size_wh: tuple[int, int]) -> Mask:
    """(224, 224): places of the reference face that lie within the film in every look."""
    side = align.CROP_PX
    places = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2) + 0.5
    inside = np.ones(len(places), np.bool_)
    for n in looks:
        to_crop = align.invert(onto[n])
        to_film = align.invert(align.face_square(track.landmarks_px[n], align.CROP_MARGIN, side))
        there = (places @ to_crop[:, :2].T + to_crop[:, 2]) @ to_film[:, :2].T + to_film[:, 2]
        inside &= (there >= 1.0).all(axis=1) & (there <= np.array(size_wh) - 2.0).all(axis=1)
    return inside.reshape(side, side)


def _masks(mesh: NDArray[np.float32], mean: Floats, inside: Mask) -> dict[str, Mask]:
    """Where on the reference face skin, its patches, neck and background lie; controls only where they can be seen."""

    def hull(points: tuple[int, ...]) -> Mask:
        return hull_mask(mesh[list(points)], inside.shape) > 0

    hidden = np.any([hull(part) for part in (LEFT_EYE + LEFT_BROW, RIGHT_EYE + RIGHT_BROW, MOUTH)], axis=0)
    masks = {"face": _alike(mean, hull(OVAL) & ~hidden)}
    masks |= {name: _alike(mean, hull(points)) for name, points in PATCHES.items()}
    controls = {"neck": _neck(mesh, mean, inside, masks["face"]), "background": _background(mesh, inside)}
    return masks | {name: mask for name, mask in controls.items() if mask.sum() >= SMALLEST}


def _alike(mean: Floats, patch: Mask) -> Mask:
    """The part of a patch whose colour is like the patch's own median: fixed bounds would fit some skins only."""
    colours = np.log(mean + DARK)
    apart = colours - np.median(colours[patch], axis=0)
    light = apart.mean(axis=-1)
    hue = np.abs(apart - light[..., None]).max(axis=-1)
    alike = patch & (np.abs(light) < SAME_LIGHT) & (hue < SAME_HUE)
    return alike if alike.any() else patch


def _neck(mesh: NDArray[np.float32], mean: Floats, inside: Mask, face: Mask) -> Mask:
    """Below the chin, if what is there has the hue of the face: darker is a shadow, another hue is clothing."""
    height = float(np.ptp(mesh[:, 1]))
    jaw = mesh[list(UNDER_CHIN)]
    below = np.concatenate([jaw + np.array([0.0, share * height]) for share in NECK])
    patch = (hull_mask(below, inside.shape) > 0) & inside
    if not patch.any():
        return patch
    patch = _alike(mean, patch)
    apart = np.log(np.median(mean[patch], axis=0) + DARK) - np.log(np.median(mean[face], axis=0) + DARK)
    return patch & bool(np.ptp(apart) < SAME_HUE)


def _background(mesh: NDArray[np.float32], inside: Mask) -> Mask:
    """Left and right of the head, above the shoulders."""
    oval = mesh[list(OVAL)]
    width, x = float(np.ptp(oval[:, 0])), np.arange(inside.shape[1])
    beside = (x < oval[:, 0].min() - 0.25 * width) | (x > oval[:, 0].max() + 0.25 * width)
    above = np.arange(inside.shape[0]) < float(mesh[17, 1])
    return np.asarray(inside & beside[None] & above[:, None])
