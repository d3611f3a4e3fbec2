"""`lipsync`: do the lips fit the voice, and by how much does the sound come late?

Voice activity (_voice.py), lips from a close-up of every frame (_lips.py), a small net that turns both into signals
that correlate where they belong together (nets/lipsync.py), and how well they do so at each offset, against what
chance would give (_agreement.py). Only speech counts; leading silence does not.

A mismatch speaks weakly for a forgery, because dubbing, voice-overs and music give mismatches, too. A match says
nothing: forgeries of lips are made to fit the voice (Prajwal et al., Wav2Lip, ACM Multimedia 2020, train against a
judge of lip sync), and swapped faces keep the lips of the person who was filmed.

Fact `offset_ms`: by how much the sound comes after the picture; negative where it comes first. `confidence`: the best
agreement, in standard deviations of what lips and an unrelated voice with the same rhythms give. `correlation`: of the
net's lip signals and voice signals at that offset.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unforge import weights
from unforge.detect import _lips, _voice
from unforge.detect._agreement import REACH, Agreement, agreement
from unforge.detect._lips import Lips
from unforge.detect._voice import GRID_HZ, Voice
from unforge.errors import MediaError
from unforge.evidence import Curve, Evidence, Region, abstention
from unforge.exhibit import Exhibit
from unforge.faces import FaceTrack
from unforge.media.sound import Sound
from unforge.weights.calibration import Calibration

QUESTION = "manipulated"
CARD = "lipsync"
MIN_SPEECH_S = 1.0  # about the shortest that was calibrated on
MIN_MOUTH_PX = 24.0
MIN_MOVES_HZ = 4.0  # of the mouth during speech, frame by frame: 11 and more at 25 Hz, 7 at 12.5 Hz, 1 in slides
STILL = 0.008  # of the nose's length, deviation of the mouth's opening: as much as the mesh trembles on a still
OFFSET_CONFIDENCE = 3.5  # from here on the offset is stated
SHOWN_EVERY = 2  # rows of the curves

Finding = Literal["fits", "unclear", "differs", "still"]
LOUDEST_FIRST: tuple[Finding, ...] = ("fits", "unclear", "differs", "still")


class Said(NamedTuple):
    """One sentence, or part of one, in English and Chinese."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Person:
    """One person whose lips could be read while somebody spoke.

    agreement: None where the mouth stays still. llr: by the calibration, before anything is held back.
    """

    track: FaceTrack
    lips: Lips
    voice: Voice
    agreement: Agreement | None
    llr: float

    @property
    def confidence(self) -> float:
        return -math.inf if self.agreement is None else float(self.agreement.confidence[self.agreement.best])

    @property
    def finding(self) -> Finding:
        if self.agreement is None:
            return "still"
        if self.llr > 0.0:
            return "differs"
        return "fits" if self.confidence >= OFFSET_CONFIDENCE else "unclear"

    @property
    def speech_s(self) -> float:
        """How long somebody speaks while the lips are seen."""
        return self.voice.speech_within_s(self.lips.first, len(self.lips.opening))

    @property
    def offset_ms(self) -> float | None:
        """Of the sound behind the picture; None where it cannot be told."""
        if self.agreement is None or self.confidence < OFFSET_CONFIDENCE:
            return None
        return self.agreement.offset_ms

    @property
    def facts(self) -> dict[str, float]:
        """What was read, with None left out."""
        found = self.agreement
        told: dict[str, float | None] = {
            "offset_ms": None if self.offset_ms is None else float(round(self.offset_ms)),
            "confidence": None if found is None else round(self.confidence, 2),
            "correlation": None if found is None else round(float(found.correlation[found.best]), 3),
            "speech_s": round(self.speech_s, 2),
            "mouth_movement_nose_lengths": round(self.lips.movement, 4),
            "mouth_width_px": round(self.lips.width_px, 1),
            "mouth_moves_hz": round(moves_hz(self.lips, self.voice), 1),
        }
        return {name: value for name, value in told.items() if value is not None}

    def region(self, llr: float) -> Region:
        start_s, end_s = float(self.lips.times_s[0]), float(self.lips.times_s[-1])
        return Region(start_s, end_s, llr, self.track.id, facts=self.facts)

    @property
    def curves(self) -> tuple[Curve, ...]:
        """The opening of the mouth over time; and, where it moves, how well lips and voice fit at each offset."""
        times_s, opening = self.lips.times_s[::SHOWN_EVERY], self.lips.opening[::SHOWN_EVERY]
        shown = Curve("mouth_opening", _told(times_s), _told(opening), "s", "nose lengths", self.track.id)
        if self.agreement is None:
            return (shown,)
        x, y = _told(self.agreement.offsets_ms), _told(self.agreement.correlation)
        return Curve("lip_voice_offset", x, y, "ms", "correlation", self.track.id), shown


