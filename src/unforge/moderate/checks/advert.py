"""`advert`: does the picture carry an advert that was laid over it: a contact, a code, a banner.

The network is trained against attacks and looks in four ways, of which the middle one counts. It reads nothing; what
stands there is for the readings. With votes, noisy looks are asked as well, and an answer that they do not bear out is
taken back to where it says nothing for certain.
"""

from collections.abc import Sequence
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge import weights
from unforge.evidence import Evidence, Region, abstention
from unforge.moderate import looks, votes
from unforge.moderate.checks import Setup
from unforge.moderate.item import Item, Still
from unforge.moderate.looks import CARD, CLASSES, SMALLEST_PX, Answers
from unforge.moderate.votes import Vote
from unforge.verdict import any_of
from unforge.weights.calibration import Calibration

COST_MS = 5.0
QUESTION = "advert"
SOURCE = "advert-1"
NAMES = {
    "contact": ("lines with a contact", "联系方式文字"),
    "code": ("a code", "二维码"),
    "banner": ("a banner", "横幅广告"),
}


class Advert:
    """The check. A box where an advert seems to lie, on the most suspicious still."""

    name = "advert"
    question = QUESTION
    models = (CARD,)

    def __init__(self, count: int) -> None:
        """count: noisy looks, 0 for none."""
        self.count = count

    @cached_property
    def calibration(self) -> Calibration:
        return Calibration.from_card(weights.card(CARD).details["calibration"])

    def examine(self, item: Item) -> Evidence:
        """Evidence on "advert"; abstains where there is no picture or only one of a few pixels."""
        stills = [still for still in item.stills if min(still.rgb.shape[:2]) >= SMALLEST_PX]
        if not stills:
            note, zh = looks.nothing(item.has_picture)
            return abstention(QUESTION, SOURCE, note, {"note_zh": zh})
        answers = [looks.read(looks.through(looks.reduced(still.rgb))) for still in stills]
        middles = [float(np.median(one.scores)) for one in answers]
        worst = int(np.argmax(middles))
        vote = votes.vote(looks.reduced(stills[worst].rgb), self.count) if self.count else None
        return self._answer(stills[worst], answers[worst], middles, vote)

    def _answer(self, still: Still, answers: Answers, middles: Sequence[float], vote: Vote | None) -> Evidence:
        calibration = self.calibration
        llrs = [calibration.llr(middle) for middle in middles]
        intervals = [calibration.interval(middle) for middle in middles]
        llr = any_of(llrs)
        doubted = vote is not None and not _bears_out(vote, llr, calibration)
        if doubted:
            llr = _between(llr, calibration)
        kind = CLASSES[1 + int(np.median(answers.logits, axis=0)[1:].argmax())]
        note, zh = _note(llr, kind, still, vote, calibration)
        facts: dict[str, float | str] = {
            "stills": float(len(middles)),
            "views": float(len(answers.scores)),
            "views_with_advert": float((answers.scores > 0).sum()),
            "class": kind,
            **_of_vote(vote),
            "llr_low": min(llr, any_of([low for low, _ in intervals])),
            "llr_high": max(llr, any_of([high for _, high in intervals])),
            **calibration.behind,
            "note_zh": zh,
        }
        region = Region(still.time_s, still.time_s, max(llrs), box_px=_box_px(still, answers.cells[0]))
        return Evidence(QUESTION, SOURCE, llr, note, (region,) if llr > calibration.llr_no_evidence else (), facts)


def load(setup: Setup) -> Advert:
    """The check, ready to use."""
    return Advert(setup.votes)


def _bears_out(vote: Vote, llr: float, calibration: Calibration) -> bool:
    """Whether the vote is settled and does not speak against a band other than the middle one."""
    if calibration.llr_no_evidence < llr < calibration.llr_manipulated:
        return True
    return vote.settled and vote.advert == (llr >= calibration.llr_manipulated)


def _between(llr: float, calibration: Calibration) -> float:
    """The nearest that says nothing for certain."""
    low, high = calibration.llr_no_evidence, calibration.llr_manipulated
    return float(np.clip(llr, np.nextafter(low, high), np.nextafter(high, low)))


def _of_vote(vote: Vote | None) -> dict[str, float]:
    if vote is None:
        return {}
    told = {"votes": float(vote.count), "votes_with_advert": float(vote.adverts)}
    return told if vote.count < votes.CERTIFIABLE else {**told, "certified_radius": round(vote.radius, 4)}


def _box_px(still: Still, cells: NDArray[np.float64]) -> tuple[int, int, int, int] | None:
    """Where the strongest patch of cells with advert lies; None where no cell holds any."""
    count, patches = cv2.connectedComponents((cells > 0).astype(np.uint8))
    if count < 2:
        return None
    strengths = [float(cells[patches == n].sum()) for n in range(1, count)]
    rows, columns = np.nonzero(patches == 1 + int(np.argmax(strengths)))
    height, width = np.array(still.rgb.shape[:2]) / cells.shape
    return still.box_px(
        columns.min() * width, rows.min() * height, (columns.max() + 1) * width, (rows.max() + 1) * height
    )


def _note(llr: float, kind: str, still: Still, vote: Vote | None, calibration: Calibration) -> tuple[str, str]:
    name, name_zh = NAMES[kind]
    asked, asked_zh = _asked(vote)
    at, at_zh = (f" at {still.time_s:.1f} s", f"（{still.time_s:.1f} 秒处）") if still.time_s else ("", "")
    if llr >= calibration.llr_manipulated:
        return (
            f"An advert seems to be laid over the picture{at}, most likely {name}{asked}.",
            f"画面上疑似叠加了广告{at_zh}，最可能是{name_zh}{asked_zh}。",
        )
    if llr > calibration.llr_no_evidence:
        return (
            f"Something in the picture{at} resembles {name} laid over it; that is not enough to call it an advert"
            f"{asked}.",
            f"画面{at_zh}中有类似{name_zh}的内容；不足以认定为广告{asked_zh}。",
        )
    return (
        f"No advert was seen over the picture{asked}; writing inside the scene was not read.",
        f"未见画面上叠加广告{asked_zh}；场景内的文字未经识读。",
    )


def _asked(vote: Vote | None) -> tuple[str, str]:
    if vote is None:
        return "", ""
    return (
        f" ({vote.adverts} of {vote.count} noisy looks see one)",
        f"（{vote.count} 次加噪观察中有 {vote.adverts} 次看到广告）",
    )
