"""Marks for pages: one script tag, and the few addresses behind it.

    <script src="/unforge/overlay.js" data-tiles="/unforge/tile" data-report="/unforge/report"></script>

`application` is a WSGI application (PEP 3333) with these three addresses, to be mounted anywhere in a server. Who is
looking at a page is for the server to say: `identify` gets the request and answers with what the mark shall say. The
ring stays where it is; what leaves is the picture that a screen shows anyway.

    GET  overlay.js          the script
    GET  tile?dpr=1.5        {"expires", "expires_in_s", "tile_px", "multiply", "screen"}, the last two as PNG data
    POST report              {"kind", "time", "page", "detail"}: heartbeats and tampering, handed to `on_report`

A tile lasts for its slot. Chips are made for CSS pixels of 1/96 inch, as a page knows no better: at a device pixel
ratio of d they are `tile.chip_px(96 d)` device pixels wide.
"""

import base64
import json
import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from io import BytesIO
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from wsgiref.util import shift_path_info

from PIL import Image

from unforge.errors import StoreError, UsageError
from unforge.trace import mark, tile, utc
from unforge.trace.keys import KeyRing
from unforge.trace.overlay import _slot
from unforge.trace.payload import Payload

CSS_PPI = 96
LEAST_DPR, MOST_DPR = 0.25, 8.0  # a browser's zoom of 25 % on a plain display, to 200 % on the densest
MOST_REPORT_BYTES = 4096
MOUNTED_AT = "unforge"  # by the development server
KINDS = ("heartbeat", "removed", "hidden", "restyled", "moved", "tile")

Identify = Callable[[WSGIEnvironment], Payload | None]

_LOG = logging.getLogger(__name__)
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Report:
    """What a page says about its mark.

    kind: `heartbeat`: it is shown. `removed`, `hidden`, `restyled`, `moved`: somebody did this to it, and it was put
        back. `tile`: the next tile could not be had; the old one is still shown.
    received: when it came, UTC. page_time, page, detail: as the page says, not to be trusted; cut to 200 characters.
    payload, key_id: what the mark of whoever sent it says now, and the key that signs it.
    """

    kind: str
    received: datetime
    page_time: str
    page: str
    detail: str
    payload: Payload
    key_id: str


@dataclass(frozen=True, slots=True)
class _Answer:
    status: str
    body: bytes = b""
    content_type: str = _JSON


