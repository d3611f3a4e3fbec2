"""`seam`: was something blended into this face, and where.

A compact network (nets/seam.py) that learned from real faces and their own blends alone. It sees seams: edges of
pasted parts, and colour, sharpness, noise or compression that differ inside and outside. It does not see faces that
were generated or animated as a whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unforge import weights
from unforge.evidence import Evidence, Region, abstention
from unforge.exhibit import Exhibit
from unforge.faces import FaceTrack, align
from unforge.verdict import any_of
from unforge.weights.calibration import Calibration

if TYPE_CHECKING:
    import onnxruntime

QUESTION = "manipulated"
CARD = "seam"
MIN_FACE_PX = 64.0  # smaller training faces were rare: below, the network guesses
MAX_YAW_DEG = 60.0
MIN_SHARPNESS = 3.0  # grey levels; what is blurred more has lost its seams
BATCH = 16
HEATS_PER_TRACK = 3


@dataclass(frozen=True, slots=True)
class Judged:
    """What the network says about one track.

    looks: positions in the track that were good enough; scores (L,): raw logits; heats (L, 36, 36): in [0, 1].
    """

    track: FaceTrack
    looks: NDArray[np.int64]
    scores: NDArray[np.float32]
    heats: NDArray[np.float32]

    @property
    def score(self) -> float:
        """The raw score of the person: the mean over the looks."""
        return float(self.scores.mean())


class Seam:
    """The examiner. One answer per exhibit; a region without a box for each person, one with a box for each look."""

    name = "seam"
    models = (CARD,)

    @cached_property
    def card(self) -> weights.Card:
        return weights.card(CARD)

    def examine(self, exhibit: Exhibit) -> Evidence:
        """Evidence on "manipulated"; abstains where no face is large, sharp and frontal enough."""
        source = str(self.card.details["version"])
        tracks = exhibit.tracks
        if not tracks:
            zh = "没有发现人脸；该检测器只判断人脸。"
            return abstention(QUESTION, source, "No face was found; this examiner judges faces only.", {"note_zh": zh})
        judged = [result for result in map(self.judge, tracks) if len(result.looks)]
        if not judged:
            note, note_zh = _why_not(tracks)
            return abstention(QUESTION, source, note, {"faces": float(len(tracks)), "note_zh": note_zh})
        return self._answer(source, exhibit.facts.kind, judged, len(tracks))

    def judge(self, track: FaceTrack) -> Judged:
        """Run the network over the looks that are good enough."""
        good = (
            (track.size_px >= MIN_FACE_PX) & (np.abs(track.yaw_deg) <= MAX_YAW_DEG) & (track.sharpness >= MIN_SHARPNESS)
        )
        looks = np.flatnonzero(good)
        details = self.card.details
        scores, heats = score(
            weights.session(CARD),
            track.crops[looks],
            track.crop_landmarks_px[looks],
            float(details["margin"]),
            int(details["size_px"]),
            float(details["mask_threshold"]),
        )
        return Judged(track, looks, scores, heats)

    def _answer(self, source: str, kind: str, judged: Sequence[Judged], faces: int) -> Evidence:
        calibration = Calibration.from_card(self.card.details["calibration"])
        regions = [region for one in judged for region in self._regions(one, calibration)]
        people = [calibration.llr(one.score) for one in judged]
        intervals = [calibration.interval(one.score) for one in judged]
        llr = any_of(people)
        worst = judged[int(np.argmax(people))]
        facts: dict[str, float | str] = {
            "faces": float(faces),
            "faces_judged": float(len(judged)),
            "looks_judged": float(sum(len(one.looks) for one in judged)),
            "llr_low": min(llr, any_of([low for low, _ in intervals])),
            "llr_high": max(llr, any_of([high for _, high in intervals])),
            **calibration.behind,
        }
        note, facts["note_zh"] = _note(worst, llr, calibration, kind)
        return Evidence(QUESTION, source, llr, note, tuple(regions), facts)

    def _regions(self, one: Judged, calibration: Calibration) -> list[Region]:
        track = one.track
        whole = Region(
            float(track.times_s[one.looks[0]]),
            float(track.times_s[one.looks[-1]]),
            calibration.llr(one.score),
            track.id,
        )
        telling = set(np.argsort(-one.scores, kind="stable")[:HEATS_PER_TRACK].tolist())
        regions = [whole]
        for n, look in enumerate(one.looks):
            x0, y0, x1, y1 = (round(float(v)) for v in track.boxes_px[look])
            time_s = float(track.times_s[look])
            heat = self._heat_on_crop(one, n) if n in telling else None
            llr = calibration.llr(float(one.scores[n]))
            regions.append(Region(time_s, time_s, llr, track.id, (x0, y0, x1, y1), heat))
        return regions

    def _heat_on_crop(self, one: Judged, n: int) -> NDArray[np.float32]:
        margin = float(self.card.details["margin"])
        return align.heat_on_crop(one.heats[n], one.track.crop_landmarks_px[one.looks[n]], margin)


def load() -> Seam:
    """The examiner, ready to use."""
    return Seam()


def score(
    session: "onnxruntime.InferenceSession",
    crops: NDArray[np.uint8],
    landmarks_px: NDArray[np.float32],
    margin: float,
    size_px: int,
    mask_threshold: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Raw logits (N,) and heat (N, size_px / 4, size_px / 4) in [0, 1] of crops (N, 224, 224, 3) and meshes.

    mask_threshold: the mask logit that becomes a heat of 0.5, from where on a place counts as marked.
    """
    side = size_px // 4
    scores, heats = [np.empty(0, np.float32)], [np.empty((0, side, side), np.float32)]
    for start in range(0, len(crops), BATCH):
        part = range(start, min(start + BATCH, len(crops)))
        fed = np.stack([network_view(crops[n], landmarks_px[n], margin, size_px) for n in part])
        logits, masks = session.run(["logit", "mask"], {"rgb": fed})
        scores.append(logits)
        heats.append(1.0 / (1.0 + np.exp(-np.clip(masks - mask_threshold, -30, 30))))
    return np.concatenate(scores), np.concatenate(heats).astype(np.float32)


