"""Reading the mark out of a photograph of a screen, with nothing told but the key ring.

What is said is as sure as it can be proved. The signs of the data chips come from a key and not from the picture, so
that in a picture without a mark (or under another key) the coded bits are fair coins, whatever the picture shows and
however the map was fitted. Then no message fits better than z = sum(+-llr) / sqrt(sum(llr^2)) with a probability of
more than N exp(-z^2 / 2) (Hoeffding, 1963, theorem 2, and the union bound), where N is how many messages there are and
how often it was tried. There are 2^58 that a key could have signed; a registry has fewer.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.evidence import Evidence, Region, abstention
from unforge.exhibit import Exhibit
from unforge.media.image import read_image
from unforge.trace import align, despread, ecc, search, utc
from unforge.trace import payload as payloads
from unforge.trace.carrier import Plane, carrier, grey_carrier
from unforge.trace.geometry import Map, Windows, grown, settled
from unforge.trace.keys import Key, KeyRing
from unforge.trace.registry import Owner, Registry, Shown
from unforge.trace.tile import Pilot, Scramble

QUESTION = "marked"
SOURCE = "trace-1"

Grade = Literal["confirmed", "probable", "inconclusive", "none"]
GRADES: tuple[Grade, ...] = ("confirmed", "probable", "inconclusive", "none")

MOST_SIDE_PX = 4096
SIDES_PX = (2000, 1000, 4096)  # long sides at which a mark is looked for, one after the other
LEAST_SIDE_PX = 320
SEARCH_STEP_PX = search.SIDE_PX
LEAST_SEED_Z = 8.0
MOST_SEEDS = 6
LEAST_MAP_Z = 7.0
FEWEST_ANCHORS = 3
MOST_SCREENS = 4

MESSAGES = 2.0**58  # that a key can sign
LISTED = ecc.LIST_SIZE / 2.0**20  # chance that one of the listed messages bears a tag that fits
CONFIRMED, PROBABLE = 1e-9, 1e-4  # probabilities of error
MOST_CANDIDATES = 2_000_000
CANDIDATES_AT_ONCE = 20_000

DARK, BLOWN = 24, 251  # grey levels
COLOURLESS = 1.5  # grey levels between the colours of a grey copy, 99th percentile

OnProgress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What was read off one screen, or why nothing was.

    error_probability: at most so often would a picture without this mark be read like this; None without a message.
    key: id of the key that signed it. outline_xy: (4, 2) where it was found, in pixels of the displayed picture.
    facts: figures for experts, with units in their names.
    """

    grade: Grade
    reason: str
    reason_zh: str
    error_probability: float | None = None
    payload: payloads.Payload | None = None
    key: str | None = None
    owner: Owner | None = None
    outline_xy: NDArray[np.float64] | None = None
    facts: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """The coded bits of one screen, for both halves of a tile: which half is the first is not known."""

    found: Map
    llrs: tuple[NDArray[np.float64], NDArray[np.float64]]
    scale: float
    tiles: float

    @property
    def outline_xy(self) -> NDArray[np.float64]:
        """Corners of what was read, in pixels of the displayed picture."""
        points = np.concatenate([anchor.at_xy + _CORNERS * search.SIDE_PX / 3.0 for anchor in self.found.anchors])
        box = cv2.boxPoints(cv2.minAreaRect(points.astype(np.float32)))
        return np.asarray(box / self.scale, np.float64)


@dataclass(frozen=True, slots=True)
class Message:
    """A message that fits the coded bits. z: how well; errors: share of the coded bits that were seen wrongly."""

    payload: payloads.Payload
    key: Key
    z: float
    errors: float
    error_probability: float
    by_registry: bool


_CORNERS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def read(
    path: Path | str,
    ring: KeyRing,
    registry: Registry | None = None,
    on_progress: OnProgress | None = None,
    *,
    around: tuple[datetime, datetime] | None = None,
) -> list[Reading]:
    """What the screens in a photograph say, one reading for each screen, the surest first; one where there is none.

    registry: tells who stands behind a message, and what could have been shown, which helps with bad photographs.
    around: when the photograph was taken at the earliest and at the latest, if that is known. on_progress: is told
    what is being done and the share of the work, in [0, 1]. Raises MediaError where the file cannot be read.
    """
    tell = on_progress or (lambda what, share: None)
    tell("decoding", 0.0)
    return read_picture(read_image(path, MOST_SIDE_PX).rgb, ring, registry, tell, around=around)