def application(
    ring: Callable[[], KeyRing],
    identify: Identify,
    on_report: Callable[[Report], None],
    *,
    strength: int = mark.STRENGTH,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> WSGIApplication:
    """The script, its tiles and its reports, as a WSGI application.

    ring: asked for every tile, so that rotation and revocation take effect; `partial(keys.load, path)` will do.
    identify: what the mark shall say for a request, from its cookies or its user; None answers with 403.
    on_report: is handed heartbeats and tampering, from several threads; `Registry.heartbeat` wants the former.
    Raises UsageError for a strength out of range.
    """
    mark.check_strength(strength)

    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = _route(environ)
        except UsageError as error:
            answer = _refusal("400 Bad Request", str(error))
        except StoreError as error:
            _LOG.error("no tile can be signed: %s", error)
            answer = _refusal("503 Service Unavailable", "no key may mark now")
        start_response(answer.status, _headers(answer))
        return [answer.body]

    def _route(environ: WSGIEnvironment) -> _Answer:
        asked = (environ["REQUEST_METHOD"], environ.get("PATH_INFO", "").rpartition("/")[2])
        if asked == ("GET", "overlay.js"):
            return _Answer("200 OK", script(), "text/javascript; charset=utf-8")
        if asked not in (("GET", "tile"), ("POST", "report")):
            return _refusal("404 Not Found", "expected GET overlay.js, GET tile or POST report")
        said = identify(environ)
        if said is None:
            return _refusal("403 Forbidden", "nobody is known to look at this page")
        return give_tile(environ, said) if asked[1] == "tile" else take_report(environ, said)

    def give_tile(environ: WSGIEnvironment, said: Payload) -> _Answer:
        content = tile_for(said, ring(), _dpr(environ), clock(), strength)
        return _Answer("200 OK", json.dumps(content).encode())

    def take_report(environ: WSGIEnvironment, said: Payload) -> _Answer:
        now = clock()
        on_report(_report(_body(environ), said, ring().current(now).id, now))
        return _Answer("204 No Content")

    return respond


def tile_for(
    said: Payload, ring: KeyRing, dpr: float, now: datetime, strength: int = mark.STRENGTH
) -> dict[str, str | int | float]:
    """What the script needs to show a mark until its slot ends.

    dpr: device pixels in a CSS pixel, 0.25 to 8. Returns `expires` (UTC, ISO 8601), `expires_in_s` (for pages whose
    clock is wrong), `tile_px` (device pixels), and the layers `multiply` and `screen` as data URLs of PNG.
    Raises UsageError for a dpr out of range, StoreError where no key may mark.
    """
    chips = mark.tile_of(said, ring, ring.current(now), chip_px(dpr))
    layers = mark.layers(chips, strength)
    expires = _slot.ends_at(said, now)
    return {
        "expires": utc.text(expires),
        "expires_in_s": max(0.0, (expires - now).total_seconds()),
        "tile_px": len(chips),
        "multiply": _data_url(layers.multiply),
        "screen": _data_url(layers.screen),
    }


def chip_px(dpr: float) -> int:
    """Device pixels of a chip at a device pixel ratio; raises UsageError where it is not 0.25 to 8."""
    if not LEAST_DPR <= dpr <= MOST_DPR:
        raise UsageError(f"dpr: expected a device pixel ratio from {LEAST_DPR} to {MOST_DPR}, got {dpr}")
    return tile.chip_px(CSS_PPI * dpr)


def script() -> bytes:
    """The script itself, for servers that send it with their other files."""
    return files(__package__).joinpath("overlay.js").read_bytes()


def serve(marked: WSGIApplication, *, host: str = "127.0.0.1", port: int = 8765) -> WSGIServer:
    """A server for development: `marked` under /unforge/, and a page to try it on at /.

    Call `serve_forever` on what comes back. port: 0 for any that is free. It knows neither TLS nor users; in use, mount
    `application` in the server of the site instead.
    """
    page = files(__package__).joinpath("preview.html").read_bytes()

    def root(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/":
            answer = _Answer("200 OK", page, "text/html; charset=utf-8")
        elif shift_path_info(environ) == MOUNTED_AT:
            return marked(environ, start_response)
        else:
            answer = _refusal("404 Not Found", f"expected / or /{MOUNTED_AT}/")
        start_response(answer.status, _headers(answer))
        return [answer.body]

    return make_server(host, port, root, server_class=_ThreadingServer, handler_class=_QuietHandler)


class _ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True  # browsers keep connections open


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        _LOG.debug(format, *arguments)


def _headers(answer: _Answer) -> list[tuple[str, str]]:
    described = (
        [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))] if answer.body else []
    )
    return [*described, ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]


def _refusal(status: str, reason: str) -> _Answer:
    return _Answer(status, json.dumps({"error": reason}).encode())


def _dpr(environ: WSGIEnvironment) -> float:
    written = parse_qs(environ.get("QUERY_STRING", "")).get("dpr", ["1"])[-1]
    try:
        return float(written)
    except ValueError:
        return math.nan  # is in no range, and refused as such


def _body(environ: WSGIEnvironment) -> dict[str, Any]:
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isdecimal() or int(length) > MOST_REPORT_BYTES:
        raise UsageError(f"report: expected at most {MOST_REPORT_BYTES} bytes, got {length or 'no length'}")
    try:
        parsed = json.loads(environ["wsgi.input"].read(int(length)))
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict) or parsed.get("kind") not in KINDS:
        raise UsageError(f"report: expected a JSON object whose kind is one of {', '.join(KINDS)}")
    return parsed


def _report(sent: dict[str, Any], said: Payload, key_id: str, received: datetime) -> Report:
    page_time, page, detail = (str(sent.get(name, ""))[:200] for name in ("time", "page", "detail"))
    return Report(sent["kind"], received, page_time, page, detail, said, key_id)


def _data_url(rgb: mark.Picture) -> str:
    png = BytesIO()
    Image.fromarray(rgb).save(png, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()
