"""`code`: does a QR or bar code stand in it, and what does it say.

A code is no harm by itself; where it leads is for the policy and for people to judge.
"""

from collections.abc import Sequence
from functools import cached_property

from unforge.evidence import Evidence, abstention
from unforge.moderate import codes
from unforge.moderate.checks import Setup
from unforge.moderate.item import Item, Passage
from unforge.weights import matching
from unforge.weights.calibration import Calibration

COST_MS = 60.0
QUESTION = "code"
SOURCE = "code-1"
LONGEST = 80  # characters of a code that are quoted
SMALLEST_PX = 21  # the modules of the smallest QR code


class Code:
    """The check. A box for each code, where it is first seen."""

    name = "code"
    question = QUESTION
    models = ()

    @cached_property
    def calibration(self) -> Calibration:
        return matching.calibration("code")

    def examine(self, item: Item) -> Evidence:
        """Evidence on "code"; abstains where there is no picture, or nothing to read codes with."""
        if not item.has_picture:
            note = "There is no picture; this check reads QR and bar codes."
            return abstention(QUESTION, SOURCE, note, {"note_zh": "没有画面；该检查读取二维码与条形码。"})
        if codes.missing():
            note = f"{codes.MISSING[0].upper()}{codes.MISSING[1:]}."
            return abstention(QUESTION, SOURCE, note, {"missing": "zxing-cpp", "note_zh": f"{codes.MISSING_ZH}。"})
        if all(min(still.rgb.shape[:2]) < SMALLEST_PX for still in item.stills):
            note = f"The picture is smaller than {SMALLEST_PX} px, too small for a code."
            return abstention(QUESTION, SOURCE, note, {"note_zh": f"画面小于 {SMALLEST_PX} 像素，容不下编码。"})
        return self._answer(item.codes)

    def _answer(self, found: Sequence[Passage]) -> Evidence:
        calibration, score = self.calibration, float(bool(found))
        llr = calibration.llr(score)
        note, zh = _note(found)
        facts: dict[str, float | str] = {
            "codes": float(len(found)),
            **({"says": found[0].text} if found else {}),
            **calibration.facts(score),
            "note_zh": zh,
        }
        regions = tuple(one.region(0, len(one.text), llr) for one in found)
        return Evidence(QUESTION, SOURCE, llr, note, regions, facts)


def load(setup: Setup) -> Code:
    """The check, ready to use."""
    return Code()


def _note(found: Sequence[Passage]) -> tuple[str, str]:
    if not found:
        return "No QR or bar code can be read in it.", "未读到二维码或条形码。"
    said = _shortened(found[0].text)
    others = len(found) - 1
    more, more_zh = (f", and {others} more", f"，另有 {others} 个") if others else ("", "")
    return f'A code in it says "{said}"{more}.', f"其中的编码内容为“{said}”{more_zh}。"


def _shortened(text: str) -> str:
    """One line of printable characters, no longer than LONGEST."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
