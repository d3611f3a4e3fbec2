"""How good is the look at a face: size, blur, pose, compression. Numbers only; who reads them decides."""

import cv2
import numpy as np
from numpy.typing import NDArray

BLOCK_PX = 8  # the grid of JPEG, MPEG-2 and of the smallest H.264 transforms that deblocking leaves visible


def size_px(landmarks_px: NDArray[np.floating]) -> float:
    """Longer side of the box around a mesh (N, 2), in pixels."""
    return float(np.max(landmarks_px.max(axis=0) - landmarks_px.min(axis=0)))


def sharpness(crop: NDArray[np.uint8]) -> float:
    """Standard deviation of the Laplacian of a face crop (H, W, 3), brought to 112 px, in grey levels.

    Low means blurred: an upsampled or defocused face stays under about 5. Measured at one size, so that small and
    large faces compare. Source: variance of Laplacian (Pech-Pacheco et al., ICPR 2000), as a deviation.
    """
    grey = cv2.resize(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), (112, 112), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(grey, cv2.CV_32F)[16:96, 16:96].std())


def yaw_deg(mesh: NDArray[np.floating]) -> float:
    """Turn of the head to its side in degrees, 0 from the front, positive to the picture's right; mesh (468, 3).

    From the line between the cheeks (points 234 and 454), whose depth differs as the head turns.
    """
    across = mesh[454] - mesh[234]
    return float(np.degrees(np.arctan2(across[2], np.hypot(across[0], across[1]))))


def blockiness(rgb: NDArray[np.uint8], box_px: NDArray[np.floating]) -> float:
    """Step across 8-px block borders over the step elsewhere inside a box (4,); 1.0 means no grid is visible.

    Taken from the picture before any resampling. Source: blocking measure of Wang, Sheikh and Bovik (ICIP 2002).
    """
    height, width = rgb.shape[:2]
    x0, y0 = (int(v) for v in np.clip(box_px[:2], 0, [width - 1, height - 1]))
    x1, y1 = (int(v) for v in np.clip(box_px[2:], [x0 + 1, y0 + 1], [width, height]))
    grey = cv2.cvtColor(rgb[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY).astype(np.float32)
    if min(grey.shape) < 2 * BLOCK_PX:
        return 1.0
    ratios = [_grid_ratio(np.abs(np.diff(grey, axis=1)).mean(axis=0), x0)]
    ratios.append(_grid_ratio(np.abs(np.diff(grey, axis=0)).mean(axis=1), y0))
    return float(np.mean(ratios))


def _grid_ratio(steps: NDArray[np.float32], start: int) -> float:
    at_border = (np.arange(len(steps)) + start + 1) % BLOCK_PX == 0
    return float((steps[at_border].mean() + 0.1) / (steps[~at_border].mean() + 0.1))


def grid_strength(grey: NDArray[np.float32], place: NDArray[np.bool_], least_px: int) -> float | None:
    """Strength of the strongest grid of 8 px in a place, mean of both directions; 1 is none.

    grey: (H, W) grey levels; place: (H, W). Steps between neighbours at the grid's offset over steps elsewhere. None
    where fewer than `least_px` neighbours lie in the place.
    """
    strengths = []
    for picture, mask in ((grey, place), (grey.T, place.T)):
        steps, known = np.abs(np.diff(picture, axis=1)), mask[:, 1:] & mask[:, :-1]
        offsets = np.broadcast_to(np.arange(steps.shape[1]) % BLOCK_PX, steps.shape)[known]
        count = np.bincount(offsets, minlength=BLOCK_PX)
        if int(count.min()) < least_px / BLOCK_PX:
            return None
        total = np.bincount(offsets, weights=steps[known], minlength=BLOCK_PX)
        elsewhere = (total.sum() - total) / (count.sum() - count)
        strengths.append(float(((total / count + 0.1) / (elsewhere + 0.1)).max()))
    return float(np.mean(strengths))
