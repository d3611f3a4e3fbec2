"""The overlay on real pages: what a browser paints is the page under the tile, whatever the page does about it."""

import base64
import io
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import numpy as np
import pytest
from PIL import Image

from unforge.channel.photograph import Camera, Pose, Screen, photograph
from unforge.trace import keys, mark, payload, read
from unforge.trace.overlay import browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
MACHINE, PLACE = 4242, 7
NOW = datetime(2026, 3, 1, 8, 31, tzinfo=UTC)

PAGE = """<!doctype html><html><head><style>
  html {{ background: {background}; color: {colour} }}
  body {{ margin: 0; height: 2000px; font: 16px sans-serif }}
  button, dialog {{ position: absolute; left: 40px; top: 40px; width: 300px; height: 200px; border: 0; padding: 0 }}
  button {{ background: #c0ffc0 }} dialog {{ background: #8090a0; margin: 0 }}
  *::backdrop {{ background: rgb(0 0 0 / 30%) }}
</style>{script}</head><body>
<p>What a page says.</p><button onclick="document.title = 'clicked'"></button><dialog></dialog>
<script>customElements.define("x-dialog", class extends HTMLElement {{ connectedCallback() {{
  this.attachShadow({{mode: "open"}}).innerHTML = "<dialog style='width:99px'><input></dialog>" }} }})</script>
<x-dialog></x-dialog></body></html>"""
SCRIPT = '<script src="/unforge/overlay.js" {attributes}></script>'
FROM_SERVER = 'data-tiles="/unforge/tile" data-report="/unforge/report" data-jitter-s="0"'
FROM_FILES = 'data-multiply="multiply.png" data-screen="screen.png"'
GROUNDS = {"light": ("#ffffff", "#000000"), "dark": ("#1e1e1e", "#dddddd")}


@dataclass
class Site:
    """A server on this machine, whose clock stands still until it is told."""

    ring: keys.KeyRing
    address: str = ""
    now: datetime = NOW
    reports: list[browser.Report] = field(default_factory=list)
    down: bool = False

    def kinds(self) -> list[str]:
        return [report.kind for report in self.reports]

    def chips(self, dpr: float) -> mark.Tile:
        said = payload.of_machine(MACHINE, self.now, PLACE)
        return mark.tile_of(said, self.ring, self.ring.current(self.now), browser.chip_px(dpr))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    yesterday = NOW - timedelta(days=1)
    key = keys.Key("0000000b", keys.Secret(b"k" * 32), yesterday, yesterday)
    site = Site(keys.KeyRing(keys.Secret(b"s" * 32), (key,)))
    marked = browser.application(
        lambda: site.ring,
        lambda environ: None if site.down else payload.of_machine(MACHINE, site.now, PLACE),
        site.reports.append,
        clock=lambda: site.now,
    )
    with browser.serve(_with_pages(marked, site), port=0) as server:
        site.address = f"http://127.0.0.1:{server.server_port}/unforge"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield site
        server.shutdown()


@pytest.fixture(scope="module")
def windows() -> Iterator[Callable[[float], Any]]:
    """Windows of one Chromium by their device pixel ratio."""
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        view = {"width": 500, "height": 400}
        yield cache(lambda dpr: chromium.new_context(device_scale_factor=dpr, viewport=view))
        chromium.close()


@pytest.fixture
def visit(windows: Callable[[float], Any], site: Site) -> Iterator[Callable[..., Any]]:
    """Open a page of the site."""
    site.now, site.down = NOW, False
    site.reports.clear()
    pages = []

    def open_page(path: str = "light", dpr: float = 1.0) -> Any:
        pages.append(windows(dpr).new_page())
        pages[-1].goto(f"{site.address}/{path}")
        if not path.startswith("plain"):
            pages[-1].wait_for_function("document.querySelectorAll('unforge-layer:popover-open').length == 2")
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("dpr", [1.0, 1.25, 1.5, 2.0], ids=["1", "zoom 125 %", "1.5", "2"])
def test_the_screen_shows_the_page_under_the_tile_pixel_by_pixel(
    visit: Callable[..., Any], site: Site, ground: str, dpr: float
) -> None:
    plain, marked = shot(visit(f"plain-{ground}", dpr)), shot(visit(ground, dpr))
    expected = mark.picture(plain, site.chips(dpr))
    assert np.abs(marked.astype(int) - expected).max() <= 1
    assert correlation(marked, plain, site.chips(dpr), int(250 * dpr)) > 0.95
    assert read.read_picture(marked, site.ring)[0].payload == payload.of_machine(MACHINE, site.now, PLACE)


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("dpr", [1.0, 1.25, 1.5, 2.0], ids=["1", "zoom 125 %", "1.5", "2"])
def test_a_photograph_of_the_page_leads_back(visit: Callable[..., Any], site: Site, ground: str, dpr: float) -> None:
    camera = replace(Camera.phone(), size_wh=(1600, 1200))
    pose = Pose(18.0, yaw_deg=12.0, pitch_deg=-5.0, roll_deg=4.0)
    taken = photograph(shot(visit(ground, dpr)), Screen(ppi=96 * dpr), pose, camera, np.random.default_rng(3))
    assert read.read_picture(taken.rgb, site.ring)[0].payload == payload.of_machine(MACHINE, site.now, PLACE)


