"""Adverts over pictures are seen and located, noise that is meant for the network is told, and votes certify."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest
from skimage import data

from unforge.evidence import Evidence
from unforge.moderate import checks, looks, shifts, votes
from unforge.moderate.checks import Setup
from unforge.moderate.item import Item, Reading, Still
from unforge.moderate.votes import Vote

CODE_PX = (40, 60, 200, 220)  # where the code is laid

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def clean() -> Picture:
    """A cup of coffee, which the network has not learned from."""
    return np.asarray(cv2.resize(data.coffee(), (384, 384), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.fixture(scope="module")
def with_code(clean: Picture) -> Picture:
    x0, y0, x1, y1 = CODE_PX
    code = cv2.QRCodeEncoder.create().encode("https://example.shop/now")
    laid = clean.copy()
    laid[y0:y1, x0:x1] = cv2.resize(code, (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)[..., None]
    return laid


@pytest.fixture(scope="module")
def with_banner(clean: Picture) -> Picture:
    laid = clean.copy()
    laid[300:372] = (200, 20, 30)
    cv2.putText(laid, "HOT DEAL", (24, 356), cv2.FONT_HERSHEY_DUPLEX, 2.0, (255, 240, 80), 4, cv2.LINE_AA)
    return laid


@pytest.fixture(scope="module")
def with_noise(clean: Picture) -> Picture:
    """Stripes of 8/255 in what the network is shown, as the square attack begins."""
    signs = np.random.default_rng(1).choice([-8, 8], (1, looks.SIDE_PX, 3))
    large = np.kron(signs, np.ones((384, 4, 1), int))
    return np.clip(clean.astype(int) + large, 0, 255).astype(np.uint8)


def ask(name: str, rgb: Picture, count: int = 0) -> Evidence:
    return checks.load(name, Setup(votes=count)).examine(Item.of_picture(rgb))


def band(told: Evidence) -> str:
    if told.llr >= float(told.facts["llr_manipulated"]):
        return "yes"
    return "no" if told.llr <= float(told.facts["llr_no_evidence"]) else "between"


def overlap(box: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    shared = max(0, width) * max(0, height)
    areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (box, other)]
    return shared / (sum(areas) - shared)


def test_a_code_is_seen_named_and_located(with_code: Picture) -> None:
    told = ask("advert", with_code)
    assert band(told) == "yes"
    assert told.facts["class"] == "code"
    assert told.regions[0].box_px is not None
    assert overlap(told.regions[0].box_px, CODE_PX) > 0.4


def test_a_banner_is_seen_and_a_cup_of_coffee_is_clean(with_banner: Picture, clean: Picture) -> None:
    assert band(ask("advert", with_banner)) == "yes"
    told = ask("advert", clean)
    assert band(told) == "no"
    assert told.regions == ()


def test_a_box_points_at_the_displayed_picture(with_code: Picture) -> None:
    check = checks.load("advert", Setup())
    small, large = (
        check.examine(Item("picture", _given=(Still(0.0, with_code, scale),))).regions[0].box_px for scale in (1.0, 2.5)
    )
    assert small is not None
    assert large is not None
    assert np.abs(2.5 * np.array(small) - np.array(large)).max() <= 2.5


def test_of_a_film_the_still_with_the_advert_is_pointed_at(clean: Picture, with_code: Picture) -> None:
    film = Item("film", _given=(Still(0.0, clean), Still(1.0, clean), Still(2.0, with_code), Still(3.0, clean)))
    told = checks.load("advert", Setup()).examine(film)
    alone = ask("advert", with_code)
    assert band(told) == "yes"
    assert told.regions[0].start_s == 2.0
    assert told.llr < alone.llr  # four looks are four chances of a false alarm


@pytest.mark.parametrize("name", ["advert", "evasion"])
@pytest.mark.parametrize("item", [Item("text", text="hello"), Item.of_picture(np.zeros((20, 400, 3), np.uint8))])
def test_without_a_picture_to_judge_there_is_a_sentence(name: str, item: Item) -> None:
    told = checks.load(name, Setup()).examine(item)
    assert told.abstained
    assert len(told.note) > 20
    assert str(told.facts["note_zh"]).endswith("。")


@pytest.mark.parametrize("name", ["advert", "evasion"])
def test_a_check_says_the_same_again_and_both_languages(name: str, with_code: Picture) -> None:
    once, again = ask(name, with_code), ask(name, with_code)
    assert once == again
    assert str(once.facts["note_zh"]).endswith("。")
    assert float(once.facts["llr_low"]) <= once.llr <= float(once.facts["llr_high"])
    assert abs(once.llr) <= float(once.facts["max_abs_llr"])


@pytest.mark.parametrize("name", ["advert", "evasion"])
@pytest.mark.parametrize("rgb", [np.zeros((64, 3000, 3), np.uint8), np.full((49, 49, 3), 255, np.uint8)])
def test_odd_pictures_get_an_answer(name: str, rgb: Picture) -> None:
    assert np.isfinite(ask(name, rgb).llr)


def test_noise_meant_for_the_network_is_told(clean: Picture, with_noise: Picture) -> None:
    told = ask("evasion", with_noise)
    assert band(told) == "yes"
    assert told.llr > ask("evasion", clean).llr + 1.0


@pytest.mark.parametrize("name", ["astronaut", "camera", "chelsea", "coffee", "coins", "moon", "page", "rocket"])
def test_ordinary_pictures_are_not_taken_for_attacks(name: str) -> None:
    grey_or_colour = getattr(data, name)()
    rgb = grey_or_colour if grey_or_colour.ndim == 3 else np.dstack([grey_or_colour] * 3)
    for ordinary in (rgb, looks.saved(rgb), rgb[:, ::-1]):
        assert band(ask("evasion", np.ascontiguousarray(ordinary))) != "yes"


def test_two_readings_are_told_of_only_where_they_were_made(clean: Picture) -> None:
    check, item = checks.load("evasion", Setup()), Item.of_picture(clean)
    assert "readings_alike" not in check.examine(item).facts
    assert "reading" not in item.__dict__
    item.__dict__["reading"] = Reading(twice=0.25)
    assert check.examine(item).facts["readings_alike"] == 0.25


def test_a_vote_that_bears_an_answer_out_certifies_it(with_code: Picture) -> None:
    told = ask("advert", with_code, votes.CERTIFIABLE)
    assert band(told) == "yes"
    assert float(told.facts["certified_radius"]) > 0.0
    assert f"of {votes.CERTIFIABLE} noisy looks" in told.note


@pytest.mark.parametrize("cast", [Vote(100, 52), Vote(100, 3), Vote(20, 10), Vote(20, 4)])
def test_a_vote_that_does_not_takes_it_back(cast: Vote, with_code: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(votes, "vote", lambda look, count: cast)
    assert band(ask("advert", with_code, cast.count)) == "between"


@given(st.integers(votes.CERTIFIABLE, 2000), st.floats(0.0, 1.0))
def test_the_bound_of_a_vote_is_the_exact_one(count: int, share: float) -> None:
    cast = Vote(count, round(share * count))
    agree = max(cast.adverts, count - cast.adverts)
    exact = binomtest(agree, count).proportion_ci(1.0 - votes.ALPHA, method="exact")
    assert cast.share_low == pytest.approx(exact.low, abs=1e-9)
    assert (cast.radius > 0.0) == cast.settled
    if cast.settled and agree < count:
        assert replace(cast, adverts=cast.adverts + (1 if cast.advert else -1)).radius > cast.radius


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 255))
@settings(deadline=None)
def test_a_reduced_picture_has_one_size_and_keeps_its_light(height: int, width: int, grey: int) -> None:
    found = looks.reduced(np.full((height, width, 3), grey, np.uint8))
    assert found.shape == (looks.SIDE_PX, looks.SIDE_PX, 3)
    assert np.ptp(found) == 0
    assert found[0, 0, 0] == grey


def test_more_noise_measures_as_more_noise(clean: Picture) -> None:
    noise = np.random.default_rng(0).standard_normal((looks.SIDE_PX, looks.SIDE_PX, 3))
    measured = []
    for levels in (0.0, 3.0, 9.0):
        look = np.clip(looks.reduced(clean) + levels * noise, 0, 255).astype(np.uint8)
        measured.append(shifts.figures(look, looks.read(looks.through(look)))[3:-1])
    assert np.all(np.diff(np.stack(measured), axis=0) > 0.0)
