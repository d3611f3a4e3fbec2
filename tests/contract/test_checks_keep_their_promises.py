"""Every check of the gateway that is found: what all of them promise."""

import math

import numpy as np
import pytest

from unforge.evidence import Evidence
from unforge.moderate import checks
from unforge.moderate.checks import QUESTIONS, Setup
from unforge.moderate.decision import band_of
from unforge.moderate.item import Item

NAMES = checks.available()
GREY = np.full((96, 128, 3), 127, np.uint8)
NOISE = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
ITEMS = {
    "nothing written": Item("x", text=""),
    "a blank": Item("x", text=" \n\t "),
    "a sentence": Item("x", text="A lamp, hardly used."),
    "another script": Item("x", text="שלום, مرحبا, 𝔥𝔢𝔩𝔩𝔬 \u202e\u0000\ud83d"),
    "much text": Item("x", text="台灯 " * 20_000),
    "a flat picture": Item.of_picture(GREY),
    "noise": Item.of_picture(NOISE),
    "a sliver": Item.of_picture(GREY[:1, :3]),
}


def test_some_are_found() -> None:
    assert {"known", "code", "contact", "toxic", "advert", "evasion"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_names_itself_its_question_and_its_cost(name: str) -> None:
    check = checks.load(name, Setup())
    assert check.name == name
    assert check.question in QUESTIONS
    assert 0.0 < checks.cost_ms(name) < 60_000.0


@pytest.mark.parametrize("of", ITEMS)
@pytest.mark.parametrize("name", NAMES)
def test_whatever_comes_it_answers_in_both_languages_or_abstains(name: str, of: str) -> None:
    check = checks.load(name, Setup())
    answer = check.examine(ITEMS[of])
    assert answer.question == check.question
    assert answer.note.endswith((".", ".)", '."'))
    assert str(answer.facts["note_zh"]).strip()
    assert band_of(answer) in ("found", "inconclusive", "no_evidence", "not_assessable", "missing")
    if not answer.abstained:
        _is_calibrated(answer)
    assert _plain(answer) == _plain(check.examine(ITEMS[of]))


def _is_calibrated(answer: Evidence) -> None:
    cap, found, nothing = (float(answer.facts[one]) for one in ("max_abs_llr", "llr_manipulated", "llr_no_evidence"))
    assert abs(answer.llr) <= cap + 1e-9
    assert cap <= math.log(float(max(answer.facts["calibration_reals"], answer.facts["calibration_fakes"]))) + 0.01
    assert nothing < found


def _plain(answer: Evidence) -> tuple[object, ...]:
    return answer.llr, answer.note, dict(answer.facts), answer.regions


@pytest.mark.parametrize("name", NAMES)
def test_places_lie_in_what_came_in(name: str) -> None:
    text = "全新台灯，喜欢的加我薇信 abc12345 聊，去死吧你这个垃圾"
    answer = checks.load(name, Setup()).examine(Item("x", text=text))
    for region in answer.regions:
        if "start_char" in region.facts:
            assert 0 <= region.facts["start_char"] < region.facts["end_char"] <= len(text)