def network_view(
    crop: NDArray[np.uint8], landmarks_px: NDArray[np.float32], margin: float, size_px: int
) -> NDArray[np.float32]:
    """(3, size_px, size_px) float32 in 0..255: the middle of a crop."""
    seen = align.warp(crop, align.face_square(landmarks_px, margin, size_px), size_px)
    return np.ascontiguousarray(seen.transpose(2, 0, 1), np.float32)


def _why_not(tracks: Sequence[FaceTrack]) -> tuple[str, str]:
    largest_px = max(float(track.size_px.max()) for track in tracks)
    if largest_px < MIN_FACE_PX:
        return (
            f"The largest face is {largest_px:.0f} px; this examiner needs {MIN_FACE_PX:.0f} px.",
            f"最大的人脸为 {largest_px:.0f} 像素；该检测器至少需要 {MIN_FACE_PX:.0f} 像素。",
        )
    return (
        f"{len(tracks)} face(s) found, but none is sharp and frontal enough: this examiner needs a sharpness of "
        f"{MIN_SHARPNESS:.0f} and a turn of at most {MAX_YAW_DEG:.0f} degrees.",
        f"发现 {len(tracks)} 张人脸，但都不够清晰或不够正面：该检测器需要清晰度不低于 {MIN_SHARPNESS:.0f}，"
        f"转头不超过 {MAX_YAW_DEG:.0f} 度。",
    )


def _note(worst: Judged, llr: float, calibration: Calibration, kind: str) -> tuple[str, str]:
    person, looks = worst.track.id + 1, len(worst.looks)
    part_of, part_of_zh = f"over {looks} looks", f"{looks} 次观察中"
    if kind == "image":
        part_of, part_of_zh = "in the picture", "画面中"
    if llr >= calibration.llr_manipulated:
        found, found_zh = f"Traces of blending in face {person} {part_of}", f"{part_of_zh}人脸 {person} 有拼接痕迹"
    elif llr <= calibration.llr_no_evidence:
        return (
            f"No trace of blending in any face {part_of}; highest in face {person}.",
            f"{part_of_zh}所有人脸均未见拼接痕迹；最高为人脸 {person}。",
        )
    else:
        found = f"Traces of blending too weak to decide, strongest in face {person} {part_of}"
        found_zh = f"{part_of_zh}的拼接痕迹太弱，无法判定；最强为人脸 {person}"
    share = float((worst.heats[int(np.argmax(worst.scores))] > 0.5).mean())
    return (
        f"{found}; {share:.0%} of its area marked in the most telling look.",
        f"{found_zh}；最可疑的一次观察中标记了其面积的 {share:.0%}。",
    )
