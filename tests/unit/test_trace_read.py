"""Reading marks: where nothing is told of the screen, and where there is nothing, or something else, to be read."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.trace_samples import BEGIN, KEY, NOON, OTHER, RING, SAID, page, seen, tile
from unforge.errors import MediaError
from unforge.exhibit import Exhibit
from unforge.trace import ecc, listen, mark, payload, read, understand
from unforge.trace.keys import KeyRing, Secret
from unforge.trace.registry import Registry

SIZE_WH = (1200, 800)


@pytest.fixture(scope="module")
def light() -> NDArray[np.uint8]:
    return mark.picture(page(SIZE_WH), tile())


@pytest.fixture(scope="module")
def dark() -> NDArray[np.uint8]:
    return mark.picture(page(SIZE_WH, 30, 210), tile(OTHER))


@pytest.mark.parametrize("yaw_deg", [0.0, 30.0])
@pytest.mark.parametrize("turn_deg", [0.0, -20.0, 90.0, 180.0])
def test_a_screen_is_read_from_any_side_and_any_way_up(
    light: NDArray[np.uint8], yaw_deg: float, turn_deg: float
) -> None:
    (reading,) = read.read_picture(seen(light, yaw_deg, turn_deg, (1900, 1900)), RING)
    assert (reading.grade, reading.payload, reading.key) == ("confirmed", SAID, KEY.id)
    assert reading.error_probability is not None
    assert reading.error_probability <= 1e-9


def test_a_part_of_a_screen_is_enough(dark: NDArray[np.uint8]) -> None:
    (reading,) = read.read_picture(np.ascontiguousarray(dark[200:600, 333:800]), RING)
    assert (reading.grade, reading.payload) == ("confirmed", OTHER)


@pytest.mark.parametrize("scale", [0.5, 0.8, 2.0, 3.0])
def test_the_size_of_the_picture_does_not_matter(dark: NDArray[np.uint8], scale: float) -> None:
    (reading,) = read.read_picture(cv2.resize(dark, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), RING)
    assert reading.payload == OTHER
    assert reading.facts["chip_px"] == pytest.approx(4.0 * scale, rel=0.03)


def test_the_outline_lies_where_the_screen_is(dark: NDArray[np.uint8]) -> None:
    wall = np.full((1200, 2400, 3), 90, np.uint8)
    wall[200:1000, 1100:2300] = dark
    (reading,) = read.read_picture(wall, RING)
    assert reading.outline_xy is not None
    x0, y0 = reading.outline_xy.min(axis=0)
    x1, y1 = reading.outline_xy.max(axis=0)
    assert (x0, y0, x1, y1) == pytest.approx((1100, 200, 2300, 1000), abs=200)


def test_several_screens_are_read_one_by_one(light: NDArray[np.uint8], dark: NDArray[np.uint8]) -> None:
    both = np.hstack([light, np.full((SIZE_WH[1], 61, 3), 90, np.uint8), dark])
    readings = read.read_picture(both, RING)
    assert {reading.payload for reading in readings} == {SAID, OTHER}
    assert {reading.grade for reading in readings} <= {"confirmed", "probable"}


def test_a_grey_copy_may_still_be_read() -> None:
    screen = mark.picture(page(SIZE_WH, 30, 30), tile(OTHER))
    (reading,) = read.read_picture(np.dstack([cv2.cvtColor(screen, cv2.COLOR_RGB2GRAY)] * 3), RING)
    assert reading.payload == OTHER


def test_a_token_is_read() -> None:
    said = payload.of_token(123_456_789, NOON)
    (reading,) = read.read_picture(mark.picture(page((600, 500)), tile(said)), RING)
    assert reading.payload == said


def test_a_mirrored_screen_bears_no_mark(dark: NDArray[np.uint8]) -> None:
    (reading,) = read.read_picture(np.ascontiguousarray(dark[:, ::-1]), RING)
    assert (reading.grade, reading.payload, reading.outline_xy) == ("none", None, None)


def test_another_site_finds_nothing_and_says_which_keys_it_tried(light: NDArray[np.uint8]) -> None:
    (reading,) = read.read_picture(light, KeyRing(Secret(b"z" * 32), RING.keys))
    assert (reading.grade, reading.payload, reading.key) == ("none", None, None)
    assert KEY.id in reading.reason


def test_a_message_that_no_key_signed_is_told_as_such(light: NDArray[np.uint8]) -> None:
    stranger = replace(KEY, secret=Secret(b"q" * 32))
    (reading,) = read.read_picture(light, KeyRing(RING.site, (stranger,)))
    assert (reading.grade, reading.payload, reading.key) == ("none", None, None)
    assert "none of its keys" in reading.reason


def test_a_revoked_key_proves_nothing_but_is_named(light: NDArray[np.uint8]) -> None:
    (reading,) = read.read_picture(light, RING.revoked(KEY.id, NOON))
    assert (reading.grade, reading.payload, reading.key) == ("none", None, KEY.id)
    assert "revoked" in reading.reason


def test_the_key_before_a_rotation_still_reads(light: NDArray[np.uint8]) -> None:
    (reading,) = read.read_picture(light, RING.rotated(NOON + timedelta(days=1)))
    assert (reading.payload, reading.key) == (SAID, KEY.id)


def test_two_marks_over_each_other_are_not_given_to_one(tmp_path: Path) -> None:
    one, other = (mark.picture(page(SIZE_WH), tile(said)).astype(float) for said in (SAID, OTHER))
    with registry_of_both(tmp_path) as registry:
        (reading,) = read.read_picture(np.rint((one + other) / 2.0).astype(np.uint8), RING, registry)
    assert (reading.grade, reading.payload) == ("inconclusive", None)
    assert "4711" in reading.reason
    assert "99" in reading.reason


def test_the_registry_tells_who(light: NDArray[np.uint8], tmp_path: Path) -> None:
    with registry_of_both(tmp_path) as registry:
        (reading,) = read.read_picture(light, RING, registry)
    assert reading.owner is not None
    assert reading.owner.status == "known"
    assert reading.owner.machine is not None
    assert reading.owner.machine.user == "Ada"


def test_a_machine_that_nobody_registered_is_a_valid_key_of_an_unknown_owner(tmp_path: Path) -> None:
    unknown = payload.of_machine(3, NOON)
    with registry_of_both(tmp_path) as registry:
        (reading,) = read.read_picture(mark.picture(page((600, 500)), tile(unknown)), RING, registry)
    assert (reading.grade, reading.payload) == ("confirmed", unknown)
    assert reading.owner is not None
    assert reading.owner.status == "unknown"


def test_what_the_registry_knows_is_read_through_more_noise(tmp_path: Path) -> None:
    coded = ecc.encode(payload.encode(SAID, KEY))
    llr = np.random.default_rng(7).normal(0.48 * (2.0 * coded - 1.0), 1.0)
    heard = listen.Heard(None, (llr, -llr), 0.9, 40.0, 1.0)  # type: ignore[arg-type]
    assert understand.signed(heard, RING, 2) is None
    with registry_of_both(tmp_path) as registry:
        best, second = understand.registered(
            heard, RING, registry, (NOON - timedelta(hours=2), NOON + timedelta(hours=2)), 2
        )
    assert best.payload == SAID
    assert best.error_probability < 1e-4 < second.error_probability


def test_chance_is_never_taken_for_a_message() -> None:
    rng = np.random.default_rng(5)
    for _ in range(40):
        llr = rng.normal(0.0, 1.0, 240)
        heard = listen.Heard(None, (llr, rng.normal(0.0, 1.0, 240)), 0.0, 40.0, 1.0)  # type: ignore[arg-type]
        message = understand.signed(heard, RING, 2)
        assert message is None or message.error_probability > read.CONFIRMED
        assert understand.unsigned(heard, 2) > read.CONFIRMED


@pytest.mark.parametrize(
    ("rgb", "said"),
    [
        (np.zeros((600, 800, 3), np.uint8), "dark"),
        (np.full((600, 800, 3), 255, np.uint8), "blown"),
        (np.full((100, 200, 3), 128, np.uint8), "200 x 100"),
        (cv2.GaussianBlur(page((900, 700), 200, 60), (0, 0), 9) // np.array([1, 1, 2], np.uint8), "blurred"),
        (np.dstack([cv2.cvtColor(page((900, 700), 200, 60), cv2.COLOR_RGB2GRAY)] * 3), "no colour"),
    ],
)
def test_a_picture_that_cannot_show_a_mark_is_inconclusive_with_its_reason(rgb: NDArray[np.uint8], said: str) -> None:
    (reading,) = read.read_picture(rgb, RING)
    assert reading.grade == "inconclusive"
    assert said in reading.reason
    assert reading.error_probability is None


def test_a_plain_picture_bears_none() -> None:
    from skimage import data

    (reading,) = read.read_picture(np.asarray(data.astronaut(), np.uint8), RING)
    assert reading.grade == "none"
    assert reading.reason_zh


def test_the_examiner_answers_for_pictures_and_abstains_without_a_mark(
    light: NDArray[np.uint8], tmp_path: Path
) -> None:
    marked, plain = tmp_path / "marked.png", tmp_path / "plain.png"
    cv2.imwrite(str(marked), light[..., ::-1])
    cv2.imwrite(str(plain), page((600, 500), 220, 20)[..., ::-1] // np.array([2, 1, 1], np.uint8))
    examiner = read.Trace(RING)
    answer = examiner.examine(Exhibit(marked))
    assert (answer.question, answer.abstained) == ("marked", False)
    assert answer.llr > 20.0
    assert examiner.examine(Exhibit(plain)).abstained


def test_a_broken_file_is_an_error_with_its_code(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 nothing")
    with pytest.raises(MediaError):
        read.read(broken, RING)


def registry_of_both(folder: Path) -> Registry:
    registry = Registry(folder / "registry.db", create=True)
    for place, name in ((1, "hall"), (7, "desk")):
        registry.add_place(name, place_id=place)
    for said, user in ((SAID, "Ada"), (OTHER, "Grace")):
        registry.add_machine(f"m{said.machine}", user=user, place=said.place, machine_id=said.machine, since=BEGIN)
        until = NOON + timedelta(hours=3)
        registry.heartbeat(said.machine, KEY.id, NOON - timedelta(hours=3), until=until, place=said.place)
    return registry
