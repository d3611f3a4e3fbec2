"""The protection: what is told of a protected copy, as values, as JSON after its schema, and as a page."""

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tests.unit.test_investigation import text_of
from unforge.errors import UsageError
from unforge.explain import protect_words
from unforge.explain.formats import _protection as page
from unforge.report import (
    OUTCOMES,
    Comparison,
    ErrorFacts,
    Judged,
    MarkLaid,
    Measured,
    Model,
    Protection,
    ProtectionImage,
    Run,
    Trial,
)

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "protect.schema.json").read_text("utf-8"))
RUN = Run("0.1.0", (Model("cloak", "cd" * 32),), "2026-03-01T09:00:00+00:00", 3.2)
HOSTILE = "<script>alert(1)</script>&\"'.jpg"
SAVED, JPEG, NOBODY = ("as saved", "原样保存"), ("JPEG 75", "JPEG 75"), ("no attacker", "无攻击者")

FOUND = {"still_found": Measured(0.0, 0.0, 0.8, 1)}
STOPPED = Trial("short-range", "detector", False, False, SAVED, NOBODY, "stopped", 1.0, 0.0, FOUND)
WITHSTOOD = Trial("haar", "detector", False, True, SAVED, NOBODY, "not_stopped", 0.0, 0.0)
WORN_OFF = replace(STOPPED, channel=JPEG, outcome="not_stopped", stopped=0.0)
QUALITY = {"psnr_face_db": 39.0, "ssim_face": 0.981, "ciede2000_mean": 1.3, "ciede2000_p99": None}
JUDGED = Judged(1, (STOPPED, WITHSTOOD, WORN_OFF), QUALITY, {"en": ("It is said.",), "zh": ("如此。",)})
MARK = MarkLaid(17, 4, "2026-03-01T08:30:00Z", "1a2b3c4d", 0.8)


def pictures() -> ProtectionImage:
    before = np.full((120, 160, 3), 100, np.uint8)
    after = before.copy()
    after[20:60, 40:80] += np.where(np.indices((40, 40)).sum(axis=0) // 8 % 2, 3, 0)[..., None].astype(np.uint8)
    return ProtectionImage(before, after, (30, 10, 90, 70), ((40, 20, 80, 60),))


def told(**changes: Any) -> Protection:
    whole = Protection(
        "photo.jpg", RUN, "ab" * 32, "out/photo.jpg", "image", (160, 120), "photo", 1.0, (), 1, kept=0.9,
        psnr_face_db=40.1, psnr_frame_db=44.2, warnings={"en": (), "zh": ()}, judged=JUDGED, image=pictures(),
    )  # fmt: skip
    return replace(whole, **changes)


FAILED = Protection(HOSTILE, RUN, error=ErrorFacts("not_applicable", "no face of 48 px or more was seen"))


def check(data: Any) -> None:
    jsonschema.validate(data, SCHEMA, cls=jsonschema.Draft202012Validator)


def both(found: Protection) -> str:
    html = page.render(found)
    return text_of(html, "en") + text_of(html, "zh")


# JSON


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "found",
    [
        told(),
        told(judged=None, mark=MARK, too_small=((1, 2, 30, 40),), notes=("a palette became true colours",)),
        told(psnr_face_db=None, psnr_frame_db=None, optimised_against=("editor-1",)),
        FAILED,
        Protection("gone.png", RUN),
    ],
)
def test_what_is_told_fits_the_schema(found: Protection) -> None:
    check(json.loads(found.to_json()))


def test_a_comparison_fits_the_schema() -> None:
    check(json.loads(Comparison("a.png", "b.png", JUDGED, RUN).to_json()))


def test_an_error_stands_in_place_of_the_copy() -> None:
    data = FAILED.to_dict()
    assert data["error"]["code"] == "not_applicable"
    assert "written" not in data


