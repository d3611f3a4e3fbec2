"""Pairs of a real face and its own forgery, as the network will meet them: degraded alike and cropped alike."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge import channel
from unforge.explain import locate, probe
from unforge.faces import align
from unforge.train import fakes, hard

# (effect, how often, up to which strength): what a face goes through between camera and examiner
DEGRADATIONS = (
    ("resize", 0.35, 0.6),
    ("blur", 0.15, 0.4),
    ("noise", 0.15, 0.4),
    ("jpeg", 0.45, 0.8),
    ("h264", 0.40, 0.9),
)
HIDDEN_SHARE = 0.15  # of pairs of which a part is hidden: what is hidden says nothing, neither for nor against
HIDDEN_AREA = (0.04, 0.4)  # of the head
MOST_HIDDEN = 0.5  # of the forged part; a forgery must still be one


@dataclass(frozen=True, slots=True)
class View:
    """How a crop of 224 px is brought to the network: side in pixels and the range of margins."""

    size_px: int
    margin_low: float
    margin_high: float


@dataclass(frozen=True, slots=True)
class Way:
    """One way through the world, to be gone by a pair together.

    steps: (effect, strength, seed) in order; gain, shift_levels: the exposure at its end.
    """

    steps: tuple[tuple[str, float, int], ...]
    gain: float
    shift_levels: float

    def of(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture (H, W, 3) at the end of the way."""
        for name, strength, seed in self.steps:
            rgb = channel.load(name).apply(rgb, strength, np.random.default_rng(seed))
        return np.asarray(np.clip(np.round(rgb * self.gain + self.shift_levels), 0, 255), np.uint8)

    @property
    def quality(self) -> NDArray[np.float32]:
        """(3,) strengths in [0, 1] of what was lost: by blur, by compression, by size."""
        lost = {name: strength for name, strength, _ in self.steps}
        coded = max(lost.get("jpeg", 0.0), lost.get("h264", 0.0))
        return np.array([lost.get("blur", 0.0), coded, lost.get("resize", 0.0)], np.float32)


UNTOUCHED = Way((), 1.0, 0.0)


def draw_way(rng: np.random.Generator) -> Way:
    """A random way, of DEGRADATIONS in their order."""
    steps = []
    for name, share, strongest in DEGRADATIONS:
        chosen, strength, seed = rng.random() < share, rng.uniform(0.0, strongest), int(rng.integers(2**63))
        if chosen:
            steps.append((name, float(strength), seed))
    return Way(tuple(steps), float(np.exp(rng.uniform(-0.15, 0.15))), float(rng.uniform(-12, 12)))


@dataclass(frozen=True, slots=True)
class Pair:
    """A real face and its forgery in the network's view.

    real, fake: (H, W, 3) uint8; mask: (H / 4, W / 4) float32; quality: (3,) float32 as Way.quality.
    artefacts, region, told: as in fakes.Fake.
    """

    real: NDArray[np.uint8]
    fake: NDArray[np.uint8]
    mask: NDArray[np.float32]
    quality: NDArray[np.float32]
    artefacts: tuple[str, ...]
    region: str
    told: bool


def make_pair(
    crop: NDArray[np.uint8],
    landmarks_px: NDArray[np.float32],
    family: fakes.Family,
    view: View,
    rng: np.random.Generator,
    degraded: bool = True,
    donors: fakes.Donors | None = None,
) -> Pair:
    """One real face crop (224, 224, 3) with its mesh, forged and brought to the network's view."""
    return seen(family.make(crop, landmarks_px, rng, donors), landmarks_px, view, rng, degraded)


def seen(
    made: fakes.Fake, landmarks_px: NDArray[np.float32], view: View, rng: np.random.Generator, degraded: bool = True
) -> Pair:
    """A forgery and its partner, both (224, 224, 3) with one mesh, brought to the network's view by the same way."""
    way = draw_way(rng) if degraded else UNTOUCHED
    matrix = view_matrix(landmarks_px, view, rng)
    shown = made.real, made.rgb
    if degraded and rng.random() < hard.SHARE:
        layer = hard.draw(landmarks_px, made.mask.shape[0], rng)
        shown = layer(made.real), layer(made.rgb)
    arrived = way.of(shown[0]), way.of(shown[1])
    if degraded and rng.random() < HIDDEN_SHARE:
        arrived = _partly_hidden(arrived, made.mask, landmarks_px, rng)
    real, fake = (align.warp(picture, matrix, view.size_px) for picture in arrived)
    mask = cv2.warpAffine(made.mask, matrix, (view.size_px, view.size_px), flags=cv2.INTER_LINEAR)
    mask = cv2.resize(mask, (view.size_px // 4, view.size_px // 4), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        real, fake, mask = real[:, ::-1], fake[:, ::-1], mask[:, ::-1]
    return Pair(
        np.ascontiguousarray(real),
        np.ascontiguousarray(fake),
        np.ascontiguousarray(mask, np.float32),
        way.quality,
        made.artefacts,
        made.region,
        made.told,
    )


def _partly_hidden(
    pictures: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    mask: NDArray[np.float32],
    landmarks_px: NDArray[np.float32],
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both with the same region hidden as the test of a mark hides it; as they are where little would be left."""
    head = locate.oval(landmarks_px, mask.shape[0], locate.HEAD)
    region = probe.random_region(round(rng.uniform(*HIDDEN_AREA) * int(head.sum())), head, rng)
    if float(mask[region].sum()) > MOST_HIDDEN * float(mask.sum()):
        return pictures
    real, fake = (probe.hide(picture, region, rng) for picture in pictures)
    return real, fake


def view_matrix(landmarks_px: NDArray[np.float32], view: View, rng: np.random.Generator) -> NDArray[np.float64]:
    """Matrix (2, 3) of the network's view of a crop: about what the examiner takes, but not quite."""
    low, high = landmarks_px.min(axis=0), landmarks_px.max(axis=0)
    size_px = float(np.max(high - low))
    centre = (low + high) / 2.0 + rng.uniform(-0.03, 0.03, 2) * size_px
    angle = np.radians(rng.uniform(-6, 6))
    eyes = np.array([[0.0, 0.0], [np.cos(angle), np.sin(angle)]])
    return align.level_square(centre, rng.uniform(view.margin_low, view.margin_high) * size_px, eyes, view.size_px)
