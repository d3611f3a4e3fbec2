"""The HTML report: one file, both languages, nothing fetched, and hostile names harmless."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tests.unit.test_words import CLIP, told
from unforge.errors import UnknownName, UsageError
from unforge.evidence import Evidence, Region
from unforge.explain import formats, words
from unforge.explain.formats import html
from unforge.report import ErrorFacts, ExhibitFacts, Face, FaceFrame, FaceImage, Model, Report, Run

RUN = Run("0.1.0", (Model("seam", "ab" * 32),), "2026-01-01T00:00:00+00:00", 1.5)
HOSTILE = "<script>alert(1)</script>&\"'.mp4"


def report(band: str = "manipulated", exhibit: ExhibitFacts = CLIP) -> Report:
    verdict, evidence, faces = told(band)
    if faces:
        rgb = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
        heat = np.linspace(0, 1, 56 * 56, dtype=np.float32).reshape(56, 56)
        frames = tuple(FaceFrame(t, (10, 10, 90, 90), 1.0 + t) for t in (0.0, 1.0, 2.0))
        faces = (Face(0, 0.0, 2.0, 0.9, 3.0, frames, (FaceImage(1.0, 2.0, rgb, heat),)),)
        regions = tuple(Region(t, t, 1.0 + t, 0, (10, 10, 90, 90)) for t in (0.0, 1.0, 2.0))
        spoken = evidence[0]
        evidence = (Evidence(spoken.question, spoken.source, spoken.llr, spoken.note, regions, spoken.facts),)
    return Report(
        exhibit, RUN, verdict, evidence, faces,
        words.explain(exhibit, verdict, evidence, faces), words.limits(exhibit, verdict, evidence, faces),
    )  # fmt: skip


class Links(HTMLParser):
    """Collects every address that a browser might open, and the tags seen."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]


def parsed(page: bytes) -> Links:
    links = Links()
    links.feed(page.decode("utf-8"))
    return links


@pytest.mark.parametrize("band", ["manipulated", "inconclusive", "no_evidence", "not_assessable"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_request_leaves_the_report(band: str, lang: str) -> None:
    page = html.render(report(band), lang)
    links = parsed(page)
    assert all(address.startswith(("data:", "#")) for address in links.addresses)
    assert not links.tags & {"iframe", "object", "embed", "link"}
    assert b"url(http" not in page
    assert b"Content-Security-Policy" in page


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_both_languages_are_in_the_page_whichever_is_shown_first(lang: str) -> None:
    text = html.render(report(), lang).decode()
    assert "Strong evidence of manipulation" in text
    assert "疑似伪造" in text
    assert f'<html lang="{lang}' in text


def test_a_film_has_a_timeline_with_title_and_thresholds() -> None:
    text = html.render(report()).decode()
    assert "<svg" in text
    assert "<title" in text.split("<svg", 1)[1]
    assert "data:image/jpeg;base64," in text


def test_a_still_has_no_timeline() -> None:
    still = ExhibitFacts("a.jpg", "0" * 64, 10, "image", None, (640, 480), None, False)
    assert "Evidence over time" not in html.render(report(exhibit=still)).decode()


def test_what_comes_from_the_file_cannot_become_code() -> None:
    exhibit = ExhibitFacts(HOSTILE, "0" * 64, 10, "video", 5.0, (640, 480), 25.0, False)
    page = html.render(report(exhibit=exhibit)).decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_an_error_says_what_happened() -> None:
    failed = Report(ExhibitFacts(HOSTILE), RUN, error=ErrorFacts("unreadable", "it <b>ends</b> early"))
    page = html.render(failed).decode()
    assert "unreadable" in page
    assert "<b>ends" not in page


def test_the_same_report_gives_the_same_page() -> None:
    assert html.render(report()) == html.render(report())


def test_the_page_is_small_and_names_hashes_and_prior() -> None:
    page = html.render(report())
    assert len(page) < 2_000_000
    text = page.decode()
    assert "ab" * 32 in text
    assert re.search(r"prior", text)
    assert "unforge.report/1" in text


def test_it_can_be_printed() -> None:
    assert "@media print" in html.render(report()).decode()


def test_an_unknown_language_or_format_is_told() -> None:
    with pytest.raises(UsageError, match="en, zh"):
        html.render(report(), "fr")
    with pytest.raises(UnknownName, match="html"):
        formats.load("pdf")


def test_the_json_format_reads_back() -> None:
    written = formats.load("json").render(report())
    assert Report.from_json(written.decode()) == report()