@pytest.mark.parametrize(
    "change",
    [{"written": None}, {"kept": "most"}, {"too_small": [[1, 2, 3]]}, {"profile": "loud"}, {"error": {"code": "x"}}],
)
def test_the_schema_refuses_what_is_not_written(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check({**told().to_dict(), **change})


shares = st.none() | st.floats(0.0, 1.0)
trials = st.builds(
    Trial,
    st.text(min_size=1),
    st.sampled_from(("detector", "landmarks", "identity", "editor", "swap")),
    st.booleans(),
    st.booleans(),
    st.just(SAVED),
    st.just(NOBODY),
    st.sampled_from(OUTCOMES),
    shares,
    shares,
)


@given(st.lists(trials, min_size=1, max_size=4), st.text(min_size=1))
@settings(max_examples=20)
def test_every_protection_fits_the_schema_and_makes_a_page(tried: list[Trial], path: str) -> None:
    found = told(path=path, judged=Judged(1, tuple(tried), {}, {"en": (), "zh": ()}))
    check(json.loads(found.to_json()))
    assert page.render(found, "zh").startswith(b"<!doctype html>")


# The page


def test_it_says_what_was_done_and_what_that_does_not_mean() -> None:
    html = page.render(told())
    assert "Cloaked: 1 face" in text_of(html, "en")
    assert "It does not mean: that nobody can forge" in text_of(html, "en")
    assert "这不意味着" in text_of(html, "zh")


def test_no_page_promises_more_than_a_cost() -> None:
    said = both(told()) + both(told(mark=MARK, faces=0, judged=None))
    assert not re.search(
        r"immune|impossible|cannot be (forged|deepfaked)|guarantee|100% protected|免疫|保证|杜绝", said
    )


def test_beside_every_figure_stands_the_control() -> None:
    english = text_of(page.render(told()), "en")
    assert english.count("control 0%") == 3
    assert "signs drawn at random" in english


def test_the_summary_counts_by_channel_and_never_pools() -> None:
    assert "as saved 1 of 2, JPEG 75 0 of 1" in protect_words.summary(JUDGED).en
    assert "原样保存 1/2、JPEG 75 0/1" in protect_words.summary(JUDGED).zh


def test_where_nothing_is_stopped_the_page_warns() -> None:
    judged = replace(JUDGED, trials=(WITHSTOOD, replace(STOPPED, outcome="by_chance", stopped_by_random=1.0)))
    assert protect_words.stops_nothing(judged)
    html = page.render(told(judged=judged))
    assert 'class="warn"' in html.decode()
    assert "no program was stopped" in text_of(html, "en")
    assert "没有程序被阻止" in text_of(html, "zh")


def test_attacks_on_the_defence_are_always_told() -> None:
    for found in (told(), told(judged=None), told(mark=MARK)):
        assert both(found).count("2510.03747") == 2


def test_a_mark_is_shown_and_its_absence_is_a_limit() -> None:
    with_mark, without = text_of(page.render(told(mark=MARK)), "en"), text_of(page.render(told()), "en")
    assert "machine 17 · 4" in with_mark
    assert "bears a readable mark" in with_mark
    assert "no readable mark" in without


def test_faces_that_were_left_are_listed_with_their_places() -> None:
    found = told(too_small=((1, 2, 30, 40), (5, 6, 7, 8)), too_many=((11, 12, 13, 14),))
    english, chinese = (text_of(page.render(found), lang) for lang in ("en", "zh"))
    assert "2 faces under 48 px" in english
    assert "1 face beyond the 30 largest" in english
    assert "2 张人脸小于 48 像素" in chinese
    assert english.count("11, 12 – 13, 14") == 1


def test_a_warning_stands_at_the_top_in_both_languages() -> None:
    warning = protect_words.coarse_jpeg(30)
    html = page.render(told(warnings={"en": (warning.en,), "zh": (warning.zh,)}))
    assert "protection was not measured there" in text_of(html, "en")
    assert "未经测量" in text_of(html, "zh")


def test_a_file_that_was_not_protected_is_told_with_its_reason() -> None:
    html = page.render(FAILED)
    assert "This file was not protected" in text_of(html, "en")
    assert "此文件未加保护" in text_of(html, "zh")
    assert "not_applicable" in text_of(html, "en")
    assert "What it does not stop" not in text_of(html, "en")


def test_names_of_files_cannot_write_into_the_page() -> None:
    html = page.render(told(path=HOSTILE, written=HOSTILE)).decode()
    assert "<script" not in html
    assert "default-src 'none'" in html


def test_another_language_is_refused() -> None:
    with pytest.raises(UsageError):
        page.render(told(), "fr")


# Pictures


def shown(html: bytes) -> list[NDArray[np.int16]]:
    uris = re.findall(r'src="data:image/png;base64,([^"]+)"', html.decode())
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(uri))), np.int16) for uri in uris]


def test_before_and_after_are_shown_byte_by_byte() -> None:
    image = pictures()
    before, after, *_ = shown(page.render(told()))
    assert np.array_equal(before, image.before[10:70, 30:90])
    assert np.array_equal(after, image.after[10:70, 30:90])


def test_the_difference_is_stretched_by_as_much_as_is_said() -> None:
    html = page.render(told())
    _, _, difference, _ = shown(html)
    assert difference.max() - 128 == 32 * 3
    assert difference.min() == 128
    assert "Difference, 32 times as large" in text_of(html, "en")
    assert "放大 32 倍" in text_of(html, "zh")


def test_where_nothing_differs_that_is_said() -> None:
    image = pictures()
    same = replace(image, after=image.before)
    html = page.render(told(image=same, psnr_face_db=None, psnr_frame_db=None, judged=None))
    assert "Difference: none" in text_of(html, "en")
    assert "Nothing differs." in text_of(html, "en")


def test_a_picture_that_is_larger_than_the_page_is_reduced() -> None:
    before = np.zeros((900, 1800, 3), np.uint8)
    image = ProtectionImage(before, before + np.uint8(2), (0, 0, 900, 900), ((0, 0, 800, 800),))
    faces = shown(page.render(told(image=image, size_wh=(3600, 1800), too_small=((400, 400, 440, 440),))))
    assert [one.shape for one in faces] == [(380, 380, 3)] * 3 + [(380, 760, 3)]


def test_an_outline_follows_a_picture_that_was_read_smaller() -> None:
    found = told(size_wh=(320, 240), too_small=((200, 100, 240, 140),))
    assert '<rect class="left" x="100" y="50" width="20" height="20"/>' in page.render(found).decode()
