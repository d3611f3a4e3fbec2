"""Who is held out, and how often the others are drawn."""

from pathlib import Path

import numpy as np
import pytest

from unforge.train.crops import Store
from unforge.train.sample import Sample
from unforge.train.sampling import HeldOut, shares


def clip(name: str, identity: str, label: str = "real") -> Sample:
    return Sample(Path(f"clips/{name}.mp4"), label, "video", "faces", "", "train", identity=identity)  # type: ignore[arg-type]


def row(sample: Sample) -> dict[str, str]:
    return {"path": str(sample.path), "label": sample.label, "kind": sample.kind, "dataset": sample.dataset}


def test_people_who_share_a_forgery_are_held_out_together() -> None:
    chains = [
        [clip(f"{n}", f"{n}"), clip(f"{n + 1}", f"{n + 1}"), clip(f"{n}_{n + 1}", f"{n}+{n + 1}", "fake")]
        for n in range(100, 300, 2)
    ]
    held_out = HeldOut([sample for chain in chains for sample in chain])
    answers = [{held_out(row(sample)) for sample in chain} for chain in chains]
    assert all(len(answer) == 1 for answer in answers)
    assert 0.2 < np.mean([answer == {True} for answer in answers]) < 0.5


def test_forged_clips_of_nobody_known_stay_together() -> None:
    samples = [clip(f"x{n}", "", "fake") for n in range(30)]
    assert len({HeldOut(samples)(row(sample)) for sample in samples}) == 1


def test_being_held_out_is_a_function_of_the_name_not_of_the_folder() -> None:
    here, there = (Sample(Path(f"{top}/faces/7.png"), "real", "image", "a", "", "train") for top in ("here", "there"))
    assert HeldOut([here])(row(here)) == HeldOut([there])(row(there))


def test_an_eighth_of_the_stills_is_held_out() -> None:
    samples = [Sample(Path(f"faces/{n}.png"), "real", "image", "a", "", "train") for n in range(800)]
    held_out = HeldOut(samples)
    assert 0.08 < np.mean([held_out(row(sample)) for sample in samples]) < 0.18


def test_data_sets_are_drawn_by_the_root_of_their_size() -> None:
    rows = [{"kind": "image", "dataset": "large"}] * 100 + [{"kind": "image", "dataset": "small"}] * 4
    rows += [{"kind": "video", "dataset": "clips"}] * 10 + [{"kind": "video", "dataset": "unused"}] * 5
    store = Store(rows, np.empty(0, np.uint8), np.empty(0, np.float32))
    drawn = shares(store, lambda one: one["dataset"] != "unused", share_of_clips=0.4)
    assert drawn.sum() == pytest.approx(1.0)
    assert drawn[:100].sum() == pytest.approx(0.6 * 10 / 12)
    assert drawn[100:104].sum() == pytest.approx(0.6 * 2 / 12)
    assert drawn[104:114].sum() == pytest.approx(0.4)
    assert drawn[114:].sum() == 0.0
