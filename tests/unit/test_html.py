"""The HTML report: one file, both languages, nothing fetched, and hostile names harmless."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from tests.unit.test_words import CLIP, told
from unforge.errors import UnknownName, UsageError
from unforge.evidence import Evidence, Region
from unforge.explain import formats, words
from unforge.explain.formats import html
from unforge.report import (
    ErrorFacts,
    ExhibitFacts,
    Face,
    FaceFrame,
    FaceImage,
    Finding,
    FindingImage,
    Hidden,
    Model,
    Report,
    Run,
)

RUN = Run("0.1.0", (Model("finegrained", "ab" * 32),), "2026-01-01T00:00:00+00:00", 1.5)
HOSTILE = "<script>alert(1)</script>&\"'.mp4"


def finding(hidden: Hidden | None = None, **changes: object) -> Finding:
    rgb = np.random.default_rng(1).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    heat = np.linspace(0, 1, 56 * 56, dtype=np.float32).reshape(56, 56)
    image = FindingImage(rgb, heat, rgb[::-1], (10, 20, 84, 94))
    full = Finding(
        0, 1.0, 3.0, "finegrained-1", 0.4, {"mouth": 0.62, "chin": 0.38}, {"colour": 0.91, "geometry": 0.3},
        {"colour_delta_e": 3.2, "edge_ratio": 1.9}, hidden, image,
    )  # fmt: skip
    return replace(full, **changes)  # type: ignore[arg-type]


def report(
    band: str = "manipulated", exhibit: ExhibitFacts = CLIP, findings: tuple[Finding, ...] = (finding(),)
) -> Report:
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
        exhibit, RUN, verdict, evidence, faces, findings,
        words.explain(exhibit, verdict, evidence, faces, findings), words.limits(exhibit, verdict, evidence, faces),
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


def closely(*findings: Finding) -> str:
    """The section on findings, or nothing."""
    page = html.render(report(findings=findings)).decode()
    return page.partition('<section class="findings">')[2].partition("</section>")[0]


def test_a_finding_is_shown_as_it_is_marked_and_magnified_with_its_numbers() -> None:
    text = closely(finding(Hidden(3.0, 0.5, (2.5, 2.7, 2.9), True)))
    assert text.count("data:image/jpeg;base64,") == 3
    assert "exaggerated" in text
    assert "夸大" in text
    for shown in (
        "62%",
        "91%",
        "ΔE\u00a03.2",
        "1.90 times",
        "+0.5",
        "+2.5, +2.7, +2.9",
        "is confirmed",
        "标记得到证实",
    ):
        assert shown in text, shown
    assert "left:4.5%;top:8.9%" in text


def test_where_the_network_looked_is_shown_where_it_tells() -> None:
    silent = finding()
    assert silent.image is not None
    telling = replace(silent, image=replace(silent.image, attention=silent.image.heat))
    assert "where the network looked" not in closely(silent)
    shown = closely(telling)
    assert shown.count("data:image/jpeg;base64,") == 4
    assert "looking is not finding" in shown
    assert "关注不等于发现" in shown


def test_what_was_not_measured_is_not_in_the_section() -> None:
    text = closely(finding(artefacts={}, measured={}))
    assert "What kind of trace" not in text
    assert "was not tested" in text
    assert "if forged" not in closely(finding(artefacts={}))


def test_a_mark_that_did_not_hold_and_a_reading_that_was_not_borne_out_stand_out() -> None:
    text = closely(finding(Hidden(3.0, 2.9, (2.5,), False)))
    assert text.count('class="warn"') == 2
    assert "not confirmed" in text
    assert "disagree on colour" in text


def test_without_findings_there_is_no_section_and_without_pictures_none_are_missed() -> None:
    assert closely() == ""
    assert "data:" not in closely(finding(image=None))


def test_a_hostile_name_of_a_part_or_examiner_cannot_become_code() -> None:
    text = closely(finding(parts={HOSTILE: 1.0}, source=HOSTILE))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


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
