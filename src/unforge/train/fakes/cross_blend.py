"""Another person's face, of like pose and shape, bent onto this one: the classical face swap without a generator.

Shape, colour and sharpness are fitted more or less well, as swapping programs do; what is left over is measured.
"""

from collections.abc import Mapping

from unforge.errors import UsageError
from unforge.train.fakes import Donors, Face, Fake
from unforge.train.fakes._alter import resampled
from unforge.train.fakes._fit import (
    HOLDING,
    as_sharp_as,
    bent_onto,
    cloned,
    coloured_like,
    donor_for,
    mismatch,
    outline,
    similarity,
)
from unforge.train.fakes._mask import (
    Generator,
    Mask,
    Mesh,
    Picture,
    draw,
    named,
    paste,
    region_mask,
    until_visible,
)

REGIONS: Mapping[str, float] = {
    "face": 0.46,
    "inner face": 0.26,
    "lower face": 0.10,
    "mouth": 0.06,
    "eyes": 0.08,
    "nose": 0.04,
}


def make(rgb: Picture, landmarks_px: Mesh, rng: Generator, donors: Donors | None = None) -> Fake:
    """Forge a face crop (H, W, 3) with mesh (468, 2) on it; raises UsageError without donors.

    Half of the time the target, and with it the untouched partner, has been sampled once as the donor's face has:
    the softness of a warp alone is no label.
    """
    if donors is None:
        raise UsageError("cross_blend: expected donors (unforge.train.donors.NearestDonors); got None")
    return until_visible(lambda: _attempt(rgb, landmarks_px, rng, donors))


def _attempt(rgb: Picture, landmarks_px: Mesh, rng: Generator, donors: Donors) -> Fake:
    region = draw(REGIONS, rng)
    mask = region_mask(landmarks_px, rgb.shape[:2], rng, region)
    target = resampled(rgb, rng) if rng.random() < 0.5 else rgb
    source = _worn(donor_for(target, landmarks_px, donors, rng), landmarks_px, target, rng)
    source = _matched(source, target, outline(landmarks_px, rgb.shape[:2]), rng)
    joined = cloned(source, target, mask) if rng.random() < 0.25 else None
    left_over = mismatch(source if joined is None else joined, target, mask)
    forged = paste(source if joined is None else joined, target, mask)
    return Fake(forged, target, mask, ("geometry", *left_over), named(region))


def _worn(donor: Face, landmarks_px: Mesh, target: Picture, rng: Generator) -> Picture:
    """The donor's face on the target's mesh; by chance it keeps some of its own shape."""
    crop, mesh_px = donor
    holding = list(HOLDING)
    wanted = landmarks_px[holding]
    own = similarity(mesh_px[holding], wanted)
    fitted = 1.0 if rng.random() < 0.55 else rng.uniform(0.2, 1.0)
    return bent_onto(crop, mesh_px[holding], own + fitted * (wanted - own), target.shape[:2])


def _matched(source: Picture, target: Picture, where: Mask, rng: Generator) -> Picture:
    """Colours and sharpness of the target, to a random degree."""
    strength = rng.uniform(0.3, 0.6) if rng.random() < 0.12 else rng.uniform(0.7, 1.0)
    light = rng.uniform(0.3, 0.9) if rng.random() < 0.5 else 0.0
    source = coloured_like(source, target, where, strength, light)
    return as_sharp_as(source, target, where) if rng.random() < 0.75 else source
