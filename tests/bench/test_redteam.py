"""The red team changes what it says it changes, and counts what a gateway would have let through."""

import re
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from unforge.bench import _redteam_material as made
from unforge.bench import _redteam_stages as stages
from unforge.bench import evasions
from unforge.bench._redteam_material import Material
from unforge.bench.protocols import redteam
from unforge.bench.protocols.redteam import Tried
from unforge.errors import UnknownName, UsageError
from unforge.evidence import Evidence, abstention
from unforge.moderate import policy as policies
from unforge.moderate.checks import QUESTIONS
from unforge.moderate.decision import ACTIONS
from unforge.moderate.item import Item

pytest.importorskip("pypinyin")
pytest.importorskip("opencc")

ATTACKS = {"pgd", "square", "patch"}  # of the classifier; they need torch, and are tested where it is
REMOVE, LABEL = policies.load("remove"), policies.load("label")


def _still(width: int = 160, height: int = 120) -> NDArray[np.uint8]:
    rng = np.random.default_rng(1)
    shade = np.linspace(40, 200, width)[None, :, None] + 20 * rng.standard_normal((height, width, 3))
    return np.clip(shade, 0, 255).astype(np.uint8)


def _things() -> list[Material]:
    return [
        *made.contact_texts(12, seed=3),
        Material("toxic text", "这些脑残说的话没人听", ("脑残",)),
        Material("contact picture", rgb=_still()),
        *made.code_pictures([_still()], seed=3),
        Material("known picture", rgb=_still()),
    ]


@pytest.mark.parametrize("name", sorted(set(evasions.available()) - ATTACKS))
def test_an_evasion_changes_something_and_always_the_same(name: str) -> None:
    evasion = evasions.load(name)
    of = [one for one in _things() if one.kind in evasion.OF]
    changed = [evasion.evade(one, np.random.default_rng(5)) for one in of]
    again = [evasion.evade(one, np.random.default_rng(5)) for one in of]
    assert any(not now.is_as(before) for now, before in zip(changed, of, strict=True))
    assert all(one.is_as(other) for one, other in zip(changed, again, strict=True))
    for one in changed:
        assert (one.text is None) == (one.rgb is not None)
        if one.rgb is not None:
            assert one.rgb.dtype == np.uint8
            assert one.rgb.shape[2] == 3
            assert one.rgb.flags.c_contiguous


@pytest.mark.parametrize("name", sorted(set(evasions.available()) - ATTACKS))
def test_whoever_is_to_be_contacted_can_still_be_read_in_a_text(name: str) -> None:
    evasion = evasions.load(name)
    for n, one in enumerate(made.contact_texts(8, seed=4)):
        if one.kind in evasion.OF:
            number = max(re.findall(r"[0-9]+", one.text or ""), key=len)
            changed = evasion.evade(one, np.random.default_rng(n)).text or ""
            assert number in unicodedata.normalize("NFKC", changed)


def test_an_unknown_evasion_is_refused_with_the_choices() -> None:
    with pytest.raises(UnknownName, match="homophone"):
        evasions.load("nonsense")


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_without_torch_an_attack_says_what_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("unforge.bench._adverts_attacks", raising=False)
    monkeypatch.setitem(sys.modules, "unforge.bench._adverts_attacks", None)
    evasion = evasions.load(name)
    with pytest.raises(UsageError, match="torch"):
        evasion.evade(Material("contact picture", rgb=_still()), np.random.default_rng(1))


def test_a_code_lies_where_its_material_says() -> None:
    (coded,) = made.code_pictures([_still(400, 300)], seed=2)
    before = _still(400, 300)
    assert coded.box_px is not None
    x0, y0, x1, y1 = coded.box_px
    outside = np.ones(before.shape[:2], bool)
    outside[y0:y1, x0:x1] = False
    assert np.array_equal(coded.picture[outside], before[outside])
    assert set(np.unique(coded.picture[y0:y1, x0:x1])) == {0, 255}


def test_material_becomes_an_item_with_its_context() -> None:
    text, picture = made.contact_texts(1, seed=1)[0], Material("known picture", rgb=_still())
    assert text.item("a", "listing").text == text.text
    item: Item = picture.item("b", "listing")
    assert item.context == "listing"
    assert np.array_equal(item.stills[0].rgb, picture.picture)


def _answer(question: str, llr: float) -> Evidence:
    return Evidence(question, "t", llr, "a note", facts={"llr_manipulated": 1.0, "llr_no_evidence": -1.0})


ANSWERS = st.lists(
    st.builds(_answer, st.sampled_from(QUESTIONS), st.sampled_from([-2.0, 0.0, 2.0])), max_size=6, unique_by=id
)


@given(ANSWERS, st.booleans(), st.sampled_from([REMOVE, LABEL]))
def test_a_later_stage_never_lets_through_what_an_earlier_one_stopped(
    evidence: list[Evidence], has_picture: bool, policy: policies.Policy
) -> None:
    acted = stages.by_stage(evidence, policy, "listing", has_picture)
    severity = [ACTIONS.index(one) for one in acted.values()]
    assert severity == sorted(severity)


def test_what_is_written_on_a_picture_counts_from_the_stage_that_reads_it() -> None:
    evidence = [_answer("contact", 2.0)]
    of_text = stages.by_stage(evidence, REMOVE, "listing", has_picture=False)
    of_picture = stages.by_stage(evidence, REMOVE, "listing", has_picture=True)
    assert (of_text["codes"], of_text["text"]) == ("allow", "remove")
    assert (of_picture["text"], of_picture["ocr"]) == ("allow", "remove")


def test_a_check_that_abstains_stops_nothing_by_itself() -> None:
    acted = stages.by_stage([abstention("contact", "t", "nothing to judge")], REMOVE, "listing", has_picture=False)
    assert set(acted.values()) == {"allow"}


def _tried(thing: int, evasion: str, last: str) -> Tried:
    acted = dict.fromkeys(stages.STAGES, "allow") | {"evasion": last}
    return Tried("toxic text", thing, evasion, acted, {"all": 0.004, "toxic": 0.003})  # type: ignore[arg-type]


def test_the_best_evasion_counts_things_and_every_evasion_counts_tries() -> None:
    tried = [
        _tried(0, "", "review"),
        _tried(0, "split", "review"),
        _tried(0, "emoji", "allow"),
        _tried(1, "split", "review"),
        _tried(1, "emoji", "review"),
    ]
    rows = redteam.attacks(tried)
    assert (rows["every evasion"]["evasion"].value, rows["every evasion"]["evasion"].n) == (0.25, 4)
    assert (rows["the best evasion"]["evasion"].value, rows["the best evasion"]["evasion"].n) == (0.5, 2)
    assert rows["as it is: toxic text"]["evasion"].value == 0.0
    assert rows["emoji"]["evasion"].value == 0.5
    assert rows["split"]["hashes"].value == 1.0


def test_load_counts_ordinary_things_that_are_held_up() -> None:
    rows = redteam.load([_tried(0, "", "review"), _tried(1, "", "allow")])
    assert rows["clean"]["classifier"].value == 0.0
    assert rows["clean"]["evasion"].value == 0.5
