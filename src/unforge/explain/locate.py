"""Where on a face and when in a clip evidence is strongest: from regions to places that have a name."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.evidence import Evidence, Region
from unforge.faces import regions as shapes

MARKED = 0.5  # heat from which on a place counts as marked; detectors put their threshold there
HEAD = 1.2  # the head with hair line, ears and neck over the oval of the face

Mask = NDArray[np.bool_]


def on_crop(heat: NDArray[np.float32], side_px: int) -> NDArray[np.float32]:
    """Heat (h, w) brought to the size of its crop, (side_px, side_px)."""
    return np.asarray(cv2.resize(heat, (side_px, side_px), interpolation=cv2.INTER_LINEAR), np.float32)


def oval(landmarks_px: NDArray[np.floating], side_px: int, size: float = 1.0) -> Mask:
    """The face inside its outline, made `size` times as large about its middle."""
    outline = np.asarray(landmarks_px, np.float64)[list(shapes.OVAL)]
    centre = (outline.min(axis=0) + outline.max(axis=0)) / 2.0
    return shapes.hull_mask(centre + size * (outline - centre), (side_px, side_px)) > 0


def features(landmarks_px: NDArray[np.floating], side_px: int) -> dict[str, Mask]:
    """Eyes with their brows, mouth and nose by the hulls of their points; the first one has what two would share."""
    hulls = {
        "left eye": (*shapes.LEFT_EYE, *shapes.LEFT_BROW),
        "right eye": (*shapes.RIGHT_EYE, *shapes.RIGHT_BROW),
        "mouth": shapes.MOUTH,
        "nose": shapes.NOSE,
    }
    return {
        name: shapes.hull_mask(landmarks_px[list(points)], (side_px, side_px)) > 0 for name, points in hulls.items()
    }


def part_masks(landmarks_px: NDArray[np.floating], side_px: int) -> dict[str, Mask]:
    """The parts of a face by its landmarks (468, 2) on the crop: every pixel of the crop belongs to exactly one.

    Left and right are those of the picture. "outline" is everything around the oval: hair, ears, neck, background.
    """
    points = np.asarray(landmarks_px, np.float64)
    across, down = np.meshgrid(np.arange(side_px), np.arange(side_px))
    brows_y = points[[*shapes.LEFT_BROW, *shapes.RIGHT_BROW], 1].mean()
    lip_y = points[17, 1]
    (top_x, top_y), (chin_x, chin_y) = points[168], points[152]
    middle_x = top_x + (chin_x - top_x) * (down - top_y) / max(chin_y - top_y, 1.0)
    inside = oval(points, side_px)
    places = features(points, side_px) | {
        "forehead": inside & (down < brows_y),
        "chin": inside & (down > lip_y),
        "left cheek": inside & (across < middle_x),
        "right cheek": inside,
        "outline": np.ones((side_px, side_px), np.bool_),
    }
    free = np.ones((side_px, side_px), np.bool_)
    parts = {}
    for name, mask in places.items():
        parts[name] = mask & free
        free &= ~mask
    return parts


def parts(heat: NDArray[np.float32], landmarks_px: NDArray[np.floating], side_px: int) -> dict[str, float]:
    """Share of the marked heat per part, largest first; they sum to 1, and there are none where nothing is marked.

    heat: (h, w) in [0, 1] over a crop of side_px; landmarks_px: (468, 2) on that crop.
    """
    sized = on_crop(heat, side_px)
    weight = np.where(sized > MARKED, sized, 0.0).astype(np.float64)
    total = float(weight.sum())
    if total == 0.0:
        return {}
    shares = {name: float(weight[mask].sum()) / total for name, mask in part_masks(landmarks_px, side_px).items()}
    return {name: share for name, share in sorted(shares.items(), key=lambda item: -item[1]) if share > 0.0}


def of_track(evidence: Iterable[Evidence], track: int | None) -> tuple[Region, ...]:
    """Every look at one face (None: at the whole picture), in order of time, with the mean llr of who judged it.

    Its heat and facts are those of the examiner for whom it speaks loudest. A region without a box sums a person up; it
    counts only where no single looks were told.
    """
    regions = [
        region for answer in evidence if not answer.abstained for region in answer.regions if region.track == track
    ]
    looks = [region for region in regions if region.box_px is not None]
    together: dict[tuple[float, float], list[Region]] = {}
    for region in looks or regions:
        together.setdefault((region.start_s, region.end_s), []).append(region)
    return tuple(_one_look(same) for _, same in sorted(together.items()))


def _one_look(same: Sequence[Region]) -> Region:
    loudest = max(same, key=lambda region: (region.heat is not None, region.llr))
    return replace(loudest, llr=sum(region.llr for region in same) / len(same))


def peak(regions: Sequence[Region]) -> Region | None:
    """The region that speaks loudest for the question; the earliest of equals; None if none speaks for it."""
    loudest = max(regions, key=lambda region: region.llr, default=None)
    return loudest if loudest is not None and loudest.llr > 0 else None


def span_s(regions: Sequence[Region]) -> tuple[float, float] | None:
    """The seconds around the peak in which neighbours say at least half as much; None without a peak."""
    loudest = peak(regions)
    if loudest is None:
        return None
    loud = [region.llr >= loudest.llr / 2 for region in regions]
    first = last = next(index for index, region in enumerate(regions) if region is loudest)
    while first > 0 and loud[first - 1]:
        first -= 1
    while last + 1 < len(regions) and loud[last + 1]:
        last += 1
    return regions[first].start_s, max(region.end_s for region in regions[first : last + 1])
