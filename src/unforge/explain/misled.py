"""Whether a picture seems made to mislead the detector, and what then becomes of the verdict.

The answer to the question "adversarial" is never weighed with those to "manipulated": it says nothing of forgery. But
where it says yes, the frame detectors read what somebody wrote for them, so their verdict is withdrawn: neither
"manipulated" nor "no evidence" may stand. Withdrawing both keeps an attacker from gaining either of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from unforge.evidence import Evidence
from unforge.explain.vocabulary import BANDS, Said, percent
from unforge.verdict import Verdict, weigh

QUESTION = "adversarial"


def is_misled(evidence: Iterable[Evidence]) -> bool:
    """Whether the answers to that question reach the threshold that ordinary pictures pass in one case of a hundred."""
    return weigh(evidence, QUESTION).band == "manipulated"


def at_most_inconclusive(verdict: Verdict, evidence: Sequence[Evidence]) -> Verdict:
    """The verdict, its band withdrawn where the picture seems made to mislead; its numbers stay as measured."""
    decided = verdict.band in ("manipulated", "no_evidence")
    return replace(verdict, band="inconclusive") if decided and is_misled(evidence) else verdict


def explained(evidence: Sequence[Evidence]) -> Iterable[Said]:
    """For the explanation, right after the verdict."""
    if is_misled(evidence):
        yield Said(
            "The picture seems made to mislead the detector: what was measured of manipulation must not be relied on, "
            f"and the verdict is held at “{BANDS['inconclusive'].en}” whatever it says.",
            "该画面似乎经过处理，意在误导检测器：关于伪造的测量结果不可信赖，"
            f"因此无论结果如何，结论一律保持为“{BANDS['inconclusive'].zh}”。",
        )


def limited(evidence: Sequence[Evidence]) -> Iterable[Said]:
    """For the limits: how often this alarm is false, or that its silence proves nothing."""
    answers = [answer for answer in evidence if answer.question == QUESTION and not answer.abstained]
    if is_misled(answers):
        share = percent(max(float(answer.facts["threshold_fpr"]) for answer in answers))
        yield Said(
            f"The sign of tampering with the detector is itself uncertain: about {share} of ordinary pictures show it.",
            f"“误导检测器”的迹象本身并不确定：约 {share} 的普通画面也会出现。",
        )
    elif answers:
        yield Said(
            "No sign of tampering with the detector was found; somebody who knows this check can avoid it.",
            "未发现误导检测器的迹象；了解此项检查的人可以避开它。",
        )