def test_a_change_of_zoom_is_followed(visit: Callable[..., Any], site: Site) -> None:
    """Zooming a page changes its device pixel ratio and the size of its window, which is done here in one step."""
    page = visit()
    metrics = {"width": 400, "height": 320, "deviceScaleFactor": 1.25, "mobile": False}
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setDeviceMetricsOverride", metrics)
    session.send("Emulation.setDeviceMetricsOverride", metrics | {"deviceScaleFactor": 1.5})
    expected = mark.picture(np.full((480, 600, 3), 255, np.uint8), site.chips(1.5))

    def is_followed() -> bool:
        taken = decoded(base64.b64decode(session.send("Page.captureScreenshot")["data"]))
        return taken.shape == expected.shape and np.array_equal(taken[400:], expected[400:])

    eventually(is_followed)


def test_style_that_zooms_the_page_does_not_zoom_the_mark(visit: Callable[..., Any], site: Site) -> None:
    page = visit()
    page.evaluate("document.documentElement.style.zoom = 1.25")
    eventually(lambda: correlation(shot(page), np.full((400, 500, 3), 255, np.uint8), site.chips(1.0), 350) > 0.95)


def test_scrolling_moves_the_page_and_not_the_mark(visit: Callable[..., Any], site: Site) -> None:
    page = visit()
    page.evaluate("window.scrollTo(0, 777)")
    plain = np.full((400, 500, 3), 255, np.uint8)
    assert np.array_equal(shot(page), mark.picture(plain, site.chips(1.0)))


def test_clicks_reach_the_page(visit: Callable[..., Any]) -> None:
    page = visit()
    page.mouse.click(100, 100)
    assert page.title() == "clicked"


def test_a_modal_dialog_is_covered_and_its_backdrop_is_drawn_once(visit: Callable[..., Any], site: Site) -> None:
    plain, marked = visit("plain-light"), visit()
    for page in (plain, marked):
        page.evaluate("document.querySelector('dialog').showModal()")
    expected = mark.picture(shot(plain), site.chips(1.0))
    eventually(lambda: np.abs(shot(marked).astype(int) - expected).max() <= 1)
    assert set(site.kinds()) == {"heartbeat"}


def test_a_dialog_in_a_shadow_tree_is_covered(visit: Callable[..., Any], site: Site) -> None:
    plain, marked = visit("plain-light"), visit()
    for page in (plain, marked):
        page.evaluate("document.querySelector('x-dialog').shadowRoot.querySelector('dialog').showModal()")
        page.evaluate("document.querySelector('x-dialog').shadowRoot.querySelector('input').remove()")
    expected = mark.picture(shot(plain), site.chips(1.0))
    eventually(lambda: np.abs(shot(marked).astype(int) - expected).max() <= 1)


@pytest.mark.parametrize(
    ("attack", "kind"),
    [
        ("layer.remove()", "removed"),
        ("document.body.append(layer)", "moved"),
        ("layer.hidePopover()", "hidden"),
        ("layer.removeAttribute('popover')", "hidden"),
        ("layer.style.setProperty('display', 'none', 'important')", "restyled"),
    ],
)
def test_tampering_is_repaired_and_reported(visit: Callable[..., Any], site: Site, attack: str, kind: str) -> None:
    page = visit()
    before = shot(page)
    page.evaluate(f"for (const layer of document.querySelectorAll('unforge-layer')) {attack}")
    eventually(lambda: site.kinds().count(kind) == 2)
    assert np.array_equal(shot(page), before)
    told = next(report for report in site.reports if report.kind == kind)
    assert (told.payload, told.page) == (payload.of_machine(MACHINE, NOW, PLACE), f"{site.address}/light")


def test_style_of_the_page_does_not_reach_the_mark(visit: Callable[..., Any]) -> None:
    page = visit()
    before = shot(page)
    page.add_style_tag(
        content="unforge-layer { opacity: 0 !important; display: none !important; filter: invert(1) !important;"
        "transition: all 9s !important; background: none !important; transform: translate(9px) !important }"
    )
    page.evaluate(
        "for (const layer of document.querySelectorAll('unforge-layer'))"
        "layer.animate([{opacity: 0}, {opacity: 0}], {duration: 1e6})"
    )
    assert np.array_equal(shot(page), before)


