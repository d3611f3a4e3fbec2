"""`evasion`: has somebody tampered with the picture so that the picture classifier misjudges it.

The answer is to the question "adversarial" alone and only ever sends an item to people: whoever knows this check can
write noise that passes it, as with every published one (Tramer et al., NeurIPS 2020); how often stands in the record
`evasion`. What the two readings of the same writing have in common is told beside it, where they were made anyway.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unforge import weights
from unforge.evidence import Evidence, Region, abstention
from unforge.moderate import looks, shifts
from unforge.moderate.checks import Setup
from unforge.moderate.item import Item, Still
from unforge.moderate.looks import CARD, SMALLEST_PX
from unforge.verdict import any_of
from unforge.weights.calibration import Calibration

COST_MS = 7.0
QUESTION = "adversarial"
SOURCE = "evasion-1"
SHOWN = ("shift_saved", "shift_blurred", "noise_flat", "colour_noise_half", "pattern_share")


@dataclass(frozen=True, slots=True)
class _Seen:
    """A still, what was measured on it, (len(shifts.NAMES),), and its raw score."""

    still: Still
    figures: NDArray[np.float64]
    score: float


class Evasion:
    """The check. A region without a box for the most suspicious still."""

    name = "evasion"
    question = QUESTION
    models = (CARD, shifts.CARD)

    @cached_property
    def learned(self) -> dict[str, Any]:
        return dict(weights.card(shifts.CARD).details["learned"])

    @cached_property
    def calibration(self) -> Calibration:
        return Calibration.from_card(self.learned["calibration"])

    def examine(self, item: Item) -> Evidence:
        """Evidence on "adversarial"; abstains where there is no picture or only one of a few pixels."""
        stills = [still for still in item.stills if min(still.rgb.shape[:2]) >= SMALLEST_PX]
        if not stills:
            note, zh = looks.nothing(item.has_picture)
            return abstention(QUESTION, SOURCE, note, {"note_zh": zh})
        return self._answer([self._seen(still) for still in stills], _readings(item))

    def _seen(self, still: Still) -> _Seen:
        look = looks.reduced(still.rgb)
        figures = shifts.figures(look, looks.read(looks.through(look)))
        return _Seen(still, figures, float(shifts.score(figures, self.learned["line"])))

    def _answer(self, seen: Sequence[_Seen], readings: dict[str, float]) -> Evidence:
        calibration = self.calibration
        llrs = [calibration.llr(one.score) for one in seen]
        intervals = [calibration.interval(one.score) for one in seen]
        llr, worst = any_of(llrs), seen[int(np.argmax(llrs))]
        measured = shifts.plain(worst.figures)
        note, zh = _note(llr, measured, calibration)
        facts: dict[str, float | str] = {
            "stills": float(len(seen)),
            **{name: round(measured[name], 3) for name in SHOWN},
            **readings,
            "llr_low": min(llr, any_of([low for low, _ in intervals])),
            "llr_high": max(llr, any_of([high for _, high in intervals])),
            **calibration.behind,
            "note_zh": zh,
        }
        region = Region(worst.still.time_s, worst.still.time_s, max(llrs))
        return Evidence(QUESTION, SOURCE, llr, note, (region,), facts)


def load(setup: Setup) -> Evasion:
    """The check, ready to use."""
    return Evasion()


def _readings(item: Item) -> dict[str, float]:
    """How alike the two readings are, where somebody has asked for them: they cost a second or more."""
    if "reading" not in item.__dict__ or item.reading.twice is None:
        return {}
    return {"readings_alike": round(item.reading.twice, 3)}


def _note(llr: float, measured: dict[str, float], calibration: Calibration) -> tuple[str, str]:
    noise, shift = measured["noise_flat"], max(measured["shift_saved"], measured["shift_blurred"])
    pattern = 100.0 * measured["pattern_share"]
    measured_en = (
        f"noise of {noise:.1f} grey levels in its flattest parts, answers {shift:.1f} apart after a new save or a "
        f"blur, pattern of attacks {pattern:.0f} %"
    )
    measured_zh = f"最平坦处噪声 {noise:.1f} 级灰度，重新保存或轻微模糊后读数相差 {shift:.1f}，攻击图样 {pattern:.0f}%"
    if llr >= calibration.llr_manipulated:
        return (
            f"The picture carries what pictures made to mislead the classifier carry ({measured_en}): people should "
            "look, whatever the other checks say.",
            f"画面带有误导分类器的图片所具有的特征（{measured_zh}）：无论其他检查结果如何，应由人工查看。",
        )
    if llr > calibration.llr_no_evidence:
        return (
            f"The picture resembles somewhat those made to mislead the classifier ({measured_en}); that is not enough "
            "to say that it was.",
            f"画面与误导分类器的图片略有相似（{measured_zh}）；不足以说明意在误导分类器。",
        )
    return (
        f"No sign that the picture was made to mislead the classifier: it measures as ordinary pictures do "
        f"({measured_en}).",
        f"未见意在误导分类器的迹象：测量结果与普通画面相符（{measured_zh}）。",
    )
