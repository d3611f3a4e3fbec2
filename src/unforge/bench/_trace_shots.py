"""Photographs of marked screens, and what is read off them.

Simulated ones go the whole way of channel/photograph.py. Hybrid ones are real photographs of unmarked screens on which
the ink is laid afterwards, in linear light and through a drawn map: the screen, the lens, the sensor and the phone's
program are real; only the ink has not gone through them, but through a blur and a JPEG coder.
"""

import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.bench import _trace_pages as pages
from unforge.channel import greyscale, jpeg, messenger, night_light
from unforge.channel._view import DIAGONAL_MM, Matrix, seen_from
from unforge.channel.photograph import Camera, Pose, Screen, photograph
from unforge.media.image import read_image
from unforge.trace import ecc, mark, payload, read, tile
from unforge.trace.keys import Key, KeyRing, Secret
from unforge.trace.listen import listen
from unforge.trace.registry import Registry

Picture = NDArray[np.uint8]
Wh = tuple[int, int]

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SEED = 5
MESSENGER, GREY = "messenger", "grey copy"  # what becomes of a photograph
LCD, PHONE = Screen(), Camera.phone()
OFFICE_MACHINES = 50
OFFICE_OPEN = timedelta(hours=12)  # before what is sought, and after it

HYBRID_SCREEN_WH = (1920, 1080)
HYBRID_CHIP_PX = 4
HYBRID_GAMMA = 2.2
HYBRID_BLUR_PX = 0.8
HYBRID_QUALITY = 85


