"""`adversarial`: has somebody tampered with the picture to mislead the detector.

Noise that follows a network's gradient moves what `finegrained` reads and hardly survives a light blur or a new save;
an ordinary face reads alike through both. The answer is to the question "adversarial" alone: it is never weighed with
those on manipulation. Where it says yes, the verdict is withdrawn (explain/misled.py). Whoever knows this check can
write noise that passes it, as with every published one (Tramer et al., NeurIPS 2020); how often stands beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unforge import weights
from unforge.detect import _tampering, finegrained
from unforge.detect._views import HARDENED, VIEWS
from unforge.evidence import Evidence, Region, abstention
from unforge.exhibit import Exhibit
from unforge.faces import FaceTrack, align
from unforge.verdict import any_of
from unforge.weights.calibration import Calibration

QUESTION = "adversarial"
SOURCE = "adversarial-1"
CARD = "finegrained"
MOST_LOOKS = 3  # in all: each is read three times
SHOWN = ("shift_saved", "shift_blurred")


@dataclass(frozen=True, slots=True)
class Person:
    """What was found at the looks of one track.

    looks: positions in the track. figures: (L, F) as `_tampering.NAMES`. score: of the person, raw. hardened: the mean
    hardened logit.
    """

    track: FaceTrack
    looks: NDArray[np.intp]
    figures: NDArray[np.float64]
    score: float
    hardened: float


class Adversarial:
    """The examiner. A region without a box for each person looked at."""

    name = "adversarial"
    models = (CARD,)

    @cached_property
    def learned(self) -> dict[str, Any]:
        return dict(weights.tampering())

    @cached_property
    def calibration(self) -> Calibration:
        return Calibration.from_card(self.learned["calibration"])

    def examine(self, exhibit: Exhibit) -> Evidence:
        """Evidence on "adversarial"; abstains where no face is good enough for `finegrained`, which it asks."""
        tracks = exhibit.tracks
        if not tracks:
            zh = "没有发现人脸；该检测器检查人脸检测器所见的画面。"
            note = "No face was found; this examiner checks what the detector of faces sees."
            return abstention(QUESTION, SOURCE, note, {"note_zh": zh})
        looks = _chosen(tracks)
        if not looks:
            note, zh = finegrained.why_not(tracks)
            return abstention(QUESTION, SOURCE, note, {"faces": float(len(tracks)), "note_zh": zh})
        return self._answer([self.read(track, positions) for track, positions in looks], len(tracks))

    def read(self, track: FaceTrack, looks: NDArray[np.intp]) -> Person:
        """What the network reads at these looks, as they are and through the views."""
        details = weights.card(CARD).details
        margin, size_px = float(details["margin"]), int(details["size_px"])
        squares = [align.face_square(mesh, margin, size_px) for mesh in track.crop_landmarks_px[looks]]
        seen = [align.warp(crop, square, size_px) for crop, square in zip(track.crops[looks], squares, strict=True)]
        logits = read_through(seen)
        figures = _tampering.figures(seen, logits)
        score = float(_tampering.scores(figures, self.learned["line"]).mean())
        return Person(track, looks, figures, score, float(hardened(logits).mean()))

    def _answer(self, people: Sequence[Person], faces: int) -> Evidence:
        calibration = self.calibration
        llrs = [calibration.llr(person.score) for person in people]
        intervals = [calibration.interval(person.score) for person in people]
        llr, worst = any_of(llrs), people[int(np.argmax(llrs))]
        hardened_llr = Calibration.from_card(self.learned["hardened"]).llr(worst.hardened)
        shifts = dict(zip(_tampering.NAMES, np.expm1(worst.figures).mean(axis=0).tolist(), strict=True))
        note, zh = _note(worst.track.id + 1, llr, calibration)
        facts: dict[str, float | str] = {
            "faces": float(faces),
            "faces_judged": float(len(people)),
            "looks_judged": float(sum(len(person.looks) for person in people)),
            **{f"reading_{name}": round(shifts[name], 3) for name in SHOWN},
            "hardened_llr": round(hardened_llr, 3),
            "llr_low": min(llr, any_of([low for low, _ in intervals])),
            "llr_high": max(llr, any_of([high for _, high in intervals])),
            **calibration.behind,
            "note_zh": zh,
        }
        regions = [_region(person, llr_of) for person, llr_of in zip(people, llrs, strict=True)]
        return Evidence(QUESTION, SOURCE, llr, note, tuple(regions), facts)


def load() -> Adversarial:
    """The examiner, ready to use."""
    return Adversarial()


def read_through(views: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """(N, 1 + V) logits of `finegrained`: of views (S, S, 3) as they are, then through each of VIEWS."""
    session = weights.session(CARD)
    seen = [list(views), *([change(view) for view in views] for change in VIEWS.values())]
    return np.stack([finegrained.read_views(session, one, 0.0).logits for one in seen], axis=1).astype(np.float64)


def hardened(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) of (N, 1 + V) logits those of the view that tampering for another network hardly survives."""
    return logits[:, 1 + list(VIEWS).index(HARDENED)]


def _chosen(tracks: Sequence[FaceTrack]) -> list[tuple[FaceTrack, NDArray[np.intp]]]:
    """At most MOST_LOOKS good looks: of the most visible people one each, and more of them where they are fewer."""
    good = [(track, _good(track)) for track in tracks]
    seen = [(track, looks) for track, looks in good if len(looks)]
    seen.sort(key=lambda one: (-float(one[0].size_px[one[1]].sum()), one[0].id))
    people = seen[:MOST_LOOKS]
    each = MOST_LOOKS // max(1, len(people))
    return [(track, looks[_spread(len(looks), each)]) for track, looks in people]


def _good(track: FaceTrack) -> NDArray[np.intp]:
    """Positions of the looks that `finegrained` would judge."""
    return np.flatnonzero(np.all([passed for passed, _, _ in finegrained.gates(track)], axis=0))


def _spread(count: int, most: int) -> NDArray[np.intp]:
    """At most so many positions of `count`, in the middle of as many equal parts."""
    return np.unique(((np.arange(most) + 0.5) * count / most).astype(np.intp))


def _region(person: Person, llr: float) -> Region:
    times_s = person.track.times_s[person.looks]
    return Region(float(times_s[0]), float(times_s[-1]), llr, person.track.id)


def _note(face: int, llr: float, calibration: Calibration) -> tuple[str, str]:
    if llr >= calibration.llr_manipulated:
        return (
            f"Face {face} carries noise that moves the detector's reading, as in pictures made to mislead it; "
            "its verdict must not be relied on.",
            f"人脸 {face} 带有会改变检测器读数的噪声，类似为误导检测器而处理过的画面；其结论不可信赖。",
        )
    if llr > calibration.llr_no_evidence:
        return (
            f"Face {face} reads somewhat otherwise after a new save and a light blur, or carries unusual noise; that "
            "is not enough to say that the picture was made to mislead the detector.",
            f"人脸 {face} 经重新保存和轻微模糊后读数略有不同，或带有不寻常的噪声；不足以说明画面意在误导检测器。",
        )
    return (
        f"No sign in face {face} that the picture was made to mislead the detector: after a new save and a light blur "
        "it reads as ordinary pictures do, and its noise is theirs.",
        f"未见人脸 {face} 所在画面意在误导检测器的迹象：经重新保存和轻微模糊后，其读数与噪声与普通画面相符。",
    )
