"""The same face with another expression: another moment of the same clip, or its own shape bent to somebody else's.

Programs that re-enact a face leave the person, the light and the camera as they are. What is left to find is that an
inner part was bent, drawn at another resolution, and set in again.
"""

from collections.abc import Mapping

import numpy as np

from unforge.errors import UsageError
from unforge.faces import align
from unforge.train.fakes import Donors, Fake
from unforge.train.fakes._alter import resampled, sharpened
from unforge.train.fakes._coarse import UP, through, whole_grid
from unforge.train.fakes._fit import HOLDING, bent_onto, coloured_like, mismatch, similarity
from unforge.train.fakes._mask import Generator, Mesh, Picture, draw, named, paste, region_mask, until_visible

REGIONS: Mapping[str, float] = {"face": 0.22, "inner face": 0.30, "lower face": 0.20, "mouth": 0.28}
DRAWN_SHARE = 0.55  # drawn through a coarse grid, as a renderer of its own resolution does


def make(rgb: Picture, landmarks_px: Mesh, rng: Generator, donors: Donors | None = None) -> Fake:
    """Forge a face crop (H, W, 3) with mesh (468, 2) on it; raises UsageError without donors.

    Half of the time the untouched partner has been sampled once, or drawn through the same grid as a whole.
    """
    if donors is None:
        raise UsageError("reenact: expected donors (unforge.train.donors.NearestDonors); got None")
    return until_visible(lambda: _attempt(rgb, landmarks_px, rng, donors))


def _attempt(rgb: Picture, landmarks_px: Mesh, rng: Generator, donors: Donors) -> Fake:
    region = draw(REGIONS, rng)
    mask = region_mask(landmarks_px, rgb.shape[:2], rng, region)
    coarse, other_partner = rng.random() < DRAWN_SHARE, rng.random() < 0.5
    target = resampled(rgb, rng) if other_partner and not coarse else rgb
    source, partner = _expressing(target, landmarks_px, rng, donors), target
    if coarse:
        source, softened = _drawn((source, target), rng)
        partner = softened if other_partner else target
    source = coloured_like(source, target, mask, rng.uniform(0.0, 1.0))
    artefacts = ("geometry", *mismatch(source, target, mask), *(("upsampling",) if coarse else ()))
    return Fake(paste(source, target, mask), partner, mask, artefacts, named(region))


def _expressing(rgb: Picture, landmarks_px: Mesh, rng: Generator, donors: Donors) -> Picture:
    """The face as it looks at another moment, where there is one, and else under another's expression."""
    holding, moment = list(HOLDING), donors.again(landmarks_px, rng)
    own = landmarks_px[holding]
    if moment is not None:
        crop, mesh_px = moment
        placed = similarity(mesh_px[holding], own)
        return bent_onto(crop, mesh_px[holding], placed + rng.uniform(0.0, 0.5) * (own - placed), rgb.shape[:2])
    _, mesh_px = donors.near(landmarks_px, rng)
    wanted = similarity(mesh_px[holding], own)
    return bent_onto(rgb, own, own + rng.uniform(0.5, 1.0) * (wanted - own), rgb.shape[:2])


def _drawn(pictures: tuple[Picture, Picture], rng: Generator) -> tuple[Picture, Picture]:
    """Both through a grid of a generator's resolution and back, sharpened after that now and then."""
    shape, kernel = pictures[0].shape, UP[rng.integers(len(UP))]
    forth, size_wh = whole_grid(shape, rng.uniform(0.45, 0.95), np.radians(rng.uniform(-6, 6)))
    one, other = (through(picture, forth, size_wh, align.invert(forth), kernel)[1] for picture in pictures)
    if rng.random() < 0.35:
        sigma_px, amount = rng.uniform(0.7, 1.4), rng.uniform(0.2, 1.0)
        return sharpened(one, sigma_px, amount), sharpened(other, sigma_px, amount)
    return one, other