class LipSync:
    """The examiner. One answer per exhibit, a region without a box for each person whose lips could be read."""

    name = "lipsync"
    models = (_voice.CARD, CARD)

    @cached_property
    def card(self) -> weights.Card:
        return weights.card(CARD)

    @cached_property
    def calibration(self) -> Calibration:
        return Calibration.from_card(self.card.details["calibration"])

    @property
    def source(self) -> str:
        return str(self.card.details["version"])

    def examine(self, exhibit: Exhibit) -> Evidence:
        """Evidence on "manipulated" that is never below 0; abstains where nobody is both seen and heard to speak."""
        if exhibit.facts.kind == "image":
            return self._silent(Said("A still picture has no sound.", "静态图片没有声音。"))
        if not exhibit.facts.has_sound:
            return self._silent(Said("The film has no sound.", "该视频没有声音。"))
        tracks = exhibit.close_ups
        if not tracks:
            return self._silent(
                Said("No face was found; this examiner reads lips.", "没有发现人脸；该检测器读取唇形。")
            )
        try:
            sound = exhibit.sound
        except MediaError as error:
            if error.code not in ("no_sound", "unreadable"):
                raise
            return self._silent(Said("The sound of the film cannot be decoded.", "该视频的声音无法解码。"))
        asked = [self.read(track, sound) for track in tracks]
        people = [one for one in asked if isinstance(one, Person)]
        if not people:
            return self._silent(_why_not([one for one in asked if isinstance(one, Said)]))
        return self._answer(people, len(tracks), sound)

    def read(self, track: FaceTrack, sound: Sound) -> Person | Said:
        """What lips and voice say of one person, or why nothing can be read."""
        kept = _lips.steady(track)
        if kept is None:
            return Said(
                f"The face is turned by more than {_lips.MAX_YAW_DEG:.0f} degrees or away all the time.",
                f"人脸一直转过 {_lips.MAX_YAW_DEG:.0f} 度以上或不在画面中。",
            )
        lips = _lips.read(kept)
        voice = voice_around(sound, lips)
        if voice is None:
            return Said("There is no sound while a face is seen.", "有人脸的时段内没有声音。")
        why = _unreadable(lips, voice)
        if why is not None:
            return why
        found = None if lips.movement < STILL else self.compare(lips, voice)
        llr = 0.0 if found is None else self.calibration.llr(-float(found.confidence[found.best]))
        return Person(kept, lips, voice, found, llr)

    def compare(self, lips: Lips, voice: Voice) -> Agreement | None:
        """How well lips and voice fit at each offset; None where nothing moves."""
        session = weights.session(CARD)
        fed = {"lips": lips.features, "bands": voice.bands.astype(np.float32)}
        lip_signals, voice_signals = session.run(["lip_signals", "voice_signals"], fed)
        return agreement(lip_signals, lips.first, voice_signals, voice.first, voice.speech)

    def _silent(self, said: Said) -> Evidence:
        return abstention(QUESTION, self.source, said.en, {"note_zh": said.zh})

    def _answer(self, people: Sequence[Person], faces: int, sound: Sound) -> Evidence:
        """The word of whoever fits best: of several people one speaks, and the others may listen."""
        best = max(people, key=lambda one: (one.confidence, -one.track.id))
        llr, low, high = self._weighed(best)
        said = _sentence(best, len(people))
        facts: dict[str, float | str] = {
            "faces": float(faces),
            "faces_read": float(len(people)),
            "speakers_visible": float(sum(one.finding == "fits" for one in people)),
            **best.facts,
            "sound_start_ms": float(round(1000.0 * sound.start_s)),
            "max_abs_llr": self.calibration.cap if llr > 0.0 else 0.0,
            "llr_low": low,
            "llr_high": high,
            "llr_manipulated": self.calibration.llr_manipulated,
            "llr_no_evidence": self.calibration.llr_no_evidence,
            "threshold_fpr": self.calibration.threshold_fpr,
            "note_zh": said.zh,
        }
        level = best.voice.level_db[::SHOWN_EVERY]
        loudness = Curve("voice_level", _told(best.voice.times_s[::SHOWN_EVERY]), _told(level), "s", "dB")
        return Evidence(
            QUESTION,
            self.source,
            llr,
            said.en,
            tuple(one.region(llr if one is best else 0.0) for one in people),
            facts,
            abstained=best.finding == "still",
            curves=(*(curve for one in people for curve in one.curves), loudness),
        )

    def _weighed(self, best: Person) -> tuple[float, float, float]:
        """llr and its interval. A match is no vote: who forges lips makes them fit."""
        if best.agreement is None or best.llr <= 0.0:
            return 0.0, 0.0, 0.0
        low, high = self.calibration.interval(-best.confidence)
        return best.llr, max(0.0, low), high


def load() -> LipSync:
    """The examiner, ready to use."""
    return LipSync()


def voice_around(sound: Sound, lips: Lips) -> Voice | None:
    """What is heard while lips are seen, and as far before and after as the sound may be shifted."""
    reach_s = REACH / GRID_HZ
    return _voice.hear(sound, float(lips.times_s[0]) - reach_s, float(lips.times_s[-1]) + reach_s)


