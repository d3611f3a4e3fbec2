"""`toxic`: whether a text insults people, for what they are or for nothing.

A linear classifier over n-grams of several views of the text, so that homophones, split characters, emoji and pinyin
change little (ToxiBenchCN, ACL 2025, shows how much they change for others). How often it errs is on its card.
"""

from functools import cached_property

from unforge import weights
from unforge.evidence import Evidence
from unforge.moderate import said, taught
from unforge.moderate.checks import Check, Setup
from unforge.moderate.item import Item
from unforge.moderate.linear import Form
from unforge.moderate.said import Examination, Words

QUESTION = "toxic"
CARD = "toxic"
COST_MS = 2405.0  # text alone takes 3 ms; on a picture it has to be read first

WORDS = Words(
    found=("The text reads like insults to people: “{quoted}”.", "文字与侮辱性言论相似：“{quoted}”。"),
    between=(
        "The text has something of insults to people, which is not enough to call it one: “{quoted}”.",
        "文字带有侮辱性言论的某些特征，但不足以认定：“{quoted}”。",
    ),
    none=(
        "The text, read in several spellings and by its sound, does not resemble known insults to people.",
        "从多种写法和读音来看，文字与已知的侮辱性言论不相似。",
    ),
)


class ToxicCheck:
    """The check. A region for each of the most telling places of the worst passage."""

    name = QUESTION
    question = QUESTION
    models = (CARD,)

    @cached_property
    def examination(self) -> Examination:
        known = taught.shipped(CARD)
        return Examination(QUESTION, known.source, known.calibration, known.judge, WORDS)

    def examine(self, item: Item) -> Evidence:
        """Evidence on "toxic"; abstains where there is no text or a library is missing."""
        details = weights.card(CARD).details
        missing = Form.from_card(details["form"]).missing
        if missing:
            return said.cannot(QUESTION, details["version"], missing, missing)
        return self.examination.of(item)


def load(setup: Setup) -> Check:
    """The check, ready to use."""
    return ToxicCheck()
