"""`contact`: whether a text calls its readers to another place: a messenger, a number, a handle.

Given texts, what codes say, and what was read off pictures. What it finds is common wherever people trade by
arrangement; whether that is allowed is for the policy to say.
"""

import tomllib
from functools import cached_property

from unforge.evidence import Evidence
from unforge.moderate import contact, said, tables
from unforge.moderate.checks import Check, Setup
from unforge.moderate.item import Item
from unforge.moderate.said import Examination, Judged, Words
from unforge.weights.calibration import Calibration

QUESTION = "contact"
SOURCE = "contact-1"
COST_MS = 2400.0  # text alone takes 1 ms; on a picture it has to be read first

WORDS = Words(
    found=(
        "The text calls its readers elsewhere: “{quoted}”.",
        "文字引导读者到站外联系：“{quoted}”。",
    ),
    between=(
        "The text holds something that may be meant as a contact, which is not enough to say so: “{quoted}”.",
        "文字中有疑似联系方式的内容，但不足以认定：“{quoted}”。",
    ),
    none=(
        "The text names no messenger, number or handle together with a call to get in touch.",
        "文字中未见即时通讯名称、号码或账号与联系邀请同时出现。",
    ),
)


class ContactCheck:
    """The check. A region for each sign."""

    name = QUESTION
    question = QUESTION
    models: tuple[str, ...] = ()

    @cached_property
    def examination(self) -> Examination:
        card = tomllib.loads((tables.DATA / "contact.toml").read_text("utf-8"))
        return Examination(QUESTION, SOURCE, Calibration.from_card(card["calibration"]), judge, WORDS)

    def examine(self, item: Item) -> Evidence:
        """Evidence on "contact"; abstains where there is no text or a library is missing."""
        missing = contact.missing()
        if missing:
            return said.cannot(QUESTION, SOURCE, missing, missing)
        return self.examination.of(item)


def judge(text: str) -> Judged:
    """A text on the scale of `contact.look`, with the places of its signs."""
    found = contact.look(text)
    return Judged(found.score, tuple((sign.start, sign.end) for sign in found.signs))


def load(setup: Setup) -> Check:
    """The check, ready to use."""
    return ContactCheck()