def read_picture(
    rgb: NDArray[np.uint8],
    ring: KeyRing,
    registry: Registry | None = None,
    on_progress: OnProgress | None = None,
    *,
    around: tuple[datetime, datetime] | None = None,
) -> list[Reading]:
    """As `read`, of a picture (H, W, 3) that has been decoded."""
    tell = on_progress or (lambda what, share: None)
    if max(rgb.shape[:2]) < LEAST_SIDE_PX:
        return [_too_small(rgb)]
    grey = _is_grey(rgb)
    heard = _listen(rgb, ring, grey, tell)
    tell("reading", 0.9)
    readings = [_understood(one, ring, registry, around, 2 * len(heard), grey) for one in heard]
    tell("reading", 1.0)
    if not readings:
        return [_nothing(rgb, ring, grey)]
    return sorted(readings, key=lambda reading: (GRADES.index(reading.grade), reading.error_probability or 1.0))


class Trace:
    """The examiner for the question "marked". Made with a key ring; the rest is that of `read`."""

    name = "trace"
    models: tuple[str, ...] = ()

    def __init__(self, ring: KeyRing, registry: Registry | None = None) -> None:
        self.ring, self.registry = ring, registry

    def examine(self, exhibit: Exhibit) -> Evidence:
        """Evidence for a mark; that none is found is an abstention, because a mark may be there and not be readable."""
        if exhibit.facts.kind != "image":
            return abstention(QUESTION, SOURCE, "Marks are read from pictures; this is a video.", {})
        best = read(exhibit.path, self.ring, self.registry)[0]
        facts = {**best.facts, "grade": best.grade, "note_zh": best.reason_zh}
        if best.grade in ("inconclusive", "none") or best.error_probability is None:
            return abstention(QUESTION, SOURCE, best.reason, facts)
        llr = -math.log(max(best.error_probability, 1e-12))
        return Evidence(QUESTION, SOURCE, llr, best.reason, (Region(0.0, 0.0, llr),), facts)


# Listening


def _listen(rgb: NDArray[np.uint8], ring: KeyRing, grey: bool, tell: OnProgress) -> list[Heard]:
    """The screens in a picture, looked for at a few sizes until something is found."""
    pilot = Pilot(ring.pilot_seed().reveal())
    scramble = Scramble(ring.permutation_seed().reveal())
    long_side = max(rgb.shape[:2])
    sides = [side for side in SIDES_PX if side < long_side] or [long_side]
    if sides[0] < long_side < SIDES_PX[-1] and long_side > 1.3 * SIDES_PX[0]:
        sides.append(long_side)
    if long_side <= SIDES_PX[0] and long_side not in sides:
        sides.insert(0, long_side)
    for n, side in enumerate(sides):
        tell("searching", 0.05 + 0.8 * n / len(sides))
        scale = min(1.0, side / long_side)
        plane = (grey_carrier if grey else carrier)(_resized(rgb, scale))
        maps = _screens(plane, pilot)
        if maps:
            tell("aligning", 0.85)
            return [_heard(plane, found, pilot, scramble, scale) for found in maps]
    return []


def _screens(plane: Plane, pilot: Pilot) -> list[Map]:
    """Maps of all screens that bear the pilot."""
    windows = Windows(plane)
    found: list[search.Seed] = []
    for centre in windows.centres(SEARCH_STEP_PX):
        found += search.seeds(windows.spectrum(centre), pilot, centre)[:2]
    likely = sorted((seed for seed in found if seed.z >= LEAST_SEED_Z), key=lambda seed: -seed.z)
    maps: list[Map] = []
    tried = 0
    for seed in likely:
        if len(maps) == MOST_SCREENS or tried == MOST_SEEDS:
            break
        if any(one.covers(seed.centre_xy) for one in maps):
            continue
        tried += 1
        one = settled(grown(seed, windows, pilot), windows, pilot)
        if len(one.anchors) >= FEWEST_ANCHORS and one.z >= LEAST_MAP_Z:
            maps.append(one)
    return maps


def _heard(plane: Plane, rough: Map, pilot: Pilot, scramble: Scramble, scale: float) -> Heard:
    found, folded = align.aligned(plane, rough, pilot)
    response = despread.round_response(folded.values, despread.known_chips(pilot))
    tile = despread.equalised(folded, despread.known_chips(pilot), response)
    first, second = (despread.coded_llr(tile, pilot, scramble, offset) for offset in (0, despread.HALF_TILE))
    return Heard(found, (first, second), scale, folded.tiles)


# Understanding


