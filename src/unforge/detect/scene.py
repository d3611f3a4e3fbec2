"""`scene`: does a person fit the surroundings: noise, sharpness, colour, blocks, earlier compression and movement.

Looks at a face beside what surrounds it (_surroundings.py) and, in a film, at what moves behind it (_backdrop.py). The
answer explains and does not vote: on forged clips no figure differed from untouched ones beyond chance, and what a
model learned of them on one set of forged photographs was worth nothing on clips (`unforge bench scene`), so the
likelihood ratio stays 1. What is outside of what untouched faces show is named, so that a reader can look there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from unforge.detect import _backdrop, _surroundings
from unforge.detect._backdrop import Backdrop
from unforge.evidence import Curve, Evidence, Region
from unforge.exhibit import Exhibit
from unforge.faces import FaceTrack, align
from unforge.media.image import read_image
from unforge.media.probe import MediaFacts

QUESTION = "manipulated"
SOURCE = "scene-1"
MAX_ABS_LLR = 0.0  # nothing was measured that would move a verdict
MOST_PEOPLE = 3  # the most visible ones
LOOKS = 8  # at a person, evenly over a film
MIN_FACE_PX = 64.0
MAX_YAW_DEG = 45.0  # beyond, one side of the face is hidden and the ring lies on hair
MIN_LIGHT = 20.0  # grey levels, median of the crop


class Said(NamedTuple):
    """The same in English and Chinese."""

    en: str
    zh: str


class Shown(NamedTuple):
    """How a figure is told, and between which values 90 % of untouched faces lie, in stills and in films."""

    words: Said
    picture: tuple[float, float]
    film: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Person:
    """What was measured of one person. figures: by name, with units; motion: None for a still or without close-up."""

    track: FaceTrack
    figures: Mapping[str, float]
    motion: Backdrop | None
    unusual: tuple[str, ...]

    @property
    def region(self) -> Region:
        times_s = self.track.times_s
        return Region(float(times_s[0]), float(times_s[-1]), 0.0, self.track.id, facts=self.figures)

    @property
    def curves(self) -> tuple[Curve, ...]:
        """How far head and background go in each step."""
        if self.motion is None:
            return ()
        lines = (("face_motion", self.motion.face_px), ("background_motion", self.motion.behind_px))
        return tuple(curve for name, line in lines if (curve := self._curve(name, line)) is not None)

    def _curve(self, name: str, motion_px: _backdrop.Floats) -> Curve | None:
        length = np.hypot(motion_px[:, 0], motion_px[:, 1])
        known = np.isfinite(length)
        if self.motion is None or int(known.sum()) < _backdrop.FEWEST_STEPS:
            return None
        x, y = (tuple(np.round(values[known], 3).tolist()) for values in (self.motion.times_s, length))
        return Curve(name, x, y, "s", "px", self.track.id)


class Scene:
    """The examiner. It informs and abstains: a region without a box and figures for each person that was measured."""

    name = "scene"
    models: tuple[str, ...] = ()

    def examine(self, exhibit: Exhibit) -> Evidence:
        """An abstention on "manipulated" with what was measured as facts, or with the reason why nothing was."""
        tracks = sorted(exhibit.tracks, key=lambda track: (-float(track.size_px.sum()), track.id))
        if not tracks:
            return _silent(
                Said("No face was found; this examiner compares faces with what surrounds them.",
                     "没有发现人脸；该检测器比较人脸与周围画面。"), {}
            )  # fmt: skip
        close = {track.id: track for track in exhibit.close_ups}
        asked = [self.read(track, close.get(track.id), exhibit) for track in tracks[:MOST_PEOPLE]]
        people = [one for one in asked if one is not None]
        if not people:
            return _silent(_why_not(tracks[0], len(tracks)), {"faces": float(len(tracks))})
        return _answer(people, len(tracks), exhibit.facts.kind)

    def read(self, track: FaceTrack, close_up: FaceTrack | None, exhibit: Exhibit) -> Person | None:
        """What one person shows; None where no look is good enough."""
        figures = in_looks(track, exhibit.facts.size_wh)
        if not figures:
            return None
        figures |= _in_picture(track, exhibit)
        motion = None if close_up is None else _backdrop.measure(close_up, exhibit.facts.size_wh)
        figures |= {} if motion is None else motion.facts
        repeated = None if close_up is None else _backdrop.unchanged_share(close_up)
        figures |= {} if repeated is None else {"frames_unchanged_share": repeated}
        told = {name: round(value, 4) for name, value in figures.items()}
        return Person(track, told, motion, unusual(told, exhibit.facts.kind))


def load() -> Scene:
    """The examiner, ready to use."""
    return Scene()


class Gate(NamedTuple):
    """Which looks (T,) are good enough, and what is said where none is, after "The face"."""

    passed: "np.ndarray[tuple[int], np.dtype[np.bool_]]"
    why: Said


def gates(track: FaceTrack) -> tuple[Gate, ...]:
    """What a look must be to be compared with its surroundings."""
    light = np.median(track.crops[:, 32:192:4, 32:192:4], axis=(1, 2, 3))
    size_px, yaw_deg = float(track.size_px.max()), float(np.abs(track.yaw_deg).min())
    return (
        Gate(
            track.size_px >= MIN_FACE_PX,
            Said(
                f"is only {size_px:.0f} px across; this examiner needs {MIN_FACE_PX:.0f} px",
                f"只有 {size_px:.0f} 像素宽；该检测器至少需要 {MIN_FACE_PX:.0f} 像素",
            ),
        ),
        Gate(
            light >= MIN_LIGHT,
            Said(
                f"is too dark: {light.max():.0f} of 255 grey levels; this examiner needs {MIN_LIGHT:.0f}",
                f"太暗：灰度 {light.max():.0f}（最高 255）；该检测器至少需要 {MIN_LIGHT:.0f}",
            ),
        ),
        Gate(
            np.abs(track.yaw_deg) <= MAX_YAW_DEG,
            Said(
                f"is turned by {yaw_deg:.0f} degrees; this examiner compares up to {MAX_YAW_DEG:.0f}",
                f"转头 {yaw_deg:.0f} 度；该检测器最多比较到 {MAX_YAW_DEG:.0f} 度",
            ),
        ),
    )


def in_looks(track: FaceTrack, size_wh: tuple[int, int]) -> dict[str, float]:
    """Figures of a person: the median of each over at most LOOKS good looks; empty where nothing can be measured."""
    good = np.flatnonzero(np.all([gate.passed for gate in gates(track)], axis=0))
    if not len(good):
        return {}
    chosen = good[np.unique(np.linspace(0, len(good) - 1, LOOKS).round().astype(int))]
    rows = [_surroundings.measured(*_look(track, n, size_wh)) for n in chosen]
    names = sorted({name for row in rows for name in row})
    return {name: float(np.median([row[name] for row in rows if name in row])) for name in names}


def _look(
    track: FaceTrack, n: int, size_wh: tuple[int, int]
) -> tuple[_surroundings.Picture, _surroundings.Sides, _surroundings.Matrix]:
    inside = _surroundings.inside_picture(track.landmarks_px[n], size_wh)
    matrix = align.face_square(track.landmarks_px[n], align.CROP_MARGIN, align.CROP_PX)
    return track.crops[n], _surroundings.sides(track.crop_landmarks_px[n], inside), matrix


def _in_picture(track: FaceTrack, exhibit: Exhibit) -> dict[str, float]:
    """Traces of earlier saves of a still, where its pixels still lie on the grid of the file."""
    if not keeps_grid(exhibit.facts):
        return {}
    frame = read_image(exhibit.path)
    if frame.scale != 1.0:
        return {}
    return _surroundings.ghosts(frame.rgb, track.landmarks_px[0], float(exhibit.facts.written["jpeg_quality"]))


def keeps_grid(facts: MediaFacts) -> bool:
    """Whether the displayed picture lies on the grid of blocks that it was saved with, at a quality that is known."""
    is_upright = facts.container.get("orientation", 1.0) == 1.0
    return facts.kind == "image" and is_upright and facts.written.get("jpeg_quality", 0.0) != 0.0


def unusual(figures: Mapping[str, float], kind: str) -> tuple[str, ...]:
    """Names of the figures that lie outside of what 90 % of untouched faces show, in the order of SHOWN."""
    found = []
    for name, shown in SHOWN.items():
        low, high = shown.picture if kind == "image" else shown.film
        if name in figures and not low <= figures[name] <= high:
            found.append(name)
    return tuple(found)


# Words


# Between the 5 % and 95 % quantiles lie 90 % of untouched faces: 1,184 stills (160 for
# earlier saves) and 46 clips of the training split.
ANY = (-np.inf, np.inf)
SHOWN: Mapping[str, Shown] = {
    "noise_ratio": Shown(Said("noise, face over surroundings", "噪声（人脸与周围之比）"), (0.42, 1.46), (0.75, 1.67)),
    "sharpness_ratio": Shown(
        Said("sharpness, face over surroundings", "清晰度（人脸与周围之比）"), (0.69, 1.18), (0.67, 1.22)
    ),
    "ela_ratio": Shown(
        Said("change by a new save, face over surroundings", "再次保存的变化（人脸与周围之比）"),
        (0.72, 1.56),
        (0.7, 1.31),
    ),
    "blocks_ratio": Shown(
        Said("blocks, face over surroundings", "块效应（人脸与周围之比）"), (0.86, 1.09), (0.9, 1.05)
    ),
    "neck_delta_e": Shown(Said("colour against the neck", "与颈部的色差"), (0.0, 19.2), (0.0, 12.2)),
    "ears_delta_e": Shown(Said("colour against the ears", "与耳部的色差"), (0.0, 22.6), (0.0, 22.0)),
    "ghost_gap": Shown(Said("traces of earlier saves, apart by", "先前保存痕迹的差距"), (0.0, 0.4), ANY),
    "background_follows_face": Shown(
        Said("background moving along with the face", "背景随人脸移动的程度"), ANY, (-0.21, 0.27)
    ),
    "background_change_levels": Shown(
        Said("change of the background in grey levels", "背景变化（灰度）"), ANY, (0.71, 4.75)
    ),
}


def _silent(said: Said, facts: Mapping[str, float | str]) -> Evidence:
    return Evidence(QUESTION, SOURCE, 0.0, said.en, facts={**facts, "note_zh": said.zh}, abstained=True)


def _why_not(largest: FaceTrack, faces: int) -> Said:
    failed = [gate.why for gate in gates(largest) if not gate.passed.any()]
    why = failed[0] if failed else Said("leaves too little beside it to compare with", "周围可供比较的画面太少")
    which, which_zh = (
        ("The face", "人脸") if faces == 1 else (f"The most visible of {faces} faces", f"{faces} 张人脸中最清楚的一张")
    )
    return Said(f"{which} {why.en}.", f"{which_zh}{why.zh}。")


def _answer(people: Sequence[Person], faces: int, kind: str) -> Evidence:
    """Figures of the person of whom most is unusual; all who were measured are there as regions and curves."""
    first = max(people, key=lambda one: (len(one.unusual), -people.index(one)))
    said = sentence(first, kind)
    facts: dict[str, float | str] = {
        "faces": float(faces),
        "faces_measured": float(len(people)),
        **first.figures,
        "figures_unusual": float(len(first.unusual)),
        "max_abs_llr": MAX_ABS_LLR,
        "llr_low": 0.0,
        "llr_high": 0.0,
        "note_zh": said.zh,
    }
    regions = tuple(one.region for one in people)
    curves = tuple(curve for one in people for curve in one.curves)
    return Evidence(QUESTION, SOURCE, 0.0, said.en, regions, facts, abstained=True, curves=curves)


def sentence(person: Person, kind: str) -> Said:
    """What is unusual about a person, and what that is worth."""
    n = person.track.id + 1
    count = sum(name in person.figures for name in SHOWN)
    if not person.unusual:
        return Said(
            f"Face {n} differs from its surroundings as 90 % of untouched faces do, in all {count} figures compared; "
            "most forged faces do so, too, so this counts neither way.",
            f"人脸 {n} 与周围画面的全部 {count} 项比较均在 90% 未改动人脸的范围之内；"
            "多数伪造的人脸也是如此，因此不作为任何一方的证据。",
        )
    told = [_told(name, person.figures[name], kind) for name in person.unusual]
    return Said(
        f"Face {n} lies outside of what 90 % of untouched faces show in {len(told)} of {count} figures: "
        f"{', '.join(one.en for one in told)}; so does one figure in ten of untouched faces, so it counts neither way.",
        f"人脸 {n} 与周围画面的 {count} 项比较中有 {len(told)} 项超出 90% 未改动人脸的范围："
        f"{'、'.join(one.zh for one in told)}；未改动的人脸每十项也有一项如此，因此不作为任何一方的证据。",
    )


def _told(name: str, value: float, kind: str) -> Said:
    shown = SHOWN[name]
    low, high = shown.picture if kind == "image" else shown.film
    return Said(
        f"{shown.words.en} {value:.2f} (usually {low:.2f} to {high:.2f})",
        f"{shown.words.zh} {value:.2f}（通常为 {low:.2f} 至 {high:.2f}）",
    )
