"""`finegrained`: is this face forged, where, and by what kind of trace.

A compact network (nets/finegrained.py) that learned from real faces and their own forgeries. One pass gives the
answer, the marked places, the kind of trace, and how good the look was; what the answer is worth is calibrated for
small, soft, compressed and clear looks apart.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unforge import weights
from unforge.evidence import Evidence, Region, abstention
from unforge.exhibit import Exhibit
from unforge.faces import FaceTrack, align, quality
from unforge.verdict import any_of
from unforge.weights.calibration import Calibration

if TYPE_CHECKING:
    import onnxruntime

QUESTION = "manipulated"
CARD = "finegrained"
OUTPUTS = ("logit", "mask", "attention", "artefacts", "region", "quality", "embedding")
ARTEFACTS = ("colour", "sharpness", "compression", "geometry", "smoothing", "upsampling", "frequency")
MIN_FACE_PX = 64.0  # smaller training faces were rare: below, the network guesses
MAX_YAW_DEG = 60.0
MIN_SHARPNESS = 3.0  # grey levels; what is blurred more has lost its traces
MIN_LIGHT = 20.0  # grey levels, median of the crop; what is darker is mostly the camera's noise
SMALL_PX = 100.0
SOFT_SHARPNESS = 9.0
COMPRESSED = 0.4  # of the network's own estimate, where 1 is JPEG quality 25 or CRF 38
BATCH = 16
WINDOW = 4  # looks that are judged together, about a second
HEATS_PER_TRACK = 3


@dataclass(frozen=True, slots=True)
class Read:
    """What the network says of N looks.

    logits: (N,) raw; heats: (N, h, w) in [0, 1]; attention: (N, h, w), the mean of the maps, its strongest place 1;
    artefacts: (N, 7) raw; quality: (N, 3) blur, compression, lost size; sharpness: (N,) of the network's view.
    """

    logits: NDArray[np.float32]
    heats: NDArray[np.float32]
    attention: NDArray[np.float32]
    artefacts: NDArray[np.float32]
    quality: NDArray[np.float32]
    sharpness: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Judged:
    """What was read of one track, and what it is worth.

    looks: positions in the track that were good enough; read: of those looks, in the same order.
    whole, window: calibrations of all looks together, and of the most telling second among them.
    """

    track: FaceTrack
    looks: NDArray[np.int64]
    read: Read
    whole: Calibration
    window: Calibration

    @property
    def llr(self) -> float:
        """Of the person: forged throughout, or for a second somewhere; each as likely as the other beforehand."""
        return any_of([calibration.llr(score) for calibration, score in self._answers()])

    @property
    def interval(self) -> tuple[float, float]:
        low, high = zip(*(calibration.interval(score) for calibration, score in self._answers()), strict=True)
        return any_of(low), any_of(high)

    @property
    def llr_manipulated(self) -> float:
        """From where on this person counts as forged; with a window, its threshold was set on both answers together."""
        return self._answers()[-1][0].llr_manipulated

    @property
    def llr_no_evidence(self) -> float:
        return min(calibration.llr_no_evidence for calibration, _ in self._answers())

    def _answers(self) -> list[tuple[Calibration, float]]:
        logits = self.read.logits
        answers = [(self.whole, pooled(logits))]
        return answers if len(logits) < 2 * WINDOW else [*answers, (self.window, loudest_window(logits))]


class FineGrained:
    """The examiner. One answer per exhibit; a region without a box for each person, one with a box for each look."""

    name = "finegrained"
    models = (CARD,)

    @cached_property
    def card(self) -> weights.Card:
        return weights.card(CARD)

    @cached_property
    def calibrations(self) -> dict[str, Calibration]:
        """By stratum of quality, see `stratum`; and of the most telling window."""
        return {name: Calibration.from_card(data) for name, data in self.card.details["calibration"].items()}

    def examine(self, exhibit: Exhibit) -> Evidence:
        """Evidence on "manipulated"; abstains where no face is large, sharp and frontal enough."""
        source = str(self.card.details["version"])
        tracks = exhibit.tracks
        if not tracks:
            zh = "没有发现人脸；该检测器只判断人脸。"
            return abstention(QUESTION, source, "No face was found; this examiner judges faces only.", {"note_zh": zh})
        judged = [result for result in map(self.judge, tracks) if result is not None]
        if not judged:
            note, note_zh = why_not(tracks)
            return abstention(QUESTION, source, note, {"faces": float(len(tracks)), "note_zh": note_zh})
        return self._answer(source, exhibit.facts.kind, judged, len(tracks))

    def judge(self, track: FaceTrack) -> Judged | None:
        """Run the network over the looks that are good enough; None where there is none."""
        looks = np.flatnonzero(np.all([passed for passed, _, _ in gates(track)], axis=0))
        if not len(looks):
            return None
        found = read(weights.session(CARD), track.crops[looks], track.crop_landmarks_px[looks], self.card.details)
        name = stratum(track.size_px[looks], found.sharpness, found.quality)
        return Judged(track, looks, found, self.calibrations[name], self.calibrations["window"])

    def _answer(self, source: str, kind: str, judged: Sequence[Judged], faces: int) -> Evidence:
        people = [one.llr for one in judged]
        intervals = [one.interval for one in judged]
        llr = any_of(people)
        worst = judged[int(np.argmax(people))]
        strictest = _strictest(judged)
        note, note_zh = _note(worst, llr, strictest, kind)
        facts: dict[str, float | str] = {
            "faces": float(faces),
            "faces_judged": float(len(judged)),
            "looks_judged": float(sum(len(one.looks) for one in judged)),
            "llr_low": min(llr, any_of([low for low, _ in intervals])),
            "llr_high": max(llr, any_of([high for _, high in intervals])),
            **strictest,
            "note_zh": note_zh,
        }
        regions = tuple(region for one in judged for region in self._regions(one))
        return Evidence(QUESTION, source, llr, note, regions, facts)

    def _regions(self, one: Judged) -> list[Region]:
        track, looks = one.track, one.looks
        start_s, end_s = float(track.times_s[looks[0]]), float(track.times_s[looks[-1]])
        regions = [Region(start_s, end_s, one.llr, track.id)]
        telling = set(np.argsort(-one.read.logits, kind="stable")[:HEATS_PER_TRACK].tolist())
        for n, look in enumerate(looks):
            x0, y0, x1, y1 = (round(float(v)) for v in track.boxes_px[look])
            time_s, llr = float(track.times_s[look]), one.whole.llr(float(one.read.logits[n]))
            told = self._told(one, n) if n in telling else (None, {}, None)
            regions.append(Region(time_s, time_s, llr, track.id, (x0, y0, x1, y1), *told))
        return regions

    def _facts(self, one: Judged, n: int) -> dict[str, float]:
        """The calibrated probability of each kind of trace, if the face is forged at all."""
        lines = self.card.details.get("artefacts", {})  # a kind that was too rare to calibrate is not named
        return {
            f"artefact_{name}": round(_sigmoid(lines[name]["slope"] * float(raw) + lines[name]["intercept"]), 4)
            for name, raw in zip(ARTEFACTS, one.read.artefacts[n], strict=True)
            if name in lines
        }

    def _told(self, one: Judged, n: int) -> tuple[NDArray[np.float32], dict[str, float], NDArray[np.float32]]:
        """Heat, facts and attention of one look."""
        margin, mesh = float(self.card.details["margin"]), one.track.crop_landmarks_px[one.looks[n]]
        heat, attention = (align.heat_on_crop(found[n], mesh, margin) for found in (one.read.heats, one.read.attention))
        return heat, self._facts(one, n), attention


def load() -> FineGrained:
    """The examiner, ready to use."""
    return FineGrained()


def read(
    session: "onnxruntime.InferenceSession",
    crops: NDArray[np.uint8],
    landmarks_px: NDArray[np.float32],
    details: Mapping[str, float],
) -> Read:
    """Run a network over crops (N, 224, 224, 3) with their meshes.

    details: of its card: `margin` and `size_px` of its view, `mask_threshold`, the mask logit that becomes a heat of
    0.5, from where on a place counts as marked.
    """
    margin, size_px = float(details["margin"]), int(details["size_px"])
    views = [
        align.warp(crop, align.face_square(mesh, margin, size_px), size_px)
        for crop, mesh in zip(crops, landmarks_px, strict=True)
    ]
    return read_views(session, views, float(details["mask_threshold"]))


def read_views(
    session: "onnxruntime.InferenceSession", views: Sequence[NDArray[np.uint8]], mask_threshold: float
) -> Read:
    """Run a network over pictures (S, S, 3) that already are what it wants to see."""
    parts = []
    for start in range(0, len(views), BATCH):
        fed = np.stack(views[start : start + BATCH]).transpose(0, 3, 1, 2).astype(np.float32)
        parts.append(session.run(["logit", "mask", "attention", "artefacts", "quality"], {"rgb": fed}))
    logits, masks, maps, artefacts, lost = (np.concatenate(part) for part in zip(*parts, strict=True))
    heats = 1.0 / (1.0 + np.exp(-np.clip(masks - mask_threshold, -30, 30)))
    looked = maps.mean(axis=1)
    attention = (looked / looked.max(axis=(1, 2), keepdims=True)).astype(np.float32)
    sharpness = np.array([quality.sharpness(view) for view in views], np.float32)
    return Read(logits, heats.astype(np.float32), attention, artefacts, lost, sharpness)


def pooled(logits: NDArray[np.float32]) -> float:
    """The raw score of a person from those of the looks (L,) in order of time: the mean."""
    return float(logits.mean())


def loudest_window(logits: NDArray[np.float32]) -> float:
    """The raw score of the most telling WINDOW looks in a row, of (L,) looks in order of time, L >= WINDOW."""
    return float(np.convolve(logits, np.full(WINDOW, 1.0 / WINDOW), "valid").max())


def stratum(size_px: NDArray[np.float32], sharpness: NDArray[np.float32], lost: NDArray[np.float32]) -> str:
    """Which of the calibrations fits looks (L,) of these sizes, sharpness and (L, 3) losses; their medians decide."""
    if float(np.median(size_px)) < SMALL_PX:
        return "small"
    if float(np.median(sharpness)) < SOFT_SHARPNESS:
        return "soft"
    return "compressed" if float(np.median(lost[:, 1])) > COMPRESSED else "clear"


STRATA = ("small", "soft", "compressed", "clear")


def _sigmoid(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, value))))


def _strictest(judged: Sequence[Judged]) -> dict[str, float]:
    """The thresholds that hold for all who were judged: people in one picture may be seen in different quality."""
    calibrations = [one.whole for one in judged]
    return {
        "llr_manipulated": max(one.llr_manipulated for one in judged),
        "llr_no_evidence": min(one.llr_no_evidence for one in judged),
        "threshold_fpr": max(one.threshold_fpr for one in calibrations),
        "calibration_reals": float(min(one.reals for one in calibrations)),
        "calibration_fakes": float(min(one.fakes for one in calibrations)),
        "max_abs_llr": max(one.cap for one in calibrations),
    }


def gates(track: FaceTrack) -> tuple[tuple[NDArray[np.bool_], str, str], ...]:
    """What a look must be to be judged: (T,) whether it is, and why not, in English and Chinese."""
    light = np.median(track.crops[:, 32:192:4, 32:192:4], axis=(1, 2, 3))
    return (
        (
            track.size_px >= MIN_FACE_PX,
            f"is only {track.size_px.max():.0f} px across; this examiner needs {MIN_FACE_PX:.0f} px",
            f"只有 {track.size_px.max():.0f} 像素宽；该检测器至少需要 {MIN_FACE_PX:.0f} 像素",
        ),
        (
            light >= MIN_LIGHT,
            f"is too dark: {light.max():.0f} of 255 grey levels; this examiner needs {MIN_LIGHT:.0f}",
            f"太暗：灰度 {light.max():.0f}（最高 255）；该检测器至少需要 {MIN_LIGHT:.0f}",
        ),
        (
            np.abs(track.yaw_deg) <= MAX_YAW_DEG,
            f"is turned by {np.abs(track.yaw_deg).min():.0f} degrees; this examiner judges up to {MAX_YAW_DEG:.0f}",
            f"转头 {np.abs(track.yaw_deg).min():.0f} 度；该检测器最多判断到 {MAX_YAW_DEG:.0f} 度",
        ),
        (
            track.sharpness >= MIN_SHARPNESS,
            f"is blurred: a sharpness of {track.sharpness.max():.1f}; this examiner needs {MIN_SHARPNESS:.0f}",
            f"模糊：清晰度 {track.sharpness.max():.1f}；该检测器至少需要 {MIN_SHARPNESS:.0f}",
        ),
    )


def why_not(tracks: Sequence[FaceTrack]) -> tuple[str, str]:
    """The reason of the largest face; the others are no better."""
    largest = max(tracks, key=lambda track: float(track.size_px.max()))
    failed = [(en, zh) for passed, en, zh in gates(largest) if not passed.any()]
    en, zh = (
        failed[0]
        if failed
        else ("is never large, light, sharp and frontal enough at once", "从未同时满足大小、光线、清晰度和正面的要求")
    )
    which, which_zh = (
        ("The face", "人脸")
        if len(tracks) == 1
        else (f"The largest of {len(tracks)} faces", f"{len(tracks)} 张人脸中最大的一张")
    )
    return f"{which} {en}.", f"{which_zh}{zh}。"


def _note(worst: Judged, llr: float, thresholds: Mapping[str, float], kind: str) -> tuple[str, str]:
    person, looks = worst.track.id + 1, len(worst.looks)
    part_of, part_of_zh = (
        ("in the picture", "画面中") if kind == "image" else (f"over {looks} looks", f"{looks} 次观察中")
    )
    if llr >= thresholds["llr_manipulated"]:
        found, found_zh = f"Traces of forgery in face {person} {part_of}", f"{part_of_zh}人脸 {person} 有伪造痕迹"
    elif llr <= thresholds["llr_no_evidence"]:
        return (
            f"No trace of forgery in any face {part_of}; highest in face {person}.",
            f"{part_of_zh}所有人脸均未见伪造痕迹；最高为人脸 {person}。",
        )
    else:
        found = f"Traces too weak to decide, strongest in face {person} {part_of}"
        found_zh = f"{part_of_zh}的痕迹太弱，无法判定；最强为人脸 {person}"
    share = float((worst.read.heats[int(np.argmax(worst.read.logits))] > 0.5).mean())
    return (
        f"{found}; {share:.0%} of its area marked in the most telling look.",
        f"{found_zh}；最可疑的一次观察中标记了其面积的 {share:.0%}。",
    )