def _understood(
    heard: Heard,
    ring: KeyRing,
    registry: Registry | None,
    around: tuple[datetime, datetime] | None,
    attempts: int,
    grey: bool,
) -> Reading:
    """The reading of one screen. attempts: decodings of the whole picture, which all could have erred."""
    message = _signed(heard, ring, attempts)
    if message is None or message.error_probability > CONFIRMED:
        listed = None if registry is None else _registered(heard, ring, registry, around, attempts)
        if listed is not None and (message is None or listed.error_probability < message.error_probability):
            message = listed
    facts = _facts(heard, message, grey)
    if message is None or message.error_probability > PROBABLE:
        return Reading("inconclusive", *_UNREADABLE, outline_xy=heard.outline_xy, facts=facts)
    grade: Grade = "confirmed" if message.error_probability <= CONFIRMED else "probable"
    if message.key.revoked_at is not None:
        return _revoked(message, heard, facts)
    owner = None if registry is None else registry.owner(message.payload, message.key.id)
    reason, reason_zh = _sentence(message, owner)
    return Reading(
        grade,
        reason,
        reason_zh,
        message.error_probability,
        message.payload,
        message.key.id,
        owner,
        heard.outline_xy,
        facts,
    )


def _signed(heard: Heard, ring: KeyRing, attempts: int) -> Message | None:
    """The likeliest message whose tag fits a key of the ring."""
    keys = ring.readable()
    found = []
    for llr in heard.llrs:
        decoded = ecc.decode(llr, lambda bits: payloads.identify(bits, keys) is not None)
        if decoded is None:
            continue
        opened = payloads.identify(decoded.bits, keys)
        if opened is not None:
            found.append(_message(llr, decoded.bits, opened.payload, opened.key, attempts * len(keys)))
    return min(found, key=lambda one: one.error_probability, default=None)


def _message(llr: NDArray[np.float64], bits: ecc.Bits, said: payloads.Payload, key: Key, attempts: int) -> Message:
    z = float(ecc.correlate(llr, ecc.encode(bits)[None])[0])
    errors = ecc.coded_errors(llr, bits) / ecc.N_CODED
    error = min(1.0, attempts * min(LISTED, MESSAGES * math.exp(-z * z / 2.0)))
    return Message(said, key, z, errors, error, by_registry=False)


def _registered(
    heard: Heard, ring: KeyRing, registry: Registry, around: tuple[datetime, datetime] | None, attempts: int
) -> Message | None:
    """The likeliest of all messages that a registry says were on screens, if the list is not too long to go through."""
    span = around or registry.span()
    if span is None:
        return None
    keys = {key.id: key for key in ring.readable()}
    best: tuple[float, Shown, NDArray[np.float64]] | None = None
    count = 0
    for shown in _blocks(registry.live(*span)):
        shown = [one for one in shown if one.key_id in keys]
        count += len(shown)
        if count > MOST_CANDIDATES:
            return None
        if not shown:
            continue
        words = ecc.encode(np.stack([payloads.encode(one.payload, keys[one.key_id]) for one in shown]))
        for llr in heard.llrs:
            z = ecc.correlate(llr, words)
            n = int(np.argmax(z))
            if best is None or float(z[n]) > best[0]:
                best = float(z[n]), shown[n], llr
    if best is None:
        return None
    z_best, one, llr = best
    error = min(1.0, attempts * count * math.exp(-z_best * z_best / 2.0))
    key = keys[one.key_id]
    errors = ecc.coded_errors(llr, payloads.encode(one.payload, key)) / ecc.N_CODED
    return Message(one.payload, key, z_best, errors, error, by_registry=True)


def _blocks(shown: Iterator[Shown]) -> Iterator[Sequence[Shown]]:
    while block := list(islice(shown, CANDIDATES_AT_ONCE)):
        yield block


# Words

_UNREADABLE = (
    "A mark of this site is on the screen, but too little of it can be read to say whose it is; "
    "try the original file, a larger part of the screen, or the registry with the time of the photograph.",
    "屏幕上有本站点的水印，但可读取的部分太少，无法判断来源；请尝试原始文件、拍到更多屏幕的照片，或提供拍摄时间以便查对登记。",
)


def _sentence(message: Message, owner: Owner | None) -> tuple[str, str]:
    how, how_zh = ("by comparison with the registry", "与登记比对") if message.by_registry else ("by its tag", "凭签名")
    said, said_zh = _said(message.payload)
    known = "" if owner is None else f" {owner.note}"
    return (
        f"The mark says {said}; read {how}, wrong at most once in {_times(message.error_probability)} pictures.{known}",
        f"水印内容：{said_zh}；{how_zh}读出，误读概率不超过 {message.error_probability:.0e}。",
    )