def moves_hz(lips: Lips, voice: Voice) -> float:
    """In how many frames a second the mouth moves while somebody speaks."""
    rows = np.round(lips.moves_s * GRID_HZ).astype(int) - voice.first
    moved = int(voice.speech[rows[(rows >= 0) & (rows < len(voice.speech))]].sum())
    start = max(0, lips.first - voice.first)
    spoken = int(voice.speech[start : max(start, lips.first - voice.first + len(lips.opening))].sum())
    return moved * GRID_HZ / max(spoken, 1)


def _unreadable(lips: Lips, voice: Voice) -> Said | None:
    """Why lips and voice cannot be compared. That a mouth never moves is no reason, but a fact."""
    speech_s = voice.speech_within_s(lips.first, len(lips.opening))
    if speech_s < MIN_SPEECH_S:
        return Said(
            f"Speech is heard for {speech_s:.1f} s while the face is seen; lip sync needs {MIN_SPEECH_S:.0f} s.",
            f"有人脸的时段内语音只有 {speech_s:.1f} 秒；判断口型同步至少需要 {MIN_SPEECH_S:.0f} 秒。",
        )
    if lips.width_px < MIN_MOUTH_PX:
        return Said(
            f"The mouth is {lips.width_px:.0f} px wide; lip sync needs {MIN_MOUTH_PX:.0f}.",
            f"嘴部只有 {lips.width_px:.0f} 像素宽；判断口型同步至少需要 {MIN_MOUTH_PX:.0f} 像素。",
        )
    moves = moves_hz(lips, voice)
    if moves < MIN_MOVES_HZ and lips.movement >= STILL:
        return Said(
            f"The mouth moves {moves:.1f} times a second, as in a slide show; lip sync needs {MIN_MOVES_HZ:.0f}.",
            f"嘴部每秒只动 {moves:.1f} 次，如同幻灯片；判断口型同步至少需要 {MIN_MOVES_HZ:.0f} 次。",
        )
    return None


# Words


def _why_not(reasons: Sequence[Said]) -> Said:
    """The reason of the most visible face, which comes first."""
    if len(reasons) == 1:
        return reasons[0]
    n = len(reasons)
    return Said(f"None of {n} faces can be read: {_lowered(reasons[0].en)}", f"{n} 张人脸均无法读取：{reasons[0].zh}")


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _sentence(best: Person, read: int) -> Said:
    n, speech, confidence = best.track.id + 1, f"{best.speech_s:.1f}", f"{best.confidence:.1f}"
    of, of_zh = ("", "") if read == 1 else (f", the best of {read} faces,", f"（{read} 张人脸中最吻合的一张）")
    if best.finding == "still":
        return Said(
            f"The mouth of face {n} stays still while somebody speaks for {speech} s: a voice-over or a still picture, "
            "neither of which is a forgery by itself.",
            f"人脸 {n} 的嘴部在 {speech} 秒语音期间保持不动：属于旁白或静态画面，二者本身都不是伪造。",
        )
    if best.finding == "differs":
        return Said(
            f"The lips of face {n}{of} fit the voice no better than a stranger's would (confidence {confidence} over "
            f"{speech} s of speech); dubbing, a voice-over and music do that, too, and are no forgery by themselves.",
            f"人脸 {n}{of_zh}的唇形与语音的吻合程度不高于陌生人（{speech} 秒语音，置信度 {confidence}）；"
            "配音、旁白与音乐也会如此，本身不是伪造。",
        )
    if best.finding == "unclear":
        return Said(
            f"Lips of face {n}{of} and voice may belong together (confidence {confidence} over {speech} s of speech, "
            f"{OFFSET_CONFIDENCE} are needed); this counts neither way.",
            f"人脸 {n}{of_zh}的唇形与语音可能属于同一人（{speech} 秒语音，置信度 {confidence}，"
            f"需要 {OFFSET_CONFIDENCE}）；不作为任何一方的证据。",
        )
    when = _when(best.offset_ms)
    return Said(
        f"The lips of face {n}{of} fit the voice {when.en} (confidence {confidence} over {speech} s of speech); this "
        "says nothing for authenticity, because forged lips are made to fit.",
        f"人脸 {n}{of_zh}的唇形与语音吻合，{when.zh}（{speech} 秒语音，置信度 {confidence}）；"
        "这不说明内容真实，因为伪造的唇形正是为吻合语音而生成的。",
    )


def _when(offset_ms: float | None) -> Said:
    if offset_ms is None:
        limit = f"{1000.0 * REACH / GRID_HZ:.0f}"
        return Said(f"best at an offset of {limit} ms or more", f"时差在 {limit} 毫秒或以上")
    size = f"{abs(offset_ms):.0f}"
    if offset_ms >= 0.0:
        return Said(f"with the sound {size} ms after the picture", f"声音比画面晚 {size} 毫秒")
    return Said(f"with the sound {size} ms before the picture", f"声音比画面早 {size} 毫秒")


def _told(values: NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(float(f"{value:.4g}") for value in values)
