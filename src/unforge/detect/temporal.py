"""`temporal`: does a face change from frame to frame as one piece would.

A small network (nets/temporal.py) reads 32 frames in a row: what the frame network says of each (frozen), how the mesh
moves when the head is held still, how the head moves, how much the steadied picture changes where. It sees only what
changes; what a single frame shows is for the frame detectors to say. It learned from real film and from forgeries of
it that flicker, tremble, lag, replace the mouth or animate a single picture (train/temporal_fakes).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unforge import weights
from unforge.detect import _motion
from unforge.detect._motion import Motion
from unforge.evidence import Curve, Evidence, Region, abstention
from unforge.exhibit import Exhibit
from unforge.faces import FaceTrack
from unforge.verdict import any_of
from unforge.weights.calibration import Calibration

QUESTION = "manipulated"
CARD = "temporal"
FRAME_CARD = "finegrained"  # the frozen network that reads single frames
WINDOW = 32  # frames that are read together
WINDOWS = 4  # of a person at most, evenly over the close look
MIN_FACE_PX = 64.0
MIN_RATE_HZ = 14.0  # below, a second of film has too few frames to show trembling
MOST_REPEATED = 0.5  # share of frames that repeat the one before
BLINK_S = 5.0  # a shorter look says nothing about blinking
LEAST_EXPRESSION = 0.0045  # of the eye distance; see _motion.expression
STANDS_STILL = (
    "The face stands still as in a photograph, or most frames repeat the one before: nothing that could be judged.",
    "人脸如照片般静止，或大多数帧与前一帧相同：没有可供判断的运动。",
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What was read of one person: how the face moves; windows as spans of frames, a raw score for each."""

    track: FaceTrack
    found: Motion
    spans: tuple[slice, ...]
    scores: NDArray[np.float32]

    @property
    def score(self) -> float:
        """The raw score of the person: the mean over the windows."""
        return float(self.scores.mean())


class Temporal:
    """The examiner. A region without a box for each person; what each stretch says is a curve."""

    name = "temporal"
    models = (CARD, FRAME_CARD)

    @cached_property
    def card(self) -> weights.Card:
        return weights.card(CARD)

    @cached_property
    def calibration(self) -> Calibration:
        return Calibration.from_card(self.card.details["calibration"])

    def examine(self, exhibit: Exhibit) -> Evidence:
        """Evidence on "manipulated"; abstains where nobody is seen frame by frame for about a second."""
        source = str(self.card.details["version"])
        seen = [(track, _motion.motion(track)) for track in exhibit.close_ups if _why_not(track) is None]
        moving = [(track, found) for track, found in seen if _moves(found)]
        if not moving:
            note, note_zh = STANDS_STILL if seen else _nobody(exhibit)
            return abstention(QUESTION, source, note, {"note_zh": note_zh})
        return self._answer(source, [self.judge(track, found) for track, found in moving])

    def judge(self, track: FaceTrack, found: Motion) -> Judged:
        """Read a person frame by frame."""
        details = weights.card(FRAME_CARD).details
        frame_session, session = weights.session(FRAME_CARD), weights.session(CARD)
        spans, rows = windows(len(track)), []
        for span in spans:
            part = cut(track, span)
            looked = _motion.look(frame_session, part, float(details["margin"]), int(details["size_px"]))
            rows.append(_motion.features(_motion.motion(part), looked))
        scores = session.run(["logit"], {"features": np.stack(rows)})[0]
        return Judged(track, found, spans, np.asarray(scores, np.float32))

    def _answer(self, source: str, judged: Sequence[Judged]) -> Evidence:
        calibration = self.calibration
        people = [calibration.llr(one.score) for one in judged]
        lows, highs = zip(*(calibration.interval(one.score) for one in judged), strict=True)
        llr = any_of(people)
        worst = judged[int(np.argmax(people))]
        cues = [_cues(one.track, one.found) for one in judged]
        measured, _ = cues[int(np.argmax(people))]
        facts: dict[str, float | str] = {
            "faces_judged": float(len(judged)),
            "frames_judged": float(sum(len(one.spans) * WINDOW for one in judged)),
            **measured,
            "llr_low": min(llr, any_of(lows)),
            "llr_high": max(llr, any_of(highs)),
            **calibration.behind,
        }
        note, facts["note_zh"] = _note(worst, llr, calibration, measured)
        regions = tuple(map(self._person, judged))
        curves = tuple(
            curve for one, (_, found) in zip(judged, cues, strict=True) for curve in (self._scores(one), *found)
        )
        return Evidence(QUESTION, source, llr, note, regions, facts, curves=curves)

    def _person(self, one: Judged) -> Region:
        times_s = one.track.times_s
        return Region(float(times_s[0]), float(times_s[-1]), self.calibration.llr(one.score), one.track.id)

    def _scores(self, one: Judged) -> Curve:
        """What each stretch says by itself, at its middle."""
        middles_s = [float(one.track.times_s[span].mean()) for span in one.spans]
        llrs = tuple(round(self.calibration.llr(float(score)), 3) for score in one.scores)
        return Curve("temporal_score", tuple(round(time_s, 3) for time_s in middles_s), llrs, "s", "llr", one.track.id)