def _said(said: payloads.Payload) -> tuple[str, str]:
    if isinstance(said, payloads.MachinePayload):
        when = utc.text(said.starts_at)
        return (
            f"machine {said.machine}, place {said.place}, the ten minutes from {when}",
            f"机器 {said.machine}，地点 {said.place}，自 {when} 起的十分钟",
        )
    return f"token {said.token}", f"令牌 {said.token}"


def _times(probability: float) -> str:
    return f"{1.0 / max(probability, 1e-30):.0e}".replace("e+", "e")


def _revoked(message: Message, heard: Heard, facts: Mapping[str, float | str]) -> Reading:
    when = utc.text(message.key.revoked_at) if message.key.revoked_at else ""
    return Reading(
        "none",
        f"A mark was read, but its key {message.key.id} has been revoked at {when}: anybody may have made it.",
        f"读出了水印，但其密钥 {message.key.id} 已于 {when} 吊销：任何人都可能制作它。",
        message.error_probability,
        None,
        message.key.id,
        None,
        heard.outline_xy,
        facts,
    )


def _facts(heard: Heard, message: Message | None, grey: bool) -> dict[str, float | str]:
    at = heard.found
    middle = np.mean([anchor.at_xy for anchor in at.anchors], axis=0)
    pixels_per_chip = 1.0 / math.sqrt(abs(float(np.linalg.det(at.jacobian(middle))))) / heard.scale
    facts: dict[str, float | str] = {
        "tiles_aligned": float(len(at.anchors)),
        "tile_z": round(at.z, 2),
        "chip_px": round(pixels_per_chip, 2),
        "tiles": round(heard.tiles, 1),
        "carrier": "luma" if grey else "blue",
    }
    if message is not None:
        facts |= {"message_z": round(message.z, 2), "coded_errors_share": round(message.errors, 4)}
    return facts


# Nothing found


def _too_small(rgb: NDArray[np.uint8]) -> Reading:
    height, width = rgb.shape[:2]
    return Reading(
        "inconclusive",
        f"The picture has {width} x {height} px; a mark needs a long side of {LEAST_SIDE_PX} px or more.",
        f"图片为 {width} × {height} 像素；读取水印需要长边至少 {LEAST_SIDE_PX} 像素。",
    )


def _nothing(rgb: NDArray[np.uint8], ring: KeyRing, grey: bool) -> Reading:
    """None where the picture could have shown a mark, inconclusive with the reason where it could not."""
    tried = ", ".join(key.id for key in ring.readable())
    facts: dict[str, float | str] = {"keys_tried": tried, "carrier": "luma" if grey else "blue"}
    why = _unfit(rgb, grey)
    if why is not None:
        return Reading("inconclusive", *why, facts=facts)
    return Reading(
        "none",
        f"No mark of this site was found; keys tried: {tried}. A small, blurred or far screen may hide one.",
        f"没有找到本站点的水印；已尝试的密钥：{tried}。屏幕过小、模糊或过远时，水印可能无法读出。",
        facts=facts,
    )


def _unfit(rgb: NDArray[np.uint8], grey: bool) -> tuple[str, str] | None:
    luma = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    if float(np.percentile(luma, 95)) < DARK:
        return "The picture is too dark to show a mark.", "图片过暗，无法显示水印。"
    if float((rgb.min(axis=2) > BLOWN).mean()) > 0.6:
        return (
            "Most of the picture is blown out: its white cannot show a mark.",
            "图片大部分过曝，白色区域无法显示水印。",
        )
    if grey:
        return (
            "The picture has no colour: the main carrier is gone, and the rest was too faint to be read.",
            "图片没有颜色：主要载体已丢失，剩余部分过于微弱，无法读取。",
        )
    if _sharpness(luma) < LEAST_SHARPNESS:
        return "The picture is too blurred to show a mark.", "图片过于模糊，无法显示水印。"
    return None


LEAST_SHARPNESS = 1.2  # grey levels between a picture and itself blurred by a pixel, 99th percentile


def _sharpness(luma: NDArray[np.uint8]) -> float:
    """How much of a picture is finer than two pixels at the size at which marks are looked for."""
    small = _resized(luma, min(1.0, SIDES_PX[0] / max(luma.shape))).astype(np.float32)
    return float(np.percentile(np.abs(small - cv2.GaussianBlur(small, (0, 0), 1.0)), 99))


def _is_grey(rgb: NDArray[np.uint8]) -> bool:
    small = _resized(rgb, min(1.0, 600 / max(rgb.shape[:2]))).astype(np.int16)
    return float(np.percentile(small.max(axis=2) - small.min(axis=2), 99)) <= COLOURLESS


def _resized(picture: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    if scale >= 1.0:
        return np.ascontiguousarray(picture)
    size_wh = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    return np.asarray(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