def test_a_page_that_keeps_removing_the_mark_does_not_freeze(visit: Callable[..., Any], site: Site) -> None:
    page = visit()
    page.evaluate(
        "new MutationObserver(() => document.querySelectorAll('unforge-layer').forEach((layer) => layer.remove()))"
        ".observe(document.documentElement, {childList: true}); document.querySelector('unforge-layer').remove()"
    )
    eventually(lambda: site.kinds().count("removed") > 4)
    assert page.evaluate("1 + 1") == 2


def test_the_next_slot_brings_the_next_tile(visit: Callable[..., Any], site: Site) -> None:
    site.now = NOW.replace(minute=39, second=58)
    page = visit()
    white = np.full((400, 500, 3), 255, np.uint8)
    first = site.chips(1.0)
    assert np.array_equal(shot(page)[250:], mark.picture(white, first)[250:])
    eventually(lambda: "heartbeat" in site.kinds())
    site.now = NOW.replace(minute=40)
    following = mark.picture(white, site.chips(1.0))
    eventually(lambda: np.array_equal(shot(page)[250:], following[250:]))
    assert not np.array_equal(first, site.chips(1.0))
    assert site.kinds().count("heartbeat") >= 2
    assert {report.payload.slot for report in site.reports} == {payload.slot_of(NOW), payload.slot_of(site.now)}


def test_the_old_tile_stays_while_there_is_no_new_one(visit: Callable[..., Any], site: Site) -> None:
    site.now = NOW.replace(minute=39, second=59)
    page = visit()
    before = shot(page)
    refused = []
    page.on("response", lambda response: refused.append(response.status))
    site.down = True
    page.wait_for_event("response", lambda response: response.status == 403, timeout=8000)
    assert np.array_equal(shot(page), before)


def test_two_pictures_do_without_a_server(visit: Callable[..., Any], site: Site) -> None:
    page = visit("static-dark")
    plain = shot(visit("plain-dark"))
    assert np.abs(shot(page).astype(int) - mark.picture(plain, site.chips(1.0))).max() <= 1
    assert not any("static" in report.page for report in site.reports)


def test_paper_is_marked_too(visit: Callable[..., Any], site: Site, tmp_path: Path) -> None:
    """On paper a CSS pixel is 1/96 inch; drawn at that resolution, the tile is that of a plain display."""
    pdftoppm = shutil.which("pdftoppm")
    if pdftoppm is None:
        pytest.skip("nothing here draws a PDF")
    visit().pdf(path=tmp_path / "page.pdf", width="500px", height="400px")
    command = [pdftoppm, "-r", "96", "-png", "-singlefile", str(tmp_path / "page.pdf"), str(tmp_path / "page")]
    subprocess.run(command, check=True, timeout=30)
    paper = decoded((tmp_path / "page.png").read_bytes())[250:400, :500]
    white = np.full((400, 500, 3), 255, np.uint8)
    assert correlation(paper, white[250:], np.roll(site.chips(1.0), -250, axis=0)) > 0.95


def shot(page: Any) -> mark.Picture:
    return decoded(page.screenshot())


def decoded(png: bytes) -> mark.Picture:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def correlation(marked: mark.Picture, plain: mark.Picture, chips: mark.Tile, top_px: int = 0) -> float:
    """Between the change of blue and the tile; a chip of +1 takes blue away or adds none."""
    change = marked[top_px:, :, 2].astype(float) - plain[top_px:, :, 2]
    height, width = plain.shape[:2]
    signs = np.tile(chips, (height // len(chips) + 1, width // len(chips) + 1))[top_px:height, :width]
    return float(-np.corrcoef(change.ravel(), signs.ravel())[0, 1])


def eventually(holds: Callable[[], bool], within_s: float = 8.0) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)


def _with_pages(marked: Any, site: Site) -> Any:
    """The overlay's addresses, and pages with and without its tag beside them."""

    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        kind, _, ground = environ["PATH_INFO"].strip("/").rpartition("-")
        if ground in GROUNDS:
            attributes = {"": FROM_SERVER, "static": FROM_FILES}.get(kind)
            script = SCRIPT.format(attributes=attributes) if attributes else ""
            background, colour = GROUNDS[ground]
            body = PAGE.format(background=background, colour=colour, script=script).encode()
            start_response("200 OK", [("Content-Type", "text/html")])
            return [body]
        if ground.endswith(".png"):
            layer = getattr(mark.layers(site.chips(1.0)), ground.removesuffix(".png"))
            png = io.BytesIO()
            Image.fromarray(layer).save(png, "PNG")
            start_response("200 OK", [("Content-Type", "image/png")])
            return [png.getvalue()]
        return marked(environ, start_response)

    return respond
