"""The examiners `scene` and `container` on real clips; skipped where the collection is absent."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from unforge.bench.protocols import scene as protocol
from unforge.detect import load, scene
from unforge.exhibit import Exhibit
from unforge.verdict import weigh

DATA = Path(os.environ.get("UNFORGE_DATA", "../shared/data"))

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (DATA / "manifest.csv").is_file(), reason=f"no data collection at {DATA}"),
]


def clips(**wanted: str) -> list[Path]:
    with (DATA / "manifest.csv").open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if all(row[key] == value for key, value in wanted.items())]
    return [DATA / row["path"] for row in rows]


def test_untouched_and_forged_presenters_are_measured_and_nobody_is_accused() -> None:
    reals = clips(dataset="ffpp_c23", label="real", split="train")[:3]
    fakes = clips(dataset="ffpp_c23", label="fake", split="train")[:3]
    for path in (*reals, *fakes):
        answer = scene.load().examine(Exhibit(path))
        assert answer.llr == 0.0
        assert weigh([answer]).band == "not_assessable"
        assert {"noise_ratio", "sharpness_ratio", "face_motion_px", "background_change_levels"} <= set(answer.facts)
        assert len(answer.regions) >= 1


def test_a_camera_on_a_tripod_has_a_background_that_rests() -> None:
    facts = scene.load().examine(Exhibit(DATA / "clips/talking/videoretalking_3.mp4")).facts
    assert float(facts["background_motion_px"]) < 0.3
    assert abs(float(facts["background_follows_face"])) < 0.05
    assert float(facts["face_motion_px"]) > 5.0


def test_a_still_that_was_set_in_motion_pulls_its_background_along() -> None:
    name = "edtalk_outputs_results_by_facesr__demo_EDTalk_A_using_predefined_exp_weights.mp4"
    answer = scene.load().examine(Exhibit(DATA / "clips/animated/fake" / name))
    assert float(answer.facts["background_follows_face"]) > 0.8
    assert "background moving along with the face" in answer.note


def test_a_face_that_lost_its_resolution_shows_until_coding_takes_it_away() -> None:
    parts = [protocol._Part.of(path) for path in clips(dataset="ffpp_c23", label="real", split="train")[:4]]

    def effect(crf: int | None) -> float:
        return float(
            np.mean(
                [
                    np.log(part.coded(crf)["sharpness_ratio"] / part.halved(crf)["sharpness_ratio"])
                    for part in parts
                    if part is not None
                ]
            )
        )

    as_it_is, strongly_coded = effect(None), effect(33)
    assert as_it_is > 0.15
    assert strongly_coded < 0.7 * as_it_is


def test_the_first_coding_of_a_film_is_found_in_its_second() -> None:
    """The camera wrote a key frame every 12 frames; the program that coded the film again did not keep them."""
    facts = load("container").examine(Exhibit(DATA / "pulse/evm_face2.mp4")).facts
    assert facts["key_frames"] == 1.0
    assert float(facts["earlier_key_step_frames"]) in (6.0, 12.0)
    assert "earlier_key_step_frames" not in load("container").examine(Exhibit(DATA / "pulse/evm_face.mp4")).facts


def test_clips_that_were_cut_without_coding_lack_frames_at_their_end() -> None:
    facts = [load("container").examine(Exhibit(path)).facts for path in clips(dataset="ffpp_c23", label="real")[:6]]
    assert sum(float(one["gaps_at_end"]) > 0 for one in facts) >= 3
    assert all(float(one["gaps"]) == 0.0 for one in facts)
    assert all(str(one["written_by"]).startswith("Lavf") for one in facts)
