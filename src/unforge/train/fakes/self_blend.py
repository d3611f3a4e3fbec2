"""A face blended with an altered copy of itself: a seam, and nothing else, tells the forgery from its original.

The idea is public (Self-Blended Images, CVPR 2022; Face X-ray, CVPR 2020); regions, cues, ranges and code are ours.
The cue is drawn first and balanced, because a generator that draws alterations blindly teaches colour steps only.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from unforge.train.fakes import Donors, Fake
from unforge.train.fakes._alter import ALTERATIONS, SINGLE, altered, moved
from unforge.train.fakes._mask import (
    Generator,
    Mesh,
    Picture,
    draw,
    face_px,
    named,
    paste,
    region_mask,
    until_visible,
)

CUES: Mapping[str, float] = {
    "colour": 0.28,
    "sharpness": 0.24,
    "smoothing": 0.07,
    "compression": 0.10,
    "geometry": 0.15,
    "mixed": 0.16,
}
REGIONS: Mapping[str, float] = {
    "face": 0.36,
    "inner face": 0.18,
    "lower face": 0.14,
    "mouth": 0.14,
    "eyes": 0.08,
    "nose": 0.04,
    "half": 0.06,
}


def make(
    rgb: Picture,
    landmarks_px: Mesh,
    rng: Generator,
    donors: Donors | None = None,
    cue: str | None = None,
    region: str | None = None,
) -> Fake:
    """Forge a face crop (H, W, 3) with mesh (468, 2) on it; no donors are needed.

    cue, region: force what is otherwise drawn (for probes and tests). One side of the seam is the altered copy, by
    chance the inner or the outer one; the untouched partner is altered as a whole half of the time. So neither the
    alteration nor its absence is a label: only the seam is.
    """
    return until_visible(lambda: _attempt(rgb, landmarks_px, rng, cue, region))


def _attempt(rgb: Picture, landmarks_px: Mesh, rng: Generator, cue: str | None, region: str | None) -> Fake:
    cue = cue or draw(CUES, rng)
    region = region or draw(REGIONS, rng)
    mask = region_mask(landmarks_px, rgb.shape[:2], rng, region)
    copy, artefacts = _altered(rgb, cue, rng)
    inside_altered = rng.random() < 0.6
    source, target = (copy, rgb) if inside_altered else (rgb, copy)
    if cue == "geometry" or rng.random() < 0.4:
        source = moved(source, face_px(landmarks_px), 1.0 if cue == "geometry" else 0.6, rng)
        artefacts = (*artefacts, "geometry")
    blended = paste(source, target, mask)
    partner = copy if rng.random() < 0.5 else rgb
    return Fake(blended, partner, mask, tuple(dict.fromkeys(artefacts)), named(region))


def _altered(rgb: Picture, cue: str, rng: Generator) -> tuple[Picture, tuple[str, ...]]:
    if cue == "geometry":
        return rgb, ()
    if cue != "mixed":
        return altered(rgb, cue, rng), (cue,)
    names = list(ALTERATIONS)
    chosen = [names[n] for n in sorted(rng.choice(len(names), 2, replace=False))]
    for name in chosen:
        rgb = altered(rgb, name, rng)
    return rgb, tuple(chosen)


@dataclass(frozen=True, slots=True)
class SingleCue:
    """The family with one alteration and one region: a probe of what a net has learned, cue by cue.

    cue: a name of SINGLE_CUES; region: a name of REGIONS.
    """

    cue: str
    region: str

    def make(self, rgb: Picture, landmarks_px: Mesh, rng: Generator, donors: Donors | None = None) -> Fake:
        return until_visible(lambda: self._attempt(rgb, landmarks_px, rng))

    def _attempt(self, rgb: Picture, landmarks_px: Mesh, rng: Generator) -> Fake:
        mask = region_mask(landmarks_px, rgb.shape[:2], rng, self.region)
        moves = self.cue == "geometry"
        copy = moved(rgb, face_px(landmarks_px), 1.0, rng) if moves else SINGLE[self.cue](rgb, rng)
        return Fake(paste(copy, rgb, mask), copy if rng.random() < 0.5 else rgb, mask, (self.cue,), named(self.region))


SINGLE_CUES = (*SINGLE, "geometry")
