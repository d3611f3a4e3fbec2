"""The test of a mark on the very case: hide the region, examine again, compare.

Nobody knows what an examiner makes of a hidden place as such: hiding leaves traces of its own. Therefore regions as
large at random places are hidden in the same way, and only what the mark does beyond them counts.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.examiner import Examiner
from unforge.exhibit import Exhibit
from unforge.explain import locate
from unforge.faces import FaceTrack
from unforge.report import Hidden

DRAWS = 3  # random regions per look
PER_LOOK = 2 * (1 + DRAWS) + 1  # pictures that an examiner is shown of a look
CLEARLY = math.log(2.0)  # the likelihood ratio halves
BLUR_PX = 8.0  # standard deviation: nothing finer than an eye is left of a face of 140 px
RIM_PX = 3.0
BLOB_PX = 18.0  # standard deviation of the noise that random regions are cut from: about the size of a mouth
SEED = 20

Mask = NDArray[np.bool_]


def hide(rgb: NDArray[np.uint8], region: Mask, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture (H, W, 3) with a region (H, W) blurred away and given the grain of the rest; its rim is soft.

    Blurred, not blackened: a black patch is like nothing that an examiner has ever seen.
    """
    picture = rgb.astype(np.float32)
    fine = np.abs(picture - cv2.GaussianBlur(picture, (0, 0), 1.0))
    grain_levels = float(np.median(fine[~region])) / 0.6745 if not region.all() else 0.0
    grain = grain_levels * rng.standard_normal((*region.shape, 1), np.float32)
    weight = cv2.GaussianBlur(region.astype(np.float32), (0, 0), RIM_PX)[..., None]
    hidden = cv2.GaussianBlur(picture, (0, 0), BLUR_PX) + grain
    return np.asarray(np.clip(np.round(picture * (1.0 - weight) + hidden * weight), 0, 255), np.uint8)


def random_region(area_px: int, domain: Mask, rng: np.random.Generator) -> Mask:
    """A blotchy region of an area inside a domain (H, W), or the whole domain where that is smaller."""
    field = cv2.GaussianBlur(rng.standard_normal(domain.shape, np.float32), (0, 0), BLOB_PX)
    order = np.argsort(np.where(domain, -field, np.inf), axis=None, kind="stable")
    region = np.zeros(domain.size, np.bool_)
    region[order[: min(area_px, int(domain.sum()))]] = True
    return region.reshape(domain.shape)


def tested(
    exhibit: Exhibit, examiner: Examiner, track: FaceTrack, looks: Sequence[int], marks: Sequence[Mask]
) -> tuple[Hidden | None, ...]:
    """For each look (its position in the track) with its mark (H, W): what the examiner says with the mark hidden.

    None where the examiner did not answer, or where no random region as large would be another one.
    """
    usable = [(look, mark) for look, mark in zip(looks, marks, strict=True) if _can_be_tested(track, look, mark)]
    if not usable:
        return (None,) * len(looks)
    positions = [look for look, _ in usable]
    person = _shown(track, positions, [_versions(track, look, mark) for look, mark in usable])
    answer = examiner.examine(exhibit.showing([person]))
    llrs = {} if answer.abstained else {r.start_s: r.llr for r in answer.regions if r.box_px is not None}
    said = [[llrs.get(float(n * PER_LOOK + k)) for k in range(PER_LOOK)] for n in range(len(positions))]
    found = dict(zip(positions, map(_compared, said), strict=True))
    return tuple(found.get(look) for look in looks)


def _domain(track: FaceTrack, look: int) -> Mask:
    return locate.oval(track.crop_landmarks_px[look], track.crops.shape[1], locate.HEAD)


def _can_be_tested(track: FaceTrack, look: int, mark: Mask) -> bool:
    return 0 < int(mark.sum()) <= 0.9 * int(_domain(track, look).sum())


def _versions(track: FaceTrack, look: int, mark: Mask) -> NDArray[np.uint8]:
    """(PER_LOOK, H, W, 3): in turns the look as it is and with a region hidden, first the mark and then random ones.

    The looks as they are outnumber the others: examiners who weigh an answer by the quality of the whole track shall
    weigh it as before. Otherwise they would judge the blur instead of what it hides.
    """
    rng = np.random.default_rng((SEED, look))
    crop, domain = track.crops[look], _domain(track, look)
    regions = [mark, *(random_region(int(mark.sum()), domain, rng) for _ in range(DRAWS))]
    versions = np.repeat(crop[None], PER_LOOK, axis=0)
    versions[1::2] = [hide(crop, region, rng) for region in regions]
    return versions


def _shown(track: FaceTrack, looks: Sequence[int], versions: Sequence[NDArray[np.uint8]]) -> FaceTrack:
    """A person who is seen once a second, in every version of every look.

    How good the looks were is told as before: an examiner shall judge what was hidden, not abstain because of it.
    """
    kept = np.repeat(np.asarray(looks), PER_LOOK)
    return replace(
        track,
        times_s=np.arange(len(kept), dtype=np.float64),
        boxes_px=track.boxes_px[kept],
        landmarks_px=track.landmarks_px[kept],
        size_px=track.size_px[kept],
        sharpness=track.sharpness[kept],
        yaw_deg=track.yaw_deg[kept],
        blockiness=track.blockiness[kept],
        crops=np.concatenate(versions),
        crop_landmarks_px=track.crop_landmarks_px[kept],
    )


def _compared(said: Sequence[float | None]) -> Hidden | None:
    """The result for one look, from what was said of its versions."""
    llrs = [llr for llr in said if llr is not None]
    if len(llrs) < PER_LOOK:
        return None
    before, (marked, *random) = llrs[0], llrs[1::2]
    confirmed = before - marked >= CLEARLY and min(random) - marked >= CLEARLY
    return Hidden(before, marked, tuple(random), confirmed)
