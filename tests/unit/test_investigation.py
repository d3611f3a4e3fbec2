"""The investigation: what is told of a photograph, as values, as JSON after its schema, and as a page."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unforge.errors import UsageError
from unforge.explain import trace_words
from unforge.explain.formats import _investigation as page
from unforge.report import GRADES, ErrorFacts, Investigation, KeyTried, MarkOwner, Run, ScreenMark

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "trace.schema.json").read_text("utf-8"))
RUN = Run("0.1.0", (), "2026-03-01T09:00:00+00:00", 3.2)
HOSTILE = "<script>alert(1)</script>&\"'.jpg"

OWNER = MarkOwner("known", "The overlay of desk-17 ran then.", "desk-17", "Li Wei", "Room 4", "browser")
READ = ScreenMark(
    "confirmed", "The mark says machine 17.", "水印内容：机器 17。", 4.7e-10, 17, 4, None, "2026-03-01T08:30:00Z",
    "2026-03-01T08:40:00Z", "1a2b3c4d", OWNER, ((10.0, 20.0), (300.0, 25.0), (290.0, 200.0), (15.0, 190.0)),
    {"window_z": 14.2, "carrier": "blue"},
)  # fmt: skip
NOTHING = ScreenMark("none", "No mark of this site was found.", "没有找到本站点的水印。")
KEYS = (KeyTried("1a2b3c4d"), KeyTried("99aabbcc", "2026-01-01T00:00:00Z"))


def found(*screens: ScreenMark, path: str = "photo.jpg") -> Investigation:
    rgb = np.full((240, 320, 3), 128, np.uint8)
    return Investigation(path, RUN, "ab" * 32, (320, 240), screens or (READ,), KEYS, rgb=rgb)


FAILED = Investigation(HOSTILE, RUN, error=ErrorFacts("unreadable", "the file is damaged"))


def check(data: Any) -> None:
    jsonschema.validate(data, SCHEMA, cls=jsonschema.Draft202012Validator)


def text_of(html: bytes, lang: str) -> str:
    """What a reader of one language sees."""
    reader = _Reader(lang)
    reader.feed(html.decode())
    return " ".join(" ".join(reader.seen).split())


class _Reader(HTMLParser):
    VOID = ("meta", "input", "img", "br", "polygon", "path", "circle")

    def __init__(self, lang: str) -> None:
        super().__init__()
        self.other = "zh" if lang == "en" else "en"
        self.hidden: list[bool] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            classes = (dict(attrs).get("class") or "").split()
            self.hidden.append(self.other in classes or tag in ("style", "title"))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        self.hidden.pop()

    def handle_data(self, data: str) -> None:
        if not any(self.hidden):
            self.seen.append(data)


# Values and JSON


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_surest_reading_stands_on_top() -> None:
    data = found(READ, NOTHING).to_dict()
    check(data)
    assert (data["grade"], data["machine"], data["place"], data["time"], data["key"]) == (
        "confirmed", 17, 4, "2026-03-01T08:30:00Z", "1a2b3c4d",
    )  # fmt: skip
    assert data["owner"]["user"] == "Li Wei"
    assert [screen["grade"] for screen in data["screens"]] == ["confirmed", "none"]


def test_where_nothing_was_read_there_is_null_and_never_zero() -> None:
    data = found(NOTHING).to_dict()
    check(data)
    for name in ("error_probability", "machine", "place", "token", "time", "key", "owner"):
        assert data[name] is None


def test_an_error_stands_in_place_of_what_was_read() -> None:
    data = FAILED.to_dict()
    check(data)
    assert data["error"]["code"] == "unreadable"
    assert "grade" not in data


@pytest.mark.parametrize("change", [{"grade": "sure"}, {"machine": "17"}, {"screens": []}, {"time": "yesterday"}])
def test_the_schema_refuses_what_is_not_written(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check({**found().to_dict(), **change})


@given(
    st.builds(
        ScreenMark,
        st.sampled_from(GRADES),
        st.text(min_size=1),
        st.text(),
        st.none() | st.floats(0.0, 1.0),
        st.none() | st.integers(0, 2**24 - 1),
        st.none() | st.integers(1, 4095),
        facts=st.dictionaries(st.text(), st.text() | st.floats(-1e9, 1e9)),
    )
)
@settings(max_examples=20)
def test_every_reading_fits_the_schema_and_makes_a_page(screen: ScreenMark) -> None:
    check(json.loads(found(screen).to_json()))
    assert page.render(found(screen), "zh").startswith(b"<!doctype html>")


# Words


@pytest.mark.parametrize(
    ("probability", "en", "zh"),
    [
        (4.7e-10, "about 1 in 2,100,000,000", "约 21 亿分之一"),
        (1.5e-5, "about 1 in 67,000", "约 6.7 万分之一"),
        (0.01, "about 1 in 100", "约 100 分之一"),
        (1.0, "about 1 in 1", "约 1 分之一"),
        (0.0, "less than 1 in 1,000,000,000,000", "不到一万亿分之一"),
    ],
)
def test_an_error_probability_in_words(probability: float, en: str, zh: str) -> None:
    assert trace_words.odds(probability) == (en, zh)


@given(st.floats(1e-12, 1.0))
def test_words_and_figure_agree(probability: float) -> None:
    once_in = int(trace_words.odds(probability).en.removeprefix("about 1 in ").replace(",", ""))
    assert once_in == pytest.approx(1.0 / probability, rel=0.5)


# The page


def test_the_page_tells_who_where_when_and_how_sure() -> None:
    shown = text_of(page.render(found()), "en")
    for told in ("desk-17", "Li Wei", "Room 4", "2026-03-01T08:30:00Z", "1a2b3c4d", "about 1 in 2,100,000,000"):
        assert told in shown
    assert "4.7e-10" in shown


@pytest.mark.parametrize("grade", GRADES)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_grade_says_what_it_does_not_prove(grade: Any, lang: str) -> None:
    shown = text_of(page.render(found(replace(READ, grade=grade, key=None)), lang), lang)
    assert getattr(trace_words.NOT_MEANING[grade], lang) in shown.replace("： ", "：").replace(": ", ": ")
    assert all(getattr(said, lang) in shown for said in trace_words.limits(found(replace(READ, grade=grade))))


def test_a_copied_mark_is_warned_of_before_anybody_is_named() -> None:
    copied = replace(READ, owner=replace(OWNER, status="not_running", note="It did not run."))
    shown = text_of(page.render(found(copied)), "en")
    assert shown.index("may be a copy") < shown.index("Li Wei")


def test_a_mark_of_a_revoked_key_names_nobody() -> None:
    revoked = replace(NOTHING, key="99aabbcc", error_probability=1e-9)
    shown = text_of(page.render(found(revoked)), "en")
    assert "revoked" in shown
    assert "No mark was found" not in shown


def test_the_photograph_carries_an_outline_for_every_mark() -> None:
    html = page.render(found(READ, replace(READ, machine=18))).decode()
    assert html.count('<polygon class="line"') == 2
    assert 'viewBox="0 0 320 240"' in html
    assert "10.0,20.0 300.0,25.0 290.0,200.0 15.0,190.0" in html


def test_nothing_is_fetched_and_hostile_names_are_harmless() -> None:
    for investigation in (found(path=HOSTILE), FAILED, found(replace(READ, owner=replace(OWNER, user=HOSTILE)))):
        html = page.render(investigation).decode()
        assert "<script" not in html
        addresses = re.findall(r'(?:src|href|action)="([^"]*)"', html)
        assert all(address.startswith("data:image/jpeg;base64,") for address in addresses)


def test_a_photograph_that_could_not_be_read_says_what_to_do() -> None:
    shown = text_of(page.render(FAILED), "en")
    assert "could not be examined" in shown
    assert "Get the original" in shown


def test_an_unknown_language_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="en, zh"):
        page.render(found(), "fr")
