"""One list of promises for everything that a folder holds; new files are met without being told."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.faces_samples import portrait, scene
from tests.film_samples import moving
from tests.media_samples import encode
from unforge import channel, detect, weights
from unforge.errors import UnknownName, WeightsError
from unforge.exhibit import Exhibit
from unforge.explain import vocabulary
from unforge.explain.formats import _facts
from unforge.verdict import weigh

effects = pytest.mark.parametrize("name", channel.available())
detectors = pytest.mark.parametrize("name", detect.available())
cards = pytest.mark.parametrize("name", weights.available())


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pictures")

    def write(name: str, rgb: NDArray[np.uint8]) -> Path:
        path = folder / f"{name}.png"
        cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        return path

    return {
        "face": write("face", portrait()),
        "empty": write("empty", scene((320, 240))),
        "small": write("small", scene((640, 480), (320, 240, 45))),
        "film": encode(folder / "film.mp4", list(moving(100).rgb), ticks_per_s=25),
        "two": write("two", scene((1000, 500), (250, 220, 130), (740, 240, 130))),
    }


@effects
@pytest.mark.parametrize("shape", [(64, 48), (33, 17), (2, 2), (1, 1)])
def test_an_effect_keeps_shape_and_type(name: str, shape: tuple[int, int]) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    out = channel.load(name).apply(rgb, 1.0, np.random.default_rng(1))
    assert out.shape == rgb.shape
    assert out.dtype == np.uint8


@effects
def test_an_effect_of_strength_zero_changes_nothing(name: str) -> None:
    rgb = portrait()
    assert np.array_equal(channel.load(name).apply(rgb, 0.0, np.random.default_rng(1)), rgb)


@effects
def test_an_effect_grows_with_its_strength_and_repeats_by_its_seed(name: str) -> None:
    rgb = portrait()[:256, :256]

    def change(strength: float) -> float:
        once, again = (channel.load(name).apply(rgb, strength, np.random.default_rng(3)) for _ in range(2))
        assert np.array_equal(once, again)
        return float(np.abs(once.astype(float) - rgb).mean())

    assert 0.0 < change(0.2) < change(0.95) < 40.0


@detectors
def test_a_detector_is_called_as_its_file_and_names_its_weights(name: str) -> None:
    examiner = detect.load(name)
    assert examiner.name == name
    assert set(examiner.models) <= set(weights.available())


@detectors
def test_a_detector_abstains_with_a_sentence_where_there_is_no_face(name: str, pictures: dict[str, Path]) -> None:
    answer = detect.load(name).examine(Exhibit(pictures["empty"]))
    assert answer.abstained
    assert answer.note.endswith(".")
    assert weigh([answer]).band == "not_assessable"


@detectors
@pytest.mark.parametrize("picture", ["face", "small", "two"])
def test_a_detector_answers_the_same_twice_and_within_its_cap(
    name: str, picture: str, pictures: dict[str, Path]
) -> None:
    first, second = (detect.load(name).examine(Exhibit(pictures[picture])) for _ in range(2))
    assert first == second
    assert math.isfinite(first.llr)
    assert first.source
    if not first.abstained:
        assert abs(first.llr) <= float(first.facts["max_abs_llr"])
        assert float(first.facts["llr_low"]) <= first.llr <= float(first.facts["llr_high"])


@detectors
def test_what_a_detector_shows_lies_on_people_who_are_there(name: str, pictures: dict[str, Path]) -> None:
    exhibit = Exhibit(pictures["two"])
    tracks = {track.id for track in exhibit.tracks}
    assert len(tracks) == 2
    for region in detect.load(name).examine(exhibit).regions:
        assert region.track is None or region.track in tracks
        assert region.heat is None or (region.heat >= 0).all()


@detectors
@pytest.mark.parametrize("shown", ["face", "film"])
def test_what_a_detector_measures_has_a_name_in_both_languages(
    name: str, shown: str, pictures: dict[str, Path]
) -> None:
    answer = detect.load(name).examine(Exhibit(pictures[shown]))
    told = [_facts.label_of(fact) for fact, _ in _facts.in_order(answer.facts)]
    told += [vocabulary.curve_name(curve.name) for curve in answer.curves]
    assert [said.en for said in told if not any("\u4e00" <= letter <= "\u9fff" for letter in said.zh)] == []


@cards
def test_a_card_is_complete_and_its_file_is_what_it_says(name: str) -> None:
    card = weights.card(name)
    assert card.name == name
    assert all((card.licence, card.origin, card.purpose, card.feed))
    assert weights.verified(name)


def test_all_weights_together_stay_small() -> None:
    assert sum(path.stat().st_size for path in weights.FILES.iterdir()) < 40e6


def test_every_shipped_file_has_a_card() -> None:
    assert {path.name for path in weights.FILES.iterdir()} == {weights.card(n).file for n in weights.available()}


def test_an_unknown_card_lists_the_choices() -> None:
    with pytest.raises(UnknownName, match="face_landmark"):
        weights.card("nobody")


def test_an_altered_or_missing_file_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = weights.card("face_landmark")
    (tmp_path / card.file).write_bytes(card.path.read_bytes()[:-1] + b"!")
    monkeypatch.setattr(weights, "FILES", tmp_path)
    with pytest.raises(WeightsError, match="SHA-256"):
        weights.verified("face_landmark")
    (tmp_path / card.file).unlink()
    with pytest.raises(WeightsError, match="reinstall"):
        weights.verified("face_landmark")