def load() -> Temporal:
    """The examiner, ready to use."""
    return Temporal()


def windows(length: int) -> tuple[slice, ...]:
    """At most WINDOWS spans of WINDOW frames, evenly over `length` frames, without overlap where they fit."""
    count = max(1, min(WINDOWS, length // WINDOW))
    starts = np.linspace(0, length - WINDOW, count).round().astype(int)
    return tuple(slice(int(start), int(start) + WINDOW) for start in starts)


def cut(track: FaceTrack, span: slice) -> FaceTrack:
    """The same person for a span of the frames only."""
    arrays = {field.name: getattr(track, field.name)[span] for field in fields(track) if field.name != "id"}
    return FaceTrack(id=track.id, **arrays)


def _nobody(exhibit: Exhibit) -> tuple[str, str]:
    if exhibit.facts.kind == "image":
        return "A single picture: nothing changes in it over time.", "单张图片：没有随时间的变化可供检验。"
    reasons = [reason for reason in map(_why_not, exhibit.close_ups) if reason is not None]
    return reasons[0] if reasons else ("No face is seen in several frames in a row.", "没有连续多帧可见的人脸。")


def _why_not(track: FaceTrack) -> tuple[str, str] | None:
    """Why a person cannot be judged, in English and Chinese; None for one who can."""
    if len(track) < WINDOW:
        return (
            f"The face is seen in {len(track)} frames only; this examiner needs {WINDOW}.",
            f"人脸只在 {len(track)} 帧中可见；该检测器至少需要 {WINDOW} 帧。",
        )
    rate_hz = 1.0 / float(np.median(np.diff(track.times_s)))
    if rate_hz < MIN_RATE_HZ:
        return (
            f"The film has {rate_hz:.0f} frames a second; this examiner needs {MIN_RATE_HZ:.0f}.",
            f"视频每秒只有 {rate_hz:.0f} 帧；该检测器至少需要 {MIN_RATE_HZ:.0f} 帧。",
        )
    size_px = float(np.median(track.size_px))
    if size_px < MIN_FACE_PX:
        return (
            f"The face is only {size_px:.0f} px across; this examiner needs {MIN_FACE_PX:.0f} px.",
            f"人脸只有 {size_px:.0f} 像素宽；该检测器至少需要 {MIN_FACE_PX:.0f} 像素。",
        )
    return None


def _moves(found: Motion) -> bool:
    return float(found.repeated.mean()) <= MOST_REPEATED and _motion.expression(found) >= LEAST_EXPRESSION


def _cues(track: FaceTrack, found: Motion) -> tuple[dict[str, float], tuple[Curve, ...]]:
    """What is measured of a person's motion without a network: figures and curves."""
    trembling, ratio = _motion.jitter(found)
    likeness, residual = _motion.likeness(found), _motion.residual(found)
    opening = _motion.eye_opening(track.landmarks_px)
    seen_s = float(track.times_s[-1] - track.times_s[0])
    facts = {
        "jitter_share": float(np.median(trembling)),
        "jitter_ratio": ratio,
        "expression_share": _motion.expression(found),
        "warp_residual_ratio": float(np.median(residual)),
        "identity_likeness_min": float(likeness.min()),
        "fast_change_inner_share": _motion.spectrum_share(found, "inner", 8.0, 15.0),
        "fast_change_ring_share": _motion.spectrum_share(found, "ring", 8.0, 15.0),
        "repeated_frames_share": float(found.repeated.mean()),
    }
    if seen_s >= BLINK_S:
        facts["blinks_per_min"] = 60.0 * _motion.blinks(opening, track.times_s) / seen_s
    facts = {name: round(value, 4) for name, value in facts.items()}
    return facts, (
        _curve("landmark_jitter", track, trembling, "share of eye distance"),
        _curve("warp_residual", track, residual, "ratio"),
        _curve("identity_drift", track, likeness, "cosine"),
        _curve("eye_opening", track, opening, "ratio"),
    )


def _curve(name: str, track: FaceTrack, values: NDArray[np.float32], unit: str) -> Curve:
    times_s = tuple(round(time_s, 3) for time_s in track.times_s.tolist())
    return Curve(name, times_s, tuple(round(value, 5) for value in values.tolist()), "s", unit, track.id)


def _note(worst: Judged, llr: float, calibration: Calibration, measured: dict[str, float]) -> tuple[str, str]:
    person, count = worst.track.id + 1, len(worst.spans) * WINDOW
    trembling = f"landmarks of the inner face tremble {measured['jitter_ratio']:.1f} times as much as the jaw line"
    trembling_zh = f"面部内侧关键点的抖动是下颌轮廓的 {measured['jitter_ratio']:.1f} 倍"
    if llr >= calibration.llr_manipulated:
        how, how_zh = "changes from frame to frame as forged ones do", "的帧间变化与伪造的人脸相似"
    elif llr <= calibration.llr_no_evidence:
        how, how_zh = "changes from frame to frame as one piece", "的帧间变化前后一致"
    else:
        how, how_zh = "shows nothing certain from frame to frame", "的帧间变化不能说明问题"
    return (
        f"Face {person} {how} over {count} frames; {trembling}.",
        f"人脸 {person} 在 {count} 帧中{how_zh}；{trembling_zh}。",
    )
