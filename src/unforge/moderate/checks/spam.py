"""`spam`: whether a text is like those that the user has called spam; it knows nothing until it has been taught.

`unforge train spam --data DIR --out FOLDER` makes a classifier of the user's own texts; the option `spam` of the set-up
names its folder.
"""

from pathlib import Path

from unforge.evidence import Evidence, abstention
from unforge.moderate import said, taught
from unforge.moderate.checks import Check, Setup
from unforge.moderate.item import Item
from unforge.moderate.said import Examination, Words
from unforge.moderate.taught import Taught

QUESTION = "spam"
COST_MS = 2410.0  # text alone takes 3 ms; on a picture it has to be read first
UNTAUGHT = (
    "No classifier of spam was given; `unforge train spam` makes one of your own texts.",
    "未提供垃圾文本分类器；可用 `unforge train spam` 以自己的文本训练。",
)

WORDS = Words(
    found=(
        "The text is like what was called spam in training: “{quoted}”.",
        "文字与训练中的垃圾文本相似：“{quoted}”。",
    ),
    between=(
        "The text has something of what was called spam in training, which is not enough to say so: “{quoted}”.",
        "文字带有训练中垃圾文本的某些特征，但不足以认定：“{quoted}”。",
    ),
    none=("The text is not like what was called spam in training.", "文字与训练中的垃圾文本不相似。"),
)


class SpamCheck:
    """The check. known: the classifier, None where the user gave none."""

    name = QUESTION
    question = QUESTION
    models: tuple[str, ...] = ()

    def __init__(self, known: Taught | None) -> None:
        self.known = known

    def examine(self, item: Item) -> Evidence:
        """Evidence on "spam"; abstains without a classifier, without text, and where a library is missing."""
        if self.known is None:
            return abstention(QUESTION, QUESTION, UNTAUGHT[0], {"note_zh": UNTAUGHT[1]})
        known = self.known
        missing = known.model.form.missing
        if missing:
            return said.cannot(QUESTION, known.source, missing, missing)
        return Examination(QUESTION, known.source, known.calibration, known.judge, WORDS).of(item)


def load(setup: Setup) -> Check:
    """The check, ready to use. Raises WeightsError where the folder that was named holds no classifier."""
    folder = setup.options.get(QUESTION)
    return SpamCheck(None if folder is None else taught.of_folder(Path(folder), QUESTION))
