"""Views of a text undo what others write, and know where everything stood."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unforge.errors import UnknownName
from unforge.moderate import views
from unforge.moderate.traced import Traced
from unforge.train.text.disguises import DISGUISES, disguised

VIEWS = views.available()
SEEDS = ("微信", "女权", "东北人", "骗子", "同性恋", "加我扣扣", "telegram", "歧视")
TEXTS = st.text(
    st.one_of(
        st.sampled_from("微信女表河南人骗子加我，。! 　\u200b\ufe0f🌟❤👩７vVxX1²㊗ΑаﬁⅤé한が"),
        st.characters(codec="utf-8"),
        st.characters(categories=["Cs"]),
    ),
    max_size=40,
)
SEEN_BY = {
    "homophone": "sounds",
    "split": "joined",
    "traditional": "simplified",
    "pinyin": "pinyin",
    "emoji": "sounds",
    "shuffle": "bag",
    "hidden": "base",
    "strewn": "compact",
    "full_width": "base",
    "look_alike": "bodies",
}


def seen(text: str, view: str) -> str:
    return views.of(text, (view,))[view].text


@given(TEXTS)
@settings(max_examples=60)
def test_every_character_of_a_view_stands_for_a_stretch_of_the_original(text: str) -> None:
    for view in views.of(text, VIEWS).values():
        assert len(view.text) == len(view.starts) == len(view.ends)
        assert all(0 <= start < end <= len(text) for start, end in zip(view.starts, view.ends, strict=True))


@given(TEXTS, TEXTS)
@settings(max_examples=40)
def test_a_character_that_a_view_leaves_as_it_is_stands_for_itself(before: str, after: str) -> None:
    text = f"{before}♜{after}"
    for name in ("base", "confusables", "simplified", "emoji", "joined"):
        view = views.of(text, (name,))[name]
        spans = [view.span(at, at + 1) for at, one in enumerate(view.text) if one == "♜"]
        assert (len(before), len(before) + 1) in spans


@given(TEXTS)
@settings(max_examples=40)
def test_plain_writing_stays_as_it_is(text: str) -> None:
    for name in ("base", "simplified"):
        once = seen(text, name)
        assert seen(once, name) == once


@pytest.mark.parametrize("word", SEEDS)
@pytest.mark.parametrize("disguise", sorted(SEEN_BY))
def test_every_disguise_is_undone_by_a_view(word: str, disguise: str) -> None:
    view = SEEN_BY[disguise]
    for seed in range(8):
        written = disguised(word, (word,), DISGUISES[disguise], np.random.default_rng(seed))
        if view == "bag":
            assert _pairs(written) & _pairs(word)
        else:
            assert seen(written, view) == seen(word, view)


def _pairs(text: str) -> set[str]:
    return {pair for pair in seen(text, "bag").split(" ") if pair}


@pytest.mark.parametrize("word", ["微信", "同性恋", "歧视", "女权", "骗子"])
def test_initials_are_read_as_a_word_that_has_them(word: str) -> None:
    letters = DISGUISES["initials"](word, np.random.default_rng(0))
    meant = seen(f"说{letters}，", "initials")[1:-1]
    assert DISGUISES["initials"](meant, np.random.default_rng(0)) == letters
    assert len(meant) == len(word)


def test_disguises_change_what_is_read_without_views() -> None:
    rng = np.random.default_rng(1)
    for name, word in (
        ("homophone", "骗子"),
        ("split", "骗婚"),
        ("look_alike", "妈"),
        ("emoji", "女"),
        ("initials", "微信"),
    ):
        assert DISGUISES[name](word, rng) != word


@pytest.mark.parametrize(
    ("written", "view", "meant"),
    [
        ("ＷｅｉＸｉｎ", "base", "weixin"),
        ("加①②③", "base", "加123"),
        ("𝐕𝐗", "base", "vx"),
        ("微\u200b信\ufe0f", "base", "微信"),
        ("微 信", "base", "微信"),
        ("vх", "confusables", "vx"),
        ("騙子", "simplified", "骗子"),
        ("👩人", "emoji", "女人"),
        ("女表了一", "joined", "婊子"),
        ("亻言", "joined", "信"),
        ("薇信", "pinyin", "wei xin "),
        ("威信", "pinyin", "wei xin "),
        ("weixin", "pinyin", "wei xin "),
        ("7视", "pinyin", "qi shi "),
        ("vip", "pinyin", "vip "),
        ("zhongguo", "pinyin", "zhong guo "),
        ("微🌟", "sounds", "wai xin "),
        ("V/X", "compact", "vx"),
        ("吗", "bodies", "马"),
        ("徽", "bodies", "微"),
        ("加wx聊", "initials", "加微信聊"),
        ("反txl的", "initials", "反同性恋的"),
        ("wxyz", "initials", "wxyz"),
        ("ab", "bag", "ab "),
        ("河南的骗子", "lexicon", "region insult "),
        ("he nan de 骗zi", "lexicon", "region insult "),
    ],
)
def test_a_view_shows_what_was_meant(written: str, view: str, meant: str) -> None:
    assert seen(written, view) == meant


def test_a_place_in_a_view_is_a_place_in_the_original() -> None:
    view = views.of("看 女表了一 ！", ("joined",))["joined"]
    at = view.text.index("婊子")
    assert view.span(at, at + 2) == (2, 6)


def test_a_view_that_is_not_there_is_refused_with_the_choices() -> None:
    with pytest.raises(UnknownName, match="base"):
        views.of("text", ("nothing",))


def test_a_rewritten_piece_stands_for_all_that_it_replaces() -> None:
    written = Traced.of("abcdef").rewritten([(0, 2, "X"), (2, 4, "cd"), (4, 6, "")])
    assert written == Traced("Xcd", (0, 2, 3), (2, 3, 4))


def test_views_whose_library_is_missing_are_left_out_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opencc", None)
    views._loaded.cache_clear()
    views.missing.cache_clear()
    try:
        assert "pip install 'unforge[moderate]'" in views.missing("pinyin")
        assert set(views.of("微信", ("base", "pinyin"))) == {"base"}
    finally:
        views._loaded.cache_clear()
        views.missing.cache_clear()
