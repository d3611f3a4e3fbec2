"""`pulse`: does the skin of a face change colour with a heart beat, and in all its parts alike?

Remote photoplethysmography over a close-up of every frame: colours of the skin (_skin.py), pulse signals and what
chance would give (_rppg.py), and what both say of one person (_rhythm.py). The answer informs and does not vote. A
pulse is no sign of authenticity, because swapped and re-enacted faces keep the pulse of the person who was filmed
(Seibold et al., Frontiers in Imaging 4, 2025). Parts that disagree could speak for a forgery, but no effect was
measured on forged faces (`unforge bench pulse`), so the likelihood ratio stays 1.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations
from typing import Literal, NamedTuple, get_args

import numpy as np

from unforge.detect import _rhythm, _rppg, _skin
from unforge.detect._rhythm import PARTS, Rhythm
from unforge.detect._rppg import Floats
from unforge.detect._skin import Skin
from unforge.evidence import Curve, Evidence, Region, abstention
from unforge.exhibit import Exhibit
from unforge.faces import FaceTrack

QUESTION = "manipulated"
SOURCE = "pulse-1"
MAX_ABS_LLR = 0.0  # nothing was measured that would move a verdict
SIGNIFICANT = 0.01
APART_BPM = 8.0  # about the resolution of 8 s
ALIKE_MS = 150.0  # forehead and cheeks are some 10 ms apart; coding and noise add to what is measured
SAME_AS_BACKGROUND = 0.5  # amplitude in the background over that in the face
SAME_AS_MOTION = 0.5  # share of the head's movement
MOTION_SHARE = 0.001  # of the size of the face; a heart moves the head, too, but by less
MIN_FACE_PX = 64.0
MIN_DURATION_S = 8.0
MIN_RATE_HZ = 14.0
MAX_YAW_DEG = 30.0
MAX_TURN_DEG = 8.0  # standard deviation of the yaw
MIN_LIGHT = 20.0  # grey levels
MAX_SATURATED = 0.05
MAX_SPEED = 0.2  # sizes of the face per second, root mean square; accuracy was measured up to here
TREMBLE_HZ = 3.0  # quicker movement of the landmarks is not the head's
GAP_S = 0.5  # of the face; across a longer one nothing is interpolated
FRESH_LEVELS = 0.12  # a frame that differs less from the one before repeats it: coding alone changes so much
FAINTEST = 0.0003  # of the skin's colour; hearts gave 0.0024 and 0.0040, a still that was coded up to 0.00025
SEED = 5
SPECTRUM_STEP = 4  # every so many lines of the spectrum are shown

Finding = Literal["pulse", "disagreement", "light", "motion", "faint", "scattered", "nothing"]
FINDINGS: tuple[Finding, ...] = get_args(Finding)  # who shows an earlier one speaks for the film


class Said(NamedTuple):
    """One sentence in English and Chinese."""

    en: str
    zh: str


class Gate(NamedTuple):
    """Something that a close-up must be, and what is said where it is not, after "The face"."""

    passed: bool
    why: Said


@dataclass(frozen=True, slots=True)
class Person:
    """One person whose close-up was good enough, and what was read of it."""

    track: FaceTrack
    rhythm: Rhythm
    finding: Finding

    @property
    def facts(self) -> dict[str, float]:
        """What was read, with None left out."""
        rhythm = self.rhythm
        told: dict[str, float | None] = {
            "pulse_bpm": rhythm.bpm,
            "snr_db": rhythm.snr_db,
            "pulse_amplitude_share": rhythm.amplitude,
            "p_value": rhythm.p_value,
            "p_rhythm": rhythm.p_rhythm,
            "p_coherence": rhythm.p_coherence,
            "coherence": rhythm.coherence,
            "phase_lag_ms": rhythm.lag_ms,
            "coherence_neck": rhythm.coherence_neck,
            "coherence_background": rhythm.coherence_background,
            "background_share": rhythm.background_share,
            "motion_share": rhythm.motion_share,
            "motion_px": rhythm.motion_px,
            **{f"pulse_bpm_{name}": bpm for name, bpm in rhythm.bpm_by_method.items()},
            **{f"pulse_bpm_{name}": bpm for name, bpm in zip(PARTS, rhythm.bpm_by_part, strict=True)},
            **{f"p_{name}": p for name, p in zip(PARTS, rhythm.p_by_part, strict=True)},
        }
        return {name: round(float(value), 5) for name, value in told.items() if value is not None}

    @property
    def region(self) -> Region:
        return Region(float(self.track.times_s[0]), float(self.track.times_s[-1]), 0.0, self.track.id, facts=self.facts)

    @property
    def curves(self) -> tuple[Curve, Curve]:
        """The pulse over time, and how its power lies over beats a minute."""
        rhythm = self.rhythm
        trace = rhythm.trace / max(float(rhythm.trace.std()), 1e-300)
        inside = (rhythm.hz >= _rppg.BAND_HZ[0]) & (rhythm.hz <= _rppg.BAND_HZ[1])
        bpm, power = 60.0 * rhythm.hz[inside], rhythm.power[inside]
        share = power[::SPECTRUM_STEP] / max(float(power[::SPECTRUM_STEP].sum()), 1e-300)
        return (
            Curve("pulse_trace", _told(rhythm.times_s), _told(trace), "s", "a.u.", self.track.id),
            Curve("pulse_spectrum", _told(bpm[::SPECTRUM_STEP]), _told(share), "bpm", "share", self.track.id),
        )


class Pulse:
    """The examiner. One answer per exhibit, a region without a box for each person whose pulse could be read."""

    name = "pulse"
    models: tuple[str, ...] = ()

    def examine(self, exhibit: Exhibit) -> Evidence:
        """Evidence on "manipulated" that never votes; abstains where no rhythm can be read."""
        if exhibit.facts.kind == "image":
            return _silent(Said("A still picture shows no pulse.", "静态图片中无法看到脉搏。"))
        tracks = exhibit.close_ups
        if not tracks:
            return _silent(
                Said("No face was found; this examiner reads faces only.", "没有发现人脸；该检测器只读取人脸。")
            )
        asked = [self.read(track, exhibit.facts.size_wh) for track in tracks]
        people = [one for one in asked if isinstance(one, Person)]
        if not people:
            return _silent(_why_not(tracks, [one for one in asked if isinstance(one, Said)]))
        return _answer(people, len(tracks))

    def read(self, track: FaceTrack, size_wh: tuple[int, int]) -> Person | Said:
        """What one close-up shows, or why nothing can be read from it (after "The face")."""
        track = _steady(track)
        why = _first_failed(track_gates(track))
        if why is not None:
            return why
        skin = _skin.read(track, size_wh)
        why = _first_failed(skin_gates(skin, float(np.median(track.size_px))))
        if why is not None:
            return why
        rhythm = _rhythm.measure(skin, np.random.default_rng(SEED))
        return Person(track, rhythm, finding(rhythm, float(np.median(track.size_px))))


def load() -> Pulse:
    """The examiner, ready to use."""
    return Pulse()


def finding(rhythm: Rhythm, face_px: float) -> Finding:
    """What a rhythm amounts to. Whatever light, coding or movement explains is not called a pulse."""
    if disagree(rhythm):
        return "disagreement"
    if rhythm.p_value > SIGNIFICANT:
        return "nothing"
    if abs(rhythm.lag_ms) > ALIKE_MS:
        return "scattered"
    if rhythm.amplitude < FAINTEST:
        return "faint"
    if (
        rhythm.p_background is not None
        and rhythm.background_share is not None
        and rhythm.p_background <= SIGNIFICANT
        and rhythm.background_share >= SAME_AS_BACKGROUND
    ):
        return "light"
    if rhythm.motion_share >= SAME_AS_MOTION and rhythm.motion_px >= MOTION_SHARE * face_px:
        return "motion"
    return "pulse"


def disagree(rhythm: Rhythm) -> bool:
    """Whether two parts each have a clear rhythm of their own, at rates apart or not at the same time.

    Twice a rate is the same rate: a pulse wave has a strong second harmonic.
    """
    clear = rhythm.p_by_part <= SIGNIFICANT / len(rhythm.p_by_part)
    bpm = sorted(rhythm.bpm_by_part[clear])
    if len(bpm) < 2:
        return False
    apart = any(fast - slow > APART_BPM and abs(fast - 2.0 * slow) > APART_BPM for slow, fast in combinations(bpm, 2))
    return apart or bool(clear[:2].all() and abs(rhythm.lag_ms) > ALIKE_MS)


def track_gates(track: FaceTrack) -> Iterable[Gate]:
    """What a close-up without gaps must be before its colours are read."""
    duration_s = _duration_s(track.times_s)
    rate_hz = (len(track) - 1) / duration_s if duration_s > 0.0 else 0.0
    size_px, yaw_deg = float(np.median(track.size_px)), float(np.median(np.abs(track.yaw_deg)))
    light, turn_deg = float(np.median(track.crops[::8, 64:160:4, 64:160:4])), float(track.yaw_deg.std())
    yield Gate(
        size_px >= MIN_FACE_PX,
        Said(
            f"is {size_px:.0f} px across; pulse needs {MIN_FACE_PX:.0f}",
            f"只有 {size_px:.0f} 像素宽；测脉搏至少需要 {MIN_FACE_PX:.0f} 像素",
        ),
    )
    yield Gate(
        duration_s >= MIN_DURATION_S,
        Said(
            f"is seen for {duration_s:.1f} s without a break; pulse needs {MIN_DURATION_S:.0f} s",
            f"连续可见仅 {duration_s:.1f} 秒；测脉搏至少需要 {MIN_DURATION_S:.0f} 秒",
        ),
    )
    yield Gate(
        rate_hz >= MIN_RATE_HZ,
        Said(
            f"is seen in {rate_hz:.1f} frames a second; pulse needs {MIN_RATE_HZ:.0f}",
            f"每秒只有 {rate_hz:.1f} 帧可见；测脉搏至少需要 {MIN_RATE_HZ:.0f} 帧",
        ),
    )
    yield Gate(
        yaw_deg <= MAX_YAW_DEG,
        Said(
            f"is turned by {yaw_deg:.0f} degrees; pulse is read up to {MAX_YAW_DEG:.0f}",
            f"转头 {yaw_deg:.0f} 度；测脉搏最多允许 {MAX_YAW_DEG:.0f} 度",
        ),
    )
    yield Gate(
        turn_deg <= MAX_TURN_DEG,
        Said(
            f"turns to and fro by {turn_deg:.0f} degrees; pulse is read up to {MAX_TURN_DEG:.0f}",
            f"来回转动 {turn_deg:.0f} 度；测脉搏最多允许 {MAX_TURN_DEG:.0f} 度",
        ),
    )
    yield Gate(
        light >= MIN_LIGHT,
        Said(
            f"is too dark: {light:.0f} of 255 grey levels; pulse needs {MIN_LIGHT:.0f}",
            f"太暗：灰度 {light:.0f}（最高 255）；测脉搏至少需要 {MIN_LIGHT:.0f}",
        ),
    )


def skin_gates(skin: Skin, face_px: float) -> Iterable[Gate]:
    """What colours must be before a rhythm is looked for."""
    fresh_hz = float((skin.change[1:] > FRESH_LEVELS).sum()) / _duration_s(skin.times_s)
    copies = float((skin.change[1:] <= FRESH_LEVELS).mean())
    yield Gate(
        fresh_hz >= MIN_RATE_HZ,
        Said(
            f"repeats the frame before in {copies:.0%} of the frames; of the {fresh_hz:.1f} new frames a second "
            f"pulse needs {MIN_RATE_HZ:.0f}",
            f"有 {copies:.0%} 的帧与前一帧相同，每秒只有 {fresh_hz:.1f} 个新帧；测脉搏至少需要 {MIN_RATE_HZ:.0f} 个",
        ),
    )
    yield Gate(
        skin.saturated <= MAX_SATURATED,
        Said(
            f"is overexposed: {skin.saturated:.0%} of the skin is at the end of the scale; pulse allows "
            f"{MAX_SATURATED:.0%}",
            f"过曝：{skin.saturated:.0%} 的皮肤达到亮度上限；测脉搏最多允许 {MAX_SATURATED:.0%}",
        ),
    )
    speed = _speed(skin) / face_px
    yield Gate(
        speed <= MAX_SPEED,
        Said(
            f"moves by {speed:.2f} of its size a second; pulse is read up to {MAX_SPEED:.2f}",
            f"每秒移动 {speed:.2f} 个脸宽；测脉搏最多允许 {MAX_SPEED:.2f}",
        ),
    )


def _first_failed(gates: Iterable[Gate]) -> Said | None:
    return next((gate.why for gate in gates if not gate.passed), None)


def _speed(skin: Skin) -> float:
    """Pixels a second, root mean square, without the tremble of the landmarks."""
    place_px = _rppg.slow(skin.times_s, skin.place_px, TREMBLE_HZ)
    steps_px, steps_s = np.diff(place_px, axis=0), np.diff(skin.times_s)
    return float(np.sqrt(np.mean((steps_px**2).sum(axis=1) / steps_s**2)))


def _duration_s(times_s: Floats) -> float:
    return float(times_s[-1] - times_s[0])


def _steady(track: FaceTrack) -> FaceTrack:
    """The longest part of a close-up in which the face is never away for long, one frame at each time."""
    apart_s = np.diff(track.times_s, prepend=-np.inf)
    kept = np.flatnonzero(apart_s > 0.0)
    starts = np.flatnonzero(np.diff(track.times_s[kept], prepend=-np.inf) > GAP_S)
    parts = np.split(kept, starts[1:])
    longest = max(parts, key=lambda part: _duration_s(track.times_s[part]))
    if len(longest) == len(track):
        return track
    arrays = {field.name: getattr(track, field.name)[longest] for field in fields(track) if field.name != "id"}
    return replace(track, **arrays)


def _told(values: Floats) -> tuple[float, ...]:
    return tuple(float(f"{value:.5g}") for value in values)


# Words


def _silent(said: Said, facts: Mapping[str, float | str] | None = None) -> Evidence:
    return abstention(QUESTION, SOURCE, said.en, {**(facts or {}), "note_zh": said.zh})


def _why_not(tracks: Sequence[FaceTrack], reasons: Sequence[Said]) -> Said:
    """The reason of the most visible face, which comes first."""
    if len(tracks) == 1:
        return Said(f"The face {reasons[0].en}.", f"人脸{reasons[0].zh}。")
    en = f"None of {len(tracks)} faces can be read; the most visible one {reasons[0].en}."
    return Said(en, f"{len(tracks)} 张人脸均无法读取；其中最清楚的一张{reasons[0].zh}。")


def _answer(people: Sequence[Person], faces: int) -> Evidence:
    """The word of the person who shows most; all who could be read are there as regions and curves."""
    first = min(people, key=lambda one: (FINDINGS.index(one.finding), one.rhythm.p_value))
    said = _sentence(first)
    facts: dict[str, float | str] = {
        "faces": float(faces),
        "faces_read": float(len(people)),
        **first.facts,
        "duration_s": round(_duration_s(first.track.times_s), 2),
        "max_abs_llr": MAX_ABS_LLR,
        "llr_low": 0.0,
        "llr_high": 0.0,
        "note_zh": said.zh,
    }
    return Evidence(
        QUESTION,
        SOURCE,
        0.0,
        said.en,
        tuple(one.region for one in people),
        facts,
        abstained=first.finding not in ("pulse", "disagreement"),
        curves=tuple(curve for one in people for curve in one.curves),
    )


def _sentence(person: Person) -> Said:
    rhythm, n = person.rhythm, person.track.id + 1
    bpm, p, lag_ms = f"{rhythm.bpm:.0f}", f"p = {rhythm.p_value:.3f}", f"{abs(rhythm.lag_ms):.0f}"
    forehead, cheeks = (f"{one:.0f}" for one in rhythm.bpm_by_part[:2])
    percent = f"{100 * rhythm.amplitude:.3f} %"
    sentences: dict[Finding, Said] = {
        "pulse": Said(
            f"A pulse of {bpm} bpm shows in forehead and cheeks of face {n} alike ({p}); this says nothing for "
            "authenticity.",
            f"人脸 {n} 的额头与脸颊一致显示每分钟 {bpm} 次的脉搏（{p}）；这不说明内容真实。",
        ),
        "disagreement": Said(
            f"The parts of face {n} show rhythms that disagree (forehead {forehead} bpm, cheeks {cheeks} bpm, {lag_ms} "
            "ms apart); light and movement cause that, too, so it counts neither way.",
            f"人脸 {n} 各部位的节律不一致（额头每分钟 {forehead} 次，脸颊 {cheeks} 次，相差 {lag_ms} 毫秒）；"
            "光线与运动也会造成这种情况，因此不作为任何一方的证据。",
        ),
        "light": Said(
            f"A rhythm of {bpm} bpm shows in the background as in face {n}: light or coding, not a pulse.",
            f"背景与人脸 {n} 同样显示每分钟 {bpm} 次的节律：来自光线或编码，而非脉搏。",
        ),
        "motion": Said(
            f"Face {n} moves in the rhythm of {bpm} bpm that its colour shows, so that no pulse can be told from it.",
            f"人脸 {n} 的颜色节律为每分钟 {bpm} 次，与头部运动的节律相同，因此无法分辨脉搏。",
        ),
        "scattered": Said(
            f"A rhythm of {bpm} bpm reaches forehead and cheeks of face {n} {lag_ms} ms apart: movement or coding, not "
            "a pulse.",
            f"每分钟 {bpm} 次的节律到达人脸 {n} 的额头与脸颊相差 {lag_ms} 毫秒：来自运动或编码，而非脉搏。",
        ),
        "faint": Said(
            f"A rhythm of {bpm} bpm changes the colour of face {n} by {percent} only: rounding or coding, not a pulse.",
            f"每分钟 {bpm} 次的节律仅使人脸 {n} 的颜色变化 {percent}：来自取整或编码，而非脉搏。",
        ),
        "nothing": Said(
            f"No rhythm in the skin of face {n} stands out from chance ({p}); compression, movement and make-up hide a "
            "pulse, so this says nothing either way.",
            f"人脸 {n} 的皮肤上没有超出偶然的节律（{p}）；压缩、运动与化妆都会掩盖脉搏，因此不支持任何一方。",
        ),
    }
    return sentences[person.finding]
