"""Where on a face and when in a clip evidence is strongest: from regions to places that have a name."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from unforge.evidence import Evidence, Region

VISIBLE = 0.3  # heat below this is not shown to anybody as a place

# Boxes (left, top, right, bottom) as shares of the level face crop. Its side is 1.6 times the longer side of
# the face mesh, which so fills the middle 0.19 .. 0.81; left and right are those of the picture.
PARTS: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    "forehead": ((0.30, 0.19, 0.70, 0.34),),
    "left eye": ((0.28, 0.34, 0.47, 0.47),),
    "right eye": ((0.53, 0.34, 0.72, 0.47),),
    "nose": ((0.42, 0.42, 0.58, 0.60),),
    "left cheek": ((0.24, 0.48, 0.40, 0.68),),
    "right cheek": ((0.60, 0.48, 0.76, 0.68),),
    "mouth": ((0.37, 0.60, 0.63, 0.73),),
    "chin": ((0.36, 0.73, 0.64, 0.83),),
    "outline": (
        (0.0, 0.0, 1.0, 0.16),
        (0.0, 0.16, 0.16, 1.0),
        (0.84, 0.16, 1.0, 1.0),
        (0.16, 0.86, 0.84, 1.0),
    ),
}
INNER = tuple(name for name in PARTS if name != "outline")


def part(heat: NDArray[np.float32]) -> str | None:
    """The part of a face crop with the highest mean heat.

    heat: (h, w) float32 in [0, 1] over the crop. "whole face" where every inner part is nearly as hot as the
    hottest; None where nothing is hot enough to point at.
    """
    means = {name: float(np.mean([_mean(heat, box) for box in boxes])) for name, boxes in PARTS.items()}
    hottest = max(means, key=lambda name: means[name])
    if means[hottest] < VISIBLE:
        return None
    evenly = min(means[name] for name in INNER) >= 0.6 * means[hottest]
    return "whole face" if evenly and hottest != "outline" else hottest


def _mean(heat: NDArray[np.float32], box: tuple[float, float, float, float]) -> float:
    height, width = heat.shape
    left, top, right, bottom = box
    x0, y0 = int(left * width), int(top * height)
    return float(heat[y0 : max(y0 + 1, round(bottom * height)), x0 : max(x0 + 1, round(right * width))].mean())


def of_track(evidence: Iterable[Evidence], track: int) -> tuple[Region, ...]:
    """Every look at one face by examiners who could judge, in order of time.

    A region without a box sums a person up; it counts only where no single looks were told.
    """
    regions = [
        region for answer in evidence if not answer.abstained for region in answer.regions if region.track == track
    ]
    looks = [region for region in regions if region.box_px is not None]
    return tuple(sorted(looks or regions, key=lambda region: (region.start_s, region.end_s)))


def peak(regions: Sequence[Region]) -> Region | None:
    """The region that speaks loudest for the question; the earliest of equals; None if none speaks for it."""
    loudest = max(regions, key=lambda region: region.llr, default=None)
    return loudest if loudest is not None and loudest.llr > 0 else None


def hottest_part(regions: Sequence[Region]) -> str | None:
    """The part of the face that the loudest region with a heat map points at."""
    loudest = peak([region for region in regions if region.heat is not None])
    return None if loudest is None or loudest.heat is None else part(loudest.heat)


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
