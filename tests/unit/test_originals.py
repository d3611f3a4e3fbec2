"""Forged clips beside their originals: the same moment, the same crop, and where both differ."""

from pathlib import Path

import numpy as np
import pytest

from unforge import metrics
from unforge.cli import sample
from unforge.faces import regions
from unforge.train import originals
from unforge.train.pairs import View, seen
from unforge.train.sample import Sample


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    """A clip and its forgery, the same forgery of somebody whose original is not at hand, and a still."""
    folder = tmp_path_factory.mktemp("films")
    sample.make_clip(folder / "001.mp4")
    sample.make_forged_clip(folder / "001_002.mp4")
    (folder / "007_002.mp4").write_bytes((folder / "001_002.mp4").read_bytes())

    def film(name: str, label: str, identity: str) -> Sample:
        method = "Deepfakes" if label == "fake" else ""
        return Sample(folder / f"{name}.mp4", label, "video", "ffpp", method, "train", identity=identity)  # type: ignore[arg-type]

    return [film("001", "real", "001"), film("001_002", "fake", "001+002"), film("007_002", "fake", "007+002")]


@pytest.fixture(scope="module")
def found(films: list[Sample], tmp_path_factory: pytest.TempPathFactory) -> originals.Originals:
    return originals.build(films, lambda _: True, tmp_path_factory.mktemp("store"))


def test_moments_are_those_of_the_forgery_whose_original_is_at_hand(found: originals.Originals) -> None:
    assert 10 <= len(found) <= originals.LOOKS_PER_CLIP
    assert {Path(path).name for path in found.paths} == {"001_002.mp4"}
    assert set(found.methods) == {"Deepfakes"}
    assert found.shares.sum() == pytest.approx(1.0)


def test_both_pictures_differ_where_the_mask_says(found: originals.Originals) -> None:
    """The sample's forgery replaces the face inside its outline."""
    for n in range(0, len(found), 5):
        gap = np.abs(found.forged[n].astype(int) - found.real[n]).mean(axis=2)
        mask = found.masks[n] > 0
        assert gap[mask].mean() > 2.0 * gap[~mask].mean()
        hull = regions.hull_mask(found.landmarks_px[n][list(regions.OVAL)], mask.shape)
        assert metrics.iou(mask.astype(float), hull) > 0.5


def test_a_moment_becomes_a_pair_whose_traces_nobody_has_listed(found: originals.Originals) -> None:
    fake = found.fake(0)
    assert not fake.told
    pair = seen(fake, found.landmarks_px[0], View(96, 1.3, 1.3), np.random.default_rng(0))
    assert not pair.told
    assert pair.real.shape == pair.fake.shape == (96, 96, 3)
    assert not np.array_equal(pair.real, pair.fake)
    assert 0.02 < float(pair.mask.mean()) < 0.9


def test_what_was_found_is_kept_and_what_was_not_chosen_is_not_opened(films: list[Sample], tmp_path: Path) -> None:
    once = originals.build(films, lambda _: True, tmp_path)
    gone = [Sample(tmp_path / one.path.name, one.label, one.kind, one.dataset, one.method, one.split,
                   identity=one.identity) for one in films]  # fmt: skip
    (tmp_path / "originals.json").write_text((tmp_path / "originals.json").read_text().replace(
        str(films[0].path.parent), str(tmp_path)))  # fmt: skip
    again = originals.build(gone, lambda _: True, tmp_path)  # no file is there: it has to come from the store
    assert np.array_equal(once.forged, again.forged)
    assert np.array_equal(once.masks, again.masks)
    assert len(originals.build(films, lambda _: False, tmp_path / "none")) == 0
