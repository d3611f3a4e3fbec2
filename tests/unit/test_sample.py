"""The demo's clips: small, repeatable, and told apart for a visible reason."""

from pathlib import Path

import numpy as np
import pytest

from unforge import Report, examine
from unforge.cli import sample
from unforge.media.probe import probe
from unforge.media.video import frames


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("demo")
    sample.make_clip(folder / "original.mp4")
    sample.make_forged_clip(folder / "forged.mp4")
    return folder / "original.mp4", folder / "forged.mp4"


@pytest.fixture(scope="module")
def verdicts(clips: tuple[Path, Path]) -> tuple[Report, Report]:
    return examine(clips[0]), examine(clips[1])


def test_the_clips_are_short_and_under_a_megabyte(clips: tuple[Path, Path]) -> None:
    for path in clips:
        assert path.stat().st_size < 1_000_000
        assert 2.0 < (probe(path).duration_s or 0.0) < 10.0


def test_the_camera_moves_and_only_the_face_is_forged(clips: tuple[Path, Path]) -> None:
    real, forged = (list(frames(path, rate_hz=2.0)) for path in clips)
    assert np.abs(real[0].rgb.astype(float) - real[-1].rgb).mean() > 2.0
    change = np.mean([np.abs(a.rgb.astype(float) - b.rgb).mean(axis=2) for a, b in zip(real, forged, strict=True)], 0)
    assert np.quantile(change, 0.99) > 10.0
    assert np.median(change) < 3.0


def test_the_pictures_repeat_by_their_seed_and_the_clip_holds_them(clips: tuple[Path, Path]) -> None:
    """Up to the encoder: x264 keeps the pictures, but does not promise the same bytes for them."""
    once, again = ([rgb for rgb, _ in sample._filmed(sample.portrait(), sample.SEED)] for _ in range(2))
    assert all(np.array_equal(first, second) for first, second in zip(once, again, strict=True))
    for frame, rgb in zip(frames(clips[0]), once, strict=True):
        assert np.abs(frame.rgb.astype(float) - rgb).mean() < 5.0


def test_the_forged_clip_is_found_and_the_original_is_not(verdicts: tuple[Report, Report]) -> None:
    original, forged = (report.verdict for report in verdicts)
    assert original is not None
    assert forged is not None
    assert forged.band == "manipulated"
    assert original.band != "manipulated"


def test_the_heat_of_the_forged_clip_lies_on_the_face(verdicts: tuple[Report, Report]) -> None:
    for image in verdicts[1].faces[0].images:
        hot = image.heat > 0.5
        side = len(hot)
        middle = hot[side // 4 : 3 * side // 4, side // 4 : 3 * side // 4]
        assert middle.mean() > 0.5
        assert hot[: side // 10].mean() < 0.3
