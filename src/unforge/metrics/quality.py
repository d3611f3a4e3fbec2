"""How much of a change can be seen: of pictures (H, W, 3) uint8, and of film.

Unlike the rest of this folder it needs scikit-image, so that it is imported by its own name.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import structural_similarity

from unforge.errors import ShapeError

Picture = NDArray[np.uint8]

SSIM_SIGMA_PX = 1.5  # Wang et al. 2004, section III-C
SSIM_SMALLEST_PX = 11  # side of their window
_PIXELS_AT_ONCE = 1 << 18  # of CIEDE2000, whose intermediate values take a hundred times the picture


def psnr_db(first: Picture, second: Picture) -> float:
    """Peak signal to noise ratio over all values; infinite for equal pictures. Raises ShapeError."""
    _same(first, second)
    squares = _squared_error(first, second) / first.size
    return float(10.0 * np.log10(255.0**2 / squares)) if squares else float("inf")


def ssim(first: Picture, second: Picture) -> float:
    """Structural similarity, the mean over colours and places. Raises ShapeError, also for sides under 11 px.

    Source: Wang, Bovik, Sheikh and Simoncelli, IEEE Transactions on Image Processing 13 (2004), equation 13.
    """
    _same(first, second)
    if min(first.shape[:2]) < SSIM_SMALLEST_PX:
        raise ShapeError("pictures", expected=f"sides of {SSIM_SMALLEST_PX} px or more", got=first.shape)
    return float(
        structural_similarity(  # type: ignore[no-untyped-call]
            first.astype(np.float32),
            second.astype(np.float32),
            channel_axis=2,
            data_range=255.0,
            gaussian_weights=True,
            sigma=SSIM_SIGMA_PX,
            use_sample_covariance=False,
        )
    )


def ciede2000(first: Picture, second: Picture) -> NDArray[np.float32]:
    """Difference in colour of every pixel (H, W); about 1 is just seen side by side. Raises ShapeError.

    Source: CIE 142-2001; Sharma, Wu and Dalal, Color Research and Application 30 (2005).
    """
    _same(first, second)
    rows = max(1, _PIXELS_AT_ONCE // first.shape[1])
    strips = [
        deltaE_ciede2000(  # type: ignore[no-untyped-call]
            rgb2lab(first[top : top + rows]), rgb2lab(second[top : top + rows])
        )
        for top in range(0, len(first), rows)
    ]
    return np.concatenate(strips).astype(np.float32)


def flicker(clean: Iterable[Picture], changed: Iterable[Picture]) -> float:
    """Change of a perturbation from frame to frame, over the clean film's own temporal noise.

    Both films have the same frames, as they are decoded. Above: mean |d(t) - d(t-1)| of the perturbation d. Below:
    mean |x(t+1) - 2 x(t) + x(t-1)| / sqrt(3) of the clean film x, in which steady motion cancels; noise without
    memory counts alike in both. nan where the clean film has no noise at all.
    Raises ShapeError where the films differ in size or length, or have fewer than three frames.
    """
    triples = list(_changes(clean, changed))
    if len(triples) < 2:
        raise ShapeError("films", expected="three frames or more", got=len(triples) + 1 if triples else "one at most")
    noise = float(np.mean([noise for _, noise in triples[1:]])) / 3.0**0.5
    return float(np.mean([moved for moved, _ in triples])) / noise if noise else float("nan")


def _changes(clean: Iterable[Picture], changed: Iterable[Picture]) -> Iterator[tuple[float, float]]:
    """From each frame to the next: mean change of the perturbation, and of the clean film's own change."""
    last_step: NDArray[np.int16] | None = None
    for (before, before_changed), (after, after_changed) in pairwise(_frames(clean, changed)):
        step = after.astype(np.int16) - before
        moved = after_changed.astype(np.int16) - before_changed - step
        yield float(np.abs(moved).mean()), 0.0 if last_step is None else float(np.abs(step - last_step).mean())
        last_step = step


def _frames(clean: Iterable[Picture], changed: Iterable[Picture]) -> Iterator[tuple[Picture, Picture]]:
    shape = None
    try:
        for one, other in zip(clean, changed, strict=True):
            _same(one, other)
            shape = shape or one.shape
            if one.shape != shape:
                raise ShapeError("frame", expected=shape, got=one.shape)
            yield one, other
    except ShapeError:
        raise
    except ValueError as cause:
        raise ShapeError("films", expected="as many frames in both", got=str(cause)) from cause


def _squared_error(first: Picture, second: Picture) -> float:
    return float(
        sum(np.square(a.astype(np.int32) - b, dtype=np.int64).sum() for a, b in zip(first, second, strict=True))
    )


def _same(first: Picture, second: Picture) -> None:
    for picture in (first, second):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
            raise ShapeError("picture", expected="(H, W, 3) uint8", got=f"{picture.shape} {picture.dtype}")
    if first.shape != second.shape:
        raise ShapeError("pictures", expected="two of one size", got=(first.shape, second.shape))
