"""Cloaks on film: how they flicker and what they stop, after a real coder that predicts frames from each other."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from unforge.media.video import frames
from unforge.media.write import write_video
from unforge.metrics import quality
from unforge.protect import cloak, profile
from unforge.protect.judge import Judgement, Pair, judge
from unforge.protect.live import Live
from unforge.protect.targets import Picture, Points, Target
from unforge.protect.ways import AS_SAVED, ATTACKERS, CHANNELS, NOBODY

CLIPS = 14
FRAMES = 50  # of a clip, from its beginning
LONG_SIDE_PX = 720
CRFS = (18, 23, 28)
JUDGED = 30  # the frame that targets see: far from the first, which is coded by itself
PROFILE = "video"


@dataclass(frozen=True, slots=True)
class Film:
    """One clip at one rate. flicker: as `metrics.quality.flicker`, of the decoded films. judgement: of one frame."""

    crf: int
    flicker: float
    judgement: Judgement | None


def films(path: Path, targets: Sequence[Target]) -> list[Film]:
    """A clip, cloaked, at every rate; none where it is short or shows no face that can be cloaked."""
    with frames(path, max_side_px=LONG_SIDE_PX) as decoded:
        shots = list(islice(decoded, FRAMES))
    live = live_cloak()
    times_s, clean = [shot.time_s for shot in shots], [shot.rgb for shot in shots]
    cloaked = [live.frame(shot.rgb, shot.time_s) for shot in shots]
    if len(shots) < FRAMES or not live.seen:
        return []
    return [_film(crf, _coded(clean, times_s, crf), _coded(cloaked, times_s, crf), targets) for crf in CRFS]


def live_cloak() -> Live:
    """As films are cloaked."""
    chosen = profile.load(PROFILE)
    return Live(cloak.Cloak(chosen.strength, chosen.low_pass_px), chosen.hold)


def channel(crf: int) -> str:
    """What rows call it."""
    return f"film at CRF {crf}"


def _coded(pictures: Sequence[Picture], times_s: Sequence[float], crf: int) -> list[Picture]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        write_video(path, pictures, times_s, crf)
        with frames(path) as decoded:
            return [frame.rgb for frame in decoded]


def _film(crf: int, clean: Sequence[Picture], cloaked: Sequence[Picture], targets: Sequence[Target]) -> Film:
    faces = cloak.faces(clean[JUDGED]).meshes_px
    return Film(crf, quality.flicker(clean, cloaked), _judged(crf, clean, cloaked, faces[:1], targets))


def _judged(
    crf: int,
    clean: Sequence[Picture],
    cloaked: Sequence[Picture],
    meshes_px: tuple[Points, ...],
    targets: Sequence[Target],
) -> Judgement | None:
    """Of the largest face of one frame; None where it is not seen there."""
    if not meshes_px:
        return None
    as_saved = [one for one in CHANNELS if one.name == AS_SAVED]
    nobody = [one for one in ATTACKERS if one.name == NOBODY]
    found = judge([Pair(clean[JUDGED], cloaked[JUDGED], meshes_px)], targets, as_saved, nobody)
    return Judgement(tuple(replace(cell, channel=channel(crf)) for cell in found.cells), ())
