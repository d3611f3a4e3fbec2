"""The HTML report: one file, both languages, nothing fetched, and hostile names harmless."""

import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings

from tests.unit.test_values import reports
from tests.unit.test_words import CLIP, ORIGIN, SHORT, said, told
from unforge.errors import UnknownName, UsageError
from unforge.evidence import Curve, Evidence, Region
from unforge.explain import formats, words
from unforge.explain.formats import _facts, html
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


def line(name: str, x_unit: str = "s", track: int | None = 0, n: int = 50, high: float = 10.0) -> Curve:
    x = tuple(high * i / (n - 1) for i in range(n))
    return Curve(name, x, tuple(math.sin(value) for value in x), x_unit, "ratio", track)


def examined(*evidence: Evidence) -> str:
    """The section on examiners of a report with this evidence."""
    whole = replace(report(findings=()), evidence=evidence)
    return html.render(whole).decode().partition('<section class="examiners">')[2].partition("</section>")[0]


def cards(text: str) -> list[str]:
    return text.split("<article")[1:]


def test_there_is_a_card_for_each_examiner_and_what_counts_comes_first() -> None:
    context = said("pulse", 0.0, max_abs_llr=0.0)
    found = cards(examined(SHORT, ORIGIN, context, said("seam", -1.0), said("finegrained", 3.0), said("new", 0.8)))
    titles = ("Fine traces", "Blended parts", "new-1", "Pulse (blood flow", "The file itself", "Pulse (blood flow")
    assert all(title in card for card, title in zip(found, titles, strict=True))
    assert "strong support for manipulation" in found[0]
    assert all("context only" in card and 'class="lean"' not in card for card in found[3:5])
    assert "could not judge" in found[5]
    assert "脉搏（皮肤血流）" in found[5]
    assert "测脉搏至少需要 6 秒" in found[5]


def test_curves_over_one_axis_share_a_figure_and_are_named_in_both_languages() -> None:
    spoken = replace(said("lipsync", 0.5), curves=(
        line("lip_voice_offset", "ms"), line("mouth_opening"), line("voice_level", track=None),
    ))  # fmt: skip
    (card,) = cards(examined(spoken))
    delay, time = card.split('<figure class="curve">')[1:]
    assert delay.count("<svg") == 1
    assert time.count("<svg") == 2
    for told_of in ("Opening of the mouth", "张口程度", "Loudness of the sound"):
        assert told_of in time
    assert "milliseconds" in delay
    assert "<h4" not in card


def test_of_several_people_each_has_a_curve_with_a_name_and_all_have_the_same_axes() -> None:
    curves = (line("mouth_opening"), line("mouth_opening", track=2, high=5.0), line("voice_level", track=None))
    (card,) = cards(examined(replace(said("lipsync", 0.5), curves=curves)))
    first, third = card.split('<figure class="curve">')[1:]
    assert "Face 1" in first
    assert "Face 3" in third
    assert "Loudness" in first
    assert "Loudness" in third
    labels = re.compile(r'<div class="[xy]".*?</div>')
    assert labels.findall(first) == labels.findall(third)


def test_the_place_that_a_fact_tells_is_marked_on_the_curve() -> None:
    spectrum = replace(line("pulse_spectrum", "bpm"), x=(40.0, 60.0, 80.0), y=(0.1, 0.8, 0.1))
    spoken = replace(said("pulse", 0.0, pulse_bpm=60.3, max_abs_llr=0.0), curves=(spectrum,))
    shown = examined(spoken)
    assert 'class="mark" d="M507.5 0V1000"' in shown
    assert ">60 bpm<" in shown
    assert "60 次/分" in shown
    assert 'class="mark"' not in examined(replace(spoken, facts={**spoken.facts, "pulse_bpm": 200.0}))
    own = Region(0.0, 1.0, 0.0, 0, facts={"pulse_bpm": 70.0})
    assert ">70 bpm<" in examined(replace(spoken, regions=(own,)))


def test_a_long_curve_keeps_its_peak_and_stays_small() -> None:
    flat = line("landmark_jitter", n=20_000)
    sharp = replace(flat, y=tuple(9.0 if n == 12_345 else 0.0 for n in range(20_000)))
    (path,) = re.findall(r'class="line c0" d="([^"]*)"', examined(replace(said("temporal", 0.5), curves=(sharp,))))
    heights = [float(point.split(" ")[1]) for point in re.split("[ML]", path)[1:]]
    assert len(heights) <= 600
    assert min(heights) < 100 < 900 < max(heights)


