"""Scenes to write on: photographs of stills, and scenes put together, so that not everything shows people."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.train import datasets
from unforge.train.adverts import _ink

# Sets whose licences let weights be shipped: CC0, CC BY, public domain.
LICENSED = ("18f_team", "canada_faces", "london_faces", "ms_advocates", "openforensics256_train", "rladies")
LARGE = "openforensics256_train"  # most of the stills, and the most diverse
# Pictures that come with scikit-image and are free of rights; those kept for measuring stand second.
COME_ALONG = (
    ("astronaut.png", "brick.png", "camera.png", "chelsea.png", "grass.png", "moon.png"),
    ("coffee.png", "gravel.png", "hubble_deep_field.jpg", "rocket.jpg"),
)
DRAWN, CAME_ALONG = 0.35, 0.08  # shares of the scenes
SIDE_PX = (240, 400)
LEARN, JUDGE, MEASURE = "learn", "judge", "measure"
JUDGED = 0.2  # share of the training stills that nothing learns from: they calibrate

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Scenes:
    """Where scenes come from. common, rare: stills of the large set and of the small ones; beside: pictures that come
    with scikit-image. Without stills, all scenes are drawn or come along."""

    common: Sequence[Path]
    rare: Sequence[Path]
    beside: Sequence[Path]

    def draw(self, rng: np.random.Generator) -> Picture:
        """One scene (H, W, 3), sides of 240 to 400 px."""
        width, height = (int(side) for side in rng.integers(*SIDE_PX, 2))
        chance = rng.random()
        if chance < DRAWN or not (self.common or self.rare):
            rgb = put_together(rng) if chance < 0.8 else _part_of_one(self.beside, 0.35, rng)
        elif chance < DRAWN + CAME_ALONG:
            rgb = _part_of_one(self.beside, 0.35, rng)
        else:
            stills = self.rare if self.rare and (rng.random() < 0.2 or not self.common) else self.common
            rgb = _part_of_one(stills, 0.75, rng)
        return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def scenes(data: Path | None, part: str) -> Scenes:
    """The scenes to learn from, to judge by (both of the training split), or to measure on (the validation split)."""
    found = [] if data is None else stills(data, part)
    beside = [_along(name) for name in COME_ALONG[part == MEASURE]]
    common = [path for dataset, path in found if dataset == LARGE]
    return Scenes(common, [path for dataset, path in found if dataset != LARGE], beside)


def stills(data: Path, part: str, sets: Sequence[str] = LICENSED) -> list[tuple[str, Path]]:
    """(data set, file) of the untouched stills of a part, as the manifest has them; the licensed sets by default."""
    split = "val" if part == MEASURE else "train"
    found = [
        (sample.dataset, sample.path)
        for sample in datasets.index("manifest", data)
        if sample.label == "real" and sample.kind == "image" and sample.split == split and sample.dataset in sets
    ]
    return [one for one in found if part == MEASURE or (_chance(one[1]) < JUDGED) == (part == JUDGE)]


def _chance(path: Path) -> float:
    """A number in [0, 1) that a file keeps, whatever else there is."""
    return int.from_bytes(hashlib.sha256(path.name.encode()).digest()[:4], "big") / 2.0**32


def _along(name: str) -> Path:
    import skimage

    return Path(skimage.__file__).parent / "data" / name


def read(path: Path) -> Picture:
    """A picture of the collection, which is known: no process of its own decodes it."""
    bgr = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _part_of_one(paths: Sequence[Path], smallest: float, rng: np.random.Generator) -> Picture:
    """A part of one of some pictures, at least such a share of its sides, mirrored half of the time."""
    rgb = read(paths[int(rng.integers(len(paths)))])
    sides = [max(2, int(side * rng.uniform(smallest, 1.0))) for side in rgb.shape[:2]]
    top, left = (int(rng.integers(0, whole - side + 1)) for whole, side in zip(rgb.shape[:2], sides, strict=True))
    part = rgb[top : top + sides[0], left : left + sides[1]]
    return part[:, ::-1] if rng.random() < 0.5 else part


def put_together(rng: np.random.Generator) -> Picture:
    """A scene of shapes on a ground, as offers are photographed (240, 240, 3)."""
    ground = _ground(240, rng)
    for _ in range(int(rng.integers(1, 6))):
        ground = _thing(ground, rng)
    grain = rng.uniform(0, 4) * rng.standard_normal(ground.shape, np.float32)
    return np.asarray(np.clip(ground + grain, 0, 255), np.uint8)


def _ground(side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Light from one side on a plain or a structured ground, sometimes with an edge between table and wall."""
    ramp = np.linspace(0, 1, side)
    turn = rng.uniform(0, 2 * np.pi)
    light = 0.5 + 0.5 * (np.cos(turn) * ramp[None, :] + np.sin(turn) * ramp[:, None])
    colours = rng.uniform(40, 250, (2, 3))
    ground = colours[0] + (colours[1] - colours[0]) * np.clip(light, 0, 1)[..., None]
    if rng.random() < 0.5:
        ground[int(side * rng.uniform(0.4, 0.8)) :] *= rng.uniform(0.5, 0.95)
    if rng.random() < 0.5:
        coarse = rng.standard_normal((int(rng.integers(4, 60)),) * 2, np.float32)
        ground = (
            ground + rng.uniform(5, 40) * cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)[..., None]
        )
    if rng.random() < 0.25:
        step = int(rng.integers(10, 60))
        tiles = (np.add.outer(np.arange(side) // step, np.arange(side) // step) % 2)[..., None]
        ground = ground + rng.uniform(-60, 60) * tiles
    return np.asarray(ground, np.float32)


def _thing(ground: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """A shaded ellipse, box or polygon with a soft shadow."""
    side = ground.shape[0]
    mask = np.zeros((side, side), np.uint8)
    centre = rng.integers(side // 5, 4 * side // 5, 2)
    radii = rng.integers(side // 12, side // 3, 2)
    form = rng.choice(["ellipse", "box", "polygon"])
    if form == "ellipse":
        cv2.ellipse(mask, tuple(map(int, centre)), tuple(map(int, radii)), float(rng.uniform(0, 180)), 0, 360, 255, -1)
    else:
        corners = 4 if form == "box" else int(rng.integers(5, 9))
        turns = np.sort(rng.uniform(0, 2 * np.pi, corners)) if form == "polygon" else np.pi * (np.arange(4) / 2 + 0.25)
        points = centre + np.stack([np.cos(turns), np.sin(turns)], axis=1) * radii
        cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 255)
    inside = cv2.GaussianBlur(mask, (0, 0), 1.0)[..., None] / np.float32(255)
    shadow = cv2.blur(cv2.blur(np.roll(mask, (6, 8), (0, 1)), (19, 19)), (19, 19))[..., None] / np.float32(255)
    shade = _ink.ramp(0.5, 1.2, side, rng)[None, :, None]
    colour = (rng.uniform(20, 250, 3) * shade).astype(np.float32)
    if rng.random() < 0.3:
        stripes = np.sin(np.arange(side) / rng.uniform(2, 12))[:, None, None]
        colour = colour * np.float32(1 + 0.3 * stripes)
    return np.asarray(ground * (1 - 0.4 * shadow) * (1 - inside) + colour * inside, np.float32)
