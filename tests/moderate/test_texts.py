"""The checks of texts: what they find, where they point, and what they say when they cannot judge."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unforge.errors import UsageError, WeightsError
from unforge.evidence import Evidence
from unforge.moderate import checks, contact, linear, said, taught
from unforge.moderate.checks import Setup
from unforge.moderate.item import Item, Passage, Piece, Reading
from unforge.moderate.linear import Form, Linear
from unforge.moderate.ngrams import Group
from unforge.train.text import listings
from unforge.train.text.disguises import DISGUISES, disguised

TOXIC = checks.load("toxic", Setup())
CONTACT = checks.load("contact", Setup())
FORMS = [
    "薇信",
    "威信",
    "徽信",
    "维信",
    "v信",
    "vx",
    "wx",
    "企微",
    "卫星",
    "微🌟",
    "微❤️",
    "V/X",
    "扣扣",
    "飞机号",
    "ｖｘ",
    "V·X",
    "微\u200b信",
    "溦信",
    "weixin",
    "QQ",
    "telegram",
]
ORDINARY = [
    "卫星电视安装方便",
    "领导威信扫地",
    "飞机票很贵",
    "坐飞机去北京",
    "九成新iPhone13 256g 电池88",
    "包邮199元",
    "可以微信支付吗",
    "加油",
    "rtx3080显卡 搜同款",
    "尺码175/96a",
    "2020年12月买的，原价10999元",
    "不加糖的奶茶",
    "微笑服务",
    "订单号20231234567已发货",
    "我喜欢土豆丝",
    "微信怎么登录",
    "企鹅很可爱",
]


def asked(check: checks.Check, text: str) -> Evidence:
    return check.examine(Item("text", text=text))


def found(check: checks.Check, text: str) -> bool:
    answer = asked(check, text)
    return answer.llr >= float(answer.facts["llr_manipulated"])


# Contact


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_a_name_is_found_in_a_sentence(name: str) -> None:
    assert found(CONTACT, f"东西便宜出，{name}：hao12345")
    assert found(CONTACT, f"想要的加我{name}")


@pytest.mark.parametrize("call", ["加v", "＋v", "➕V", "+vx", "加q", "加薇", "➕微"])
def test_a_name_and_a_call_in_one_are_enough(call: str) -> None:
    assert found(CONTACT, f"详情{call}")
    assert found(CONTACT, f"要的{call} 8812345")


@pytest.mark.parametrize("call", ["➕我 8812345", "联系我 13812345678", "私我 abc_12345", "t.me/goods123 联系"])
def test_a_call_with_a_handle_is_found_without_a_name(call: str) -> None:
    assert found(CONTACT, f"东西便宜出，{call}")


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_sentences_are_left_alone(text: str) -> None:
    assert not found(CONTACT, text)


@pytest.mark.parametrize("disguise", ["split", "hidden", "strewn", "full_width", "traditional"])
def test_disguises_do_not_hide_an_advert(disguise: str) -> None:
    rng = np.random.default_rng(3)
    adverts = [one for one in listings.sentences(listings.CALIBRATION, 2, rng) if one.bad]
    written = [disguised(one.text, one.words, DISGUISES[disguise], rng) for one in adverts]
    assert np.mean([found(CONTACT, text) for text in written]) >= 0.8


def test_reasons_point_at_the_original_characters() -> None:
    text = "便宜出 彳山兀攵 亻言 加我 ： ａｂｃ①②③"
    answer = asked(CONTACT, text)
    places = [(int(one.facts["start_char"]), int(one.facts["end_char"])) for one in answer.regions]
    assert [text[start:end] for start, end in places] == ["彳山兀攵 亻言", "加我"]
    assert "彳山兀攵 亻言 … 加我" in answer.note
    assert "彳山兀攵 亻言 … 加我" in str(answer.facts["note_zh"])


def test_two_signs_far_apart_say_nothing_together() -> None:
    far = "很好用的东西" * 10
    assert contact.look(f"微信{far}加我").score < contact.look("微信加我").score


@given(st.text(max_size=60))
@settings(max_examples=60)
def test_signs_of_any_text_lie_within_it(text: str) -> None:
    seen = contact.look(text)
    assert all(text[sign.start : sign.end] == sign.written for sign in seen.signs)
    assert seen.score >= 0.0


# Insults


GOLDEN = {
    "死基佬真恶心": 4.61,
    "谢谢老板，发货很快": -0.75,
    "he nan ren都是骗子": 1.17,
    "女人就是女表了一": 1.5,
    "📝👴去💀": 3.31,
}


def test_what_was_learned_is_read_as_it_was_learned() -> None:
    """Tables and views belong to the weights: whoever changes them has to train again."""
    judge = taught.shipped("toxic").judge
    assert {text: round(judge(text).score, 2) for text in GOLDEN} == pytest.approx(GOLDEN, abs=0.02)


def test_insults_are_found_however_they_are_written() -> None:
    plain, innocent = asked(TOXIC, "死基佬真恶心"), asked(TOXIC, "谢谢老板，发货很快，祝生意兴隆")
    assert plain.llr >= float(plain.facts["llr_manipulated"])
    assert innocent.llr < plain.llr - 2.0
    for written in ("si ji lao真恶心", "死 基\u200b佬 真恶心", "死基亻老真恶心", "死基佬真噁心"):
        assert asked(TOXIC, written).llr > innocent.llr + 2.0


def test_harmless_words_around_an_insult_do_not_hide_it() -> None:
    alone, padded = asked(TOXIC, "死基佬滚出去"), asked(TOXIC, "东西不错。" * 100 + "死基佬滚出去" + "东西不错。" * 100)
    assert padded.llr >= 0.5 * alone.llr > 0.0
    starts = [one.facts["start_char"] for one in padded.regions]
    assert starts
    assert all(450 <= start < 560 for start in starts)


@given(st.text(max_size=120))
@settings(max_examples=30)
def test_any_text_has_a_bounded_answer_and_says_where(text: str) -> None:
    for check in (TOXIC, CONTACT):
        answer = asked(check, text)
        if answer.abstained:
            assert not text.strip()
            continue
        assert abs(answer.llr) <= float(answer.facts["max_abs_llr"])
        assert float(answer.facts["llr_low"]) <= answer.llr <= float(answer.facts["llr_high"])
        assert all(0 <= one.facts["start_char"] < one.facts["end_char"] <= len(text) for one in answer.regions)


def test_the_same_text_has_the_same_answer() -> None:
    assert asked(TOXIC, "河南人真好") == asked(TOXIC, "河南人真好")


# All of them


@pytest.mark.parametrize("check", [TOXIC, CONTACT])
@pytest.mark.parametrize("text", ["", " \n\t\u3000"])
def test_without_text_there_is_nothing_to_judge(check: checks.Check, text: str) -> None:
    answer = asked(check, text)
    assert answer.abstained
    assert "missing" not in answer.facts


@pytest.mark.parametrize("text", ["😀", "\ud800", "‮مرحبا שלום", "\x00", "a" * 60_000, "微" * 5_000])
def test_odd_texts_are_judged(text: str) -> None:
    answer = asked(CONTACT, text)
    assert not answer.abstained
    assert ("not_read" in answer.facts) == (len(text) > said.MOST_CHARS)


def test_what_was_read_off_a_picture_points_into_the_picture() -> None:
    item = Item.of_picture(np.zeros((60, 200, 3), np.uint8))
    pieces = (Piece(0, 4, (5, 6, 50, 20)), Piece(4, 12, (60, 6, 150, 20)))
    item.__dict__ |= {"reading": Reading((Passage("加我薇信hao12345", "ocr", pieces=pieces),)), "codes": ()}
    answer = CONTACT.examine(item)
    assert answer.facts["read_from"] == "ocr"
    assert answer.llr >= float(answer.facts["llr_manipulated"])
    assert {one.box_px for one in answer.regions} <= {(5, 6, 50, 20), (60, 6, 150, 20), (5, 6, 150, 20)}


def test_pictures_that_could_not_be_read_are_missing_and_given_texts_are_judged_all_the_same() -> None:
    class Unread(Item):
        @property
        def codes(self) -> tuple[Passage, ...]:
            raise UsageError("codes: pip install 'unforge[moderate]'")

    item = Unread("picture", _given=Item.of_picture(np.zeros((8, 8, 3), np.uint8))._given)
    item.__dict__["reading"] = Reading(missing="no reader")
    answer = CONTACT.examine(item)
    assert answer.abstained
    assert "no reader" in str(answer.facts["missing"])
    item.text = "加薇信hao12345"
    answer = CONTACT.examine(item)
    assert not answer.abstained
    assert "no reader" in str(answer.facts["not_read"])


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "pinyin: pip install 'unforge[moderate]'"
    monkeypatch.setattr("unforge.moderate.views.missing", lambda name: reason if name == "pinyin" else "")
    for check in (TOXIC, CONTACT):
        answer = asked(check, "微信")
        assert answer.abstained
        assert answer.facts["missing"] == reason


def test_spam_says_that_it_was_not_taught_and_refuses_an_empty_folder(tmp_path: Path) -> None:
    answer = asked(checks.load("spam", Setup()), "低价")
    assert answer.abstained
    assert "unforge train spam" in answer.note
    with pytest.raises(WeightsError, match="train spam"):
        checks.load("spam", Setup(options={"spam": str(tmp_path)}))


# The linear classifier


def form(window_chars: int = 8, step_chars: int = 4) -> Form:
    return Form((Group("base", "chinese", 2),), 4096, window_chars, step_chars)


@given(st.text(max_size=100), st.integers(1, 20), st.integers(1, 20))
def test_windows_cover_every_character(text: str, window: int, step: int) -> None:
    seen: set[int] = set()
    for start, part in form(window + step, step).windows(text):
        assert text[start : start + len(part)] == part
        seen |= set(range(start, start + len(part)))
    assert seen == set(range(len(text)))


def test_a_file_keeps_the_classifier() -> None:
    worth = np.random.default_rng(1).normal(size=4096).astype(np.float16).astype(np.float32)
    model = Linear(form(), worth, 0.5)
    again = Linear.from_file(model.to_file(), form(), 0.5)
    assert again.judge("微信加我") == model.judge("微信加我")
    with pytest.raises(WeightsError, match="4096"):
        Linear.from_file(Linear(form(), worth[:8], 0.5).to_file(), form(), 0.5)


def test_n_grams_know_their_places() -> None:
    read = form(20, 10).read("a加我b加我")
    assert sorted(read.places) == sorted((((1, 2), (4, 5)), ((1, 3), (4, 6)), ((2, 3), (5, 6))))


def test_nonsense_groups_are_refused() -> None:
    with pytest.raises(UsageError, match="longest"):
        Group("base", "token", 0)


def test_importing_checks_imports_no_optional_library() -> None:
    code = (
        "import sys; import unforge.moderate.checks.toxic, unforge.moderate.checks.contact; "
        "assert not {'opencc', 'pypinyin', 'ahocorasick', 'confusable_homoglyphs', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_places_are_few_and_the_loudest() -> None:
    assert len(linear._runs(np.array([1.0, -1, 0.9, -1, 0.8, -1, 0.7, -1, 0.1]))) == linear.TELLING