def test_a_line_breaks_where_nobody_was_seen() -> None:
    away = Curve("eye_opening", (0.0, 0.1, 0.2, 5.0, 5.1, 5.2), (1.0,) * 6, "s", "ratio", 0)
    (path,) = re.findall(r'class="line c0" d="([^"]*)"', examined(replace(said("temporal", 0.5), curves=(away,))))
    assert path.count("M") == 2


def test_a_curve_without_length_is_left_out() -> None:
    point = Curve("pulse_trace", (1.0,), (1.0,), "s", "a.u.", 0)
    assert "<svg" not in examined(replace(said("pulse", 0.5), curves=(point,)))


@pytest.mark.parametrize(
    ("name", "value", "label", "shown"),
    [
        ("offset_ms", -40.0, "sound after the lips where they fit best", "−40 ms"),
        ("lamp_motion_px", 0.4213, "lamp motion", "0.421 px"),
        ("blur_share", 0.034, "blur", "3.4%"),
        ("blinks_per_min", 16.0, "blinks", "16 a minute"),
        ("pulse_bpm_tongue", 71.24, "pulse tongue", "71.2 bpm"),
        ("head_turn_deg", 12.0, "head turn", "12°"),
        ("encoder", "Lavf <b>", "encoder", "Lavf &lt;b&gt;"),
        ("frames_lost", 3.0, "frames lost", "3"),
        ("lost_frames", 3.0, "lost", "3 frames"),
        ("boxes_cut", 1.0, "cut off", "yes"),
        ("sound_edits", 2.0, "sound: parts shown by the edit list", "2"),
        ("s", 2.0, "s", "2 s"),
        ("threshold_fpr", 0.01, "false-positive rate", "1%"),
    ],
)
def test_a_fact_has_a_label_and_the_unit_of_its_name(name: str, value: float | str, label: str, shown: str) -> None:
    (card,) = cards(examined(replace(said("new", 0.5), facts={name: value})))
    assert label in card
    assert f">{shown}<" in card
    assert _facts.value_of(name, value).zh


def test_facts_are_folded_and_those_of_the_calibration_come_last() -> None:
    (card,) = cards(examined(said("finegrained", 3.0, looks_judged=14.0)))
    assert "<details>" in card
    assert card.index("looks judged") < card.index("largest LLR this calibration supports")
    assert "note_zh" not in card


def test_the_timeline_shows_the_thresholds_of_the_verdict() -> None:
    drawn = report()
    assert drawn.verdict is not None
    unknown = replace(drawn.verdict, llr_manipulated=None, llr_no_evidence=None)
    assert "from here up: strong evidence" in html.render(drawn).decode()
    assert "from here up" not in html.render(replace(drawn, verdict=unknown)).decode()


def test_quick_looks_at_a_whole_film_have_a_line_of_their_own() -> None:
    drawn = report()
    looks = tuple(Region(10.0 * n, 10.0 * n + 10.0, 0.5 * n) for n in range(4))
    film = replace(drawn, evidence=(replace(drawn.evidence[0], regions=(*drawn.evidence[0].regions, *looks)),))
    alone = replace(drawn, evidence=(replace(drawn.evidence[0], regions=(*drawn.evidence[0].regions, looks[1])),))
    assert "Everybody, by quick looks peaks at 00:35.0 with +1.5" in html.render(film).decode()
    assert "Everybody, by quick looks" not in html.render(alone).decode()


def test_what_does_not_count_is_not_on_the_timeline() -> None:
    drawn = report()
    facts = {**drawn.evidence[0].facts, "max_abs_llr": 0.0}
    context = replace(drawn, evidence=(replace(drawn.evidence[0], facts=facts),))
    assert "Evidence over time" in html.render(drawn).decode()
    assert "Evidence over time" not in html.render(context).decode()


@settings(max_examples=40)
@given(reports())
def test_every_report_becomes_a_page_without_links(found: Report) -> None:
    links = parsed(html.render(found))
    assert all(address.startswith("data:") for address in links.addresses)
    assert "script" not in links.tags


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
