"""The report on a protected copy as a reader meets it: one language at a time, on wide and narrow screens."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_protect_report import MARK, told
from unforge.explain.formats import _protection
from unforge.report import Protection

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-quic"]
LONG = "a-name-without-a-blank-" * 8 + ".jpg"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_bytes(_protection.render(whole()))
    return path


def whole() -> Protection:
    """With everything that a report can hold."""
    return replace(
        told(path=LONG, written=LONG, mark=MARK, too_small=((100, 90, 120, 115),), notes=("coded anew",) * 2),
        warnings={"en": ("A warning.",), "zh": ("警告。",)},
    )


@pytest.mark.parametrize("width", [360, 720, 1200])
@pytest.mark.parametrize(("language", "heading"), [("en", "What it does not stop"), ("zh", "不能阻止的情况")])
def test_one_language_is_read_and_nothing_stands_over_the_edge(
    chromium: Any, report: Path, width: int, language: str, heading: str
) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 800})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    page.locator(f"label[for=lang-{language}]").click()
    assert page.locator("h2:visible", has_text=heading).count() == 1
    assert page.locator(f".{'zh' if language == 'en' else 'en'}:visible").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].every(one => one.naturalWidth > 0)")
    assert all(url.startswith(("file:", "data:")) for url in asked)
    page.close()