@dataclass(frozen=True, slots=True)
class Setting:
    """How the photographs of a row are taken, and of what; only what differs from an ordinary one is said.

    aim: how far from the screen's middle the camera points, to a drawn side; 1 is a corner. copies: what else becomes
    of each photograph, with the row that it counts in. pages: what is shown, in turns.
    """

    row: str
    distance_cm: float = 45.0
    yaw_deg: float = 0.0
    roll_deg: float = 0.0
    aim: tuple[float, float] = (0.0, 0.0)
    screen: Screen = LCD
    screen_wh: Wh = (1920, 1080)
    camera: Camera = PHONE
    desktop: bool = False
    night_light: float = 0.0
    copies: tuple[tuple[str, str], ...] = ()
    pages: tuple[str, ...] = pages.NAMES
    photographs: int = 12

    def rng(self, n: int) -> np.random.Generator:
        """What is drawn for the n-th photograph; the same in all rows but for the row's own name."""
        return np.random.default_rng([SEED, n, *self.row.encode()])

    def shown(self, n: int) -> str:
        return self.pages[n % len(self.pages)]

    def pose(self, rng: np.random.Generator) -> Pose:
        """The pose of the row, held by hand: a few degrees of pitch and roll, from either side."""
        side, *sides = rng.choice((-1.0, 1.0), 3)
        pitch_deg, roll_deg = rng.uniform(-8.0, 8.0), self.roll_deg + rng.uniform(-5.0, 5.0)
        aim = (self.aim[0] * sides[0], self.aim[1] * sides[1])
        return Pose(self.distance_cm, side * self.yaw_deg, float(pitch_deg), float(roll_deg), aim)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was read off one photograph. coded_errors: share of the coded bits; read_ms: time of the reader alone.

    right_by_registry: by a reader that knows what an office showed within a day; None where that was not tried.
    """

    row: str
    page: str
    right: bool
    coded_errors: float
    grade: str
    read_ms: float
    right_by_registry: bool | None = None


def ring(number: int = 0) -> KeyRing:
    """The key ring of the measurements, or another one; not secret, and the same every time."""
    key = Key(f"{number:08x}", Secret(bytes([number]) * 31 + b"k"), BEGAN, BEGAN)
    return KeyRing(Secret(bytes([number]) * 31 + b"s"), (key,))


def message(rng: np.random.Generator) -> payload.MachinePayload:
    """Some machine at some place and time."""
    when = BEGAN + timedelta(minutes=int(rng.integers(500_000)))
    return payload.of_machine(int(rng.integers(1, 1 << 24)), when, int(rng.integers(1 << 12)))


def taken(setting: Setting, n: int, data: Path | None) -> list[Outcome]:
    """The n-th photograph of a row and its copies, read."""
    rng, page = setting.rng(n), setting.shown(n)
    said = message(rng)
    marked = _marked(setting, pages.page(page, setting.screen_wh, n, data), said)
    rgb = photograph(marked, setting.screen, setting.pose(rng), setting.camera, rng).rgb
    outcomes = [heard(rgb, said, setting.row, page)]
    for what, row in setting.copies:
        copy = copied(rgb, what)
        outcome = heard(copy, said, row, page)
        outcomes.append(replace(outcome, right_by_registry=named(copy, said)) if what == MESSENGER else outcome)
    return outcomes


def copied(rgb: Picture, what: str) -> Picture:
    """What a messenger or a grey copier leaves of a photograph."""
    if what == MESSENGER:
        return messenger.coded(messenger.reduced(rgb, messenger.LONG_SIDE_PX), messenger.QUALITIES)
    return greyscale.apply(rgb, 1.0, np.random.default_rng(0))


def heard(rgb: Picture, said: payload.Payload, row: str, page: str) -> Outcome:
    """A photograph read by the right ring, beside what it should say."""
    started = time.perf_counter()
    best = read.read_picture(rgb, ring())[0]
    read_ms = 1000.0 * (time.perf_counter() - started)
    right = best.payload == said
    errors = float(best.facts["coded_errors_share"]) if right else _errors(rgb, said)
    return Outcome(row, page, right, errors, best.grade, read_ms)


def named(rgb: Picture, said: payload.MachinePayload) -> bool:
    """Whether a reader names the machine who knows what an office showed: 50 machines in a day, 7,200 messages."""
    with tempfile.TemporaryDirectory() as folder, Registry(Path(folder) / "office.sqlite", create=True) as office:
        place = office.add_place("office", place_id=said.place).id if said.place else 0
        begins, ends = said.starts_at - OFFICE_OPEN, said.starts_at + OFFICE_OPEN - timedelta(minutes=10)
        for n in range(OFFICE_MACHINES):
            machine = 1 + (said.machine - 1 + n) % ((1 << payload.MACHINE_BITS) - 1)
            office.add_machine(f"{n}", machine_id=machine, place=place, since=begins)
            office.heartbeat(machine, ring().keys[0].id, begins, until=ends)
        best = read.read_picture(rgb, ring(), office)[0]
    return best.grade in ("confirmed", "probable") and best.payload == said


def _errors(rgb: Picture, said: payload.Payload) -> float:
    """Share of wrong coded bits where no message was read: those of the screen that fits best, a half without any."""
    bits = payload.encode(said, ring().keys[0])
    grey = bool((rgb == rgb[..., :1]).all())
    found = listen(rgb, ring(), grey, lambda what, share: None)
    return min((ecc.coded_errors(llr, bits) / ecc.N_CODED for one in found for llr in one.llrs), default=0.5)


def _marked(setting: Setting, shown: Picture, said: payload.Payload) -> Picture:
    chips = mark.tile_of(said, ring(), ring().keys[0], tile.chip_px(setting.screen.ppi))
    inked = mark.desktop(shown, chips) if setting.desktop else mark.picture(shown, chips)
    return night_light.apply(inked, setting.night_light, np.random.default_rng(0))


# Hybrid


@dataclass(frozen=True, slots=True)
class Hybrid:
    """A real photograph with the ink laid over it. screen_to_photo: (3, 3); said: what it should say."""

    rgb: Picture
    screen_to_photo: Matrix
    said: payload.Payload


def hybrid(path: Path, n: int) -> Hybrid:
    """A photograph of an unmarked screen, marked through a drawn map with yaw of up to 30 degrees."""
    rgb = read_image(path).rgb
    rng = np.random.default_rng([SEED, n])
    said = message(rng)
    chips = mark.tile_of(said, ring(), ring().keys[0], HYBRID_CHIP_PX)
    homography = _somewhere((rgb.shape[1], rgb.shape[0]), rng)
    marked = inked(rgb, np.asarray(chips, np.float32), homography)
    return Hybrid(jpeg.apply(marked, (100 - HYBRID_QUALITY) / 75, rng), homography, said)


def inked(rgb: Picture, chips: NDArray[np.float32], screen_to_photo: Matrix) -> Picture:
    """A photograph (H, W, 3) with the light that the ink takes or adds; chips: one tile, repeated over the screen."""
    sign, on_screen = _warped(chips, screen_to_photo, (rgb.shape[1], rgb.shape[0]))
    light = _light(rgb[..., 2])
    darker, lighter = (_light(mark.picture(rgb, np.full((1, 1), p, np.int8))[..., 2]) - light for p in (1, -1))
    change = on_screen * (darker * (1.0 + sign) + lighter * (1.0 - sign)) / 2.0
    changed = np.maximum(light + cv2.GaussianBlur(change, (0, 0), HYBRID_BLUR_PX), 0.0)
    marked = rgb.copy()
    marked[..., 2] = np.clip(np.rint(255.0 * changed ** (1.0 / HYBRID_GAMMA)), 0, 255)
    return marked


def _warped(
    chips: NDArray[np.float32], screen_to_photo: Matrix, photo_wh: Wh
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The chips (H, W) as the photograph sees them, averaged over its pixels, and where the screen is."""
    width, height = HYBRID_SCREEN_WH
    side = len(chips)
    screen = np.tile(chips, (height // side + 1, width // side + 1))[:height, :width]
    spread = 0.35 / max(0.3, float(np.sqrt(abs(np.linalg.det(screen_to_photo[:2, :2])))))
    averaged = cv2.GaussianBlur(screen, (0, 0), spread) if spread > 0.35 else screen
    warped, there = (cv2.warpPerspective(one, screen_to_photo, photo_wh) for one in (averaged, np.ones_like(screen)))
    return np.asarray(warped, np.float32), np.asarray(there, np.float32)


def _somewhere(photo_wh: Wh, rng: np.random.Generator) -> Matrix:
    """A screen of 96 ppi that about fills the photograph's width, or more of it where it stands upright."""
    yaw_deg, pitch_deg, roll_deg = (float(rng.uniform(-most, most)) for most in (30.0, 12.0, 8.0))
    pose = Pose(1.0, yaw_deg, pitch_deg, roll_deg)
    fill = float(rng.uniform(0.8, 1.2) if photo_wh[0] > photo_wh[1] else rng.uniform(1.1, 1.6))
    focal_px = Camera.phone().focal_mm / DIAGONAL_MM * float(np.hypot(*photo_wh))
    pitch = fill * photo_wh[0] / (focal_px * HYBRID_SCREEN_WH[0])  # of a pixel at a distance of 1
    homography = seen_from(pose, HYBRID_SCREEN_WH, pitch, photo_wh, focal_px)
    return np.asarray(homography / homography[2, 2], np.float64)


def _light(blue: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray((blue / 255.0) ** HYBRID_GAMMA, np.float32)
