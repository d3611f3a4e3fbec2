"""`lipsync`: what is learned of lips and voices, from whom, and a recipe that ends in a file with its card."""

import inspect
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")

import torch

from tests.voice_samples import made_pair
from unforge.detect.lipsync import OFFSET_CONFIDENCE
from unforge.errors import UsageError, WeightsError
from unforge.nets.lipsync import BANDS, PIXELS, SHAPES, SIGNALS, LipVoiceNet
from unforge.train import export
from unforge.train.recipes import lipsync, seam
from unforge.train.recipes.lipsync import Clip
from unforge.weights.calibration import Calibration


def clip(seed: int, late_rows: int = 0, shared: float = 1.0) -> Clip:
    lips, voice, sound = made_pair(seed, late_rows=late_rows, shared=shared)
    return Clip(f"clip{seed}", f"person{seed}", lipsync.SPOKEN[0], lips, sound, voice)


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return [clip(seed) for seed in range(6)]


@pytest.fixture(scope="module")
def left_out(clips: list[Clip]) -> lipsync.LeftOut:
    return lipsync.LeftOut(clips)


def test_the_net_is_small_and_keeps_the_rows() -> None:
    lips, voice = LipVoiceNet()(torch.rand(70, SHAPES + PIXELS), torch.rand(90, BANDS))
    assert lips.shape == (70, SIGNALS)
    assert voice.shape == (90, SIGNALS)
    assert sum(parameter.numel() for parameter in LipVoiceNet().parameters()) < 10_000


def test_lips_of_other_sizes_give_the_same_signals() -> None:
    """Standardised over time: a large mouth that moves much is no louder than a small one."""
    net, lips = LipVoiceNet(), torch.randn(80, SHAPES + PIXELS)
    once, again = (net(values, torch.rand(80, BANDS))[0].detach() for values in (lips, 5.0 * lips + 2.0))
    assert torch.allclose(once, again, atol=1e-4)


@pytest.mark.parametrize("late_rows", [-20, 0, 15])
def test_the_offset_of_somebody_never_seen_is_found(late_rows: int, left_out: lipsync.LeftOut) -> None:
    stranger = clip(50, late_rows=late_rows)
    found = lipsync.compare(left_out(), stranger.lips, stranger.voice)
    assert found is not None
    assert found.confidence.max() > OFFSET_CONFIDENCE
    assert found.offset_ms == pytest.approx(20.0 * late_rows, abs=40.0)


def test_who_is_left_out_teaches_nothing(clips: list[Clip]) -> None:
    changed = [*clips[:-1], replace(clips[-1], lips=clip(77).lips)]
    person = clips[-1].person
    once, again = (lipsync.LeftOut(some)(person)(clips[0].lips, clips[0].voice) for some in (clips, changed))
    assert np.array_equal(once[0], again[0])
    others = [lipsync.LeftOut(some)()(clips[0].lips, clips[0].voice) for some in (clips, changed)]
    assert not np.array_equal(others[0][0], others[1][0])


def test_clips_that_others_cut_again_teach_nothing(clips: list[Clip]) -> None:
    late = replace(clip(60, late_rows=12), dataset="cut again")
    once, again = (lipsync.towers(lipsync.fit(some))(clips[0].lips, clips[0].voice) for some in (clips, [*clips, late]))
    assert np.array_equal(once[0], again[0])


def test_strangers_are_told_from_true_pairs_by_the_net_and_not_by_loudness(
    clips: list[Clip], left_out: lipsync.LeftOut
) -> None:
    by_net, by_plain = lipsync.measure(clips, left_out), lipsync.measure(clips, lipsync.without_net)
    assert len(by_net.confidence) == len(clips)
    assert [len(heard) for heard in by_net.strangers] == [len(clips) - 1] * len(clips)
    assert by_net.auc() > 0.95
    assert by_plain.auc() < 0.8
    numbers = lipsync.numbers(by_net)
    assert numbers["auc_interval"][0] <= numbers["auc"] <= numbers["auc_interval"][1]
    assert numbers["offset_within_40_ms"] >= 0.8


def test_a_voice_that_has_nothing_to_do_with_the_lips_fits_nowhere(left_out: lipsync.LeftOut) -> None:
    confidence = []
    for seed in range(80, 90):
        apart = clip(seed, shared=0.0)
        found = lipsync.compare(left_out(), apart.lips, apart.voice)
        assert found is not None
        confidence.append(found.confidence.max())
    assert np.mean(np.array(confidence) < OFFSET_CONFIDENCE) >= 0.9


def test_a_recipe_ends_in_a_file_with_its_card(clips: list[Clip], tmp_path: Path) -> None:
    lipsync.finish(clips, tmp_path)
    written = tomllib.loads((tmp_path / "lipsync.toml").read_text("utf-8"))
    assert written["sha256"] == export.sha256(tmp_path / "lipsync.onnx")
    assert set(written) >= {"licence", "origin", "purpose", "feed", "data", "cannot", "version"}
    assert written["numbers"]["as they are"]["auc"] > written["numbers"]["plain correlation"]["auc"]
    calibration = Calibration.from_card(written["calibration"])
    assert calibration.slope > 0.0
    assert calibration.cap <= lipsync.MAX_LLR
    assert calibration.llr(-1.0) > 0.0 > calibration.llr(-8.0)


def test_nothing_is_written_where_the_plain_correlation_is_as_good(clips: list[Clip], tmp_path: Path) -> None:
    easy = []
    for one in clips:
        first = one.lips.first - one.voice.first
        level_db = one.voice.level_db.copy()
        level_db[first : first + len(one.lips.opening)] = one.lips.opening
        easy.append(replace(one, voice=replace(one.voice, level_db=level_db)))
    with pytest.raises(WeightsError, match="plain correlation"):
        lipsync.finish(
            [replace(one, lips=replace(one.lips, features=one.lips.features[::-1].copy())) for one in easy], tmp_path
        )
    assert not list(tmp_path.iterdir())


def test_too_few_people_are_told(clips: list[Clip], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="four people"):
        lipsync.finish(clips[:3], tmp_path)
    (tmp_path / "manifest.csv").write_text("path,label,kind,dataset,method,split\n")
    with pytest.raises(UsageError, match="four people"):
        lipsync.main(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_recipe_is_called_like_the_others() -> None:
    assert list(inspect.signature(lipsync.main).parameters) == list(inspect.signature(seam.main).parameters)
