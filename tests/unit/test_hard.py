"""What lies over honest faces: the same over a real and its forgery, and never everything."""

import numpy as np
import pytest

from tests.faces_samples import portrait
from unforge.faces import FaceTrack, scan
from unforge.media.frame import Frame
from unforge.train import hard


@pytest.fixture(scope="module")
def face() -> FaceTrack:
    return scan([Frame(0.0, portrait())]).tracks[0]


@pytest.mark.parametrize("seed", range(12))
def test_a_layer_is_the_same_for_both_of_a_pair(face: FaceTrack, seed: int) -> None:
    crop, mesh = face.crops[0], face.crop_landmarks_px[0]
    once, again = (hard.draw(mesh, crop.shape[0], np.random.default_rng(seed))(crop) for _ in range(2))
    assert np.array_equal(once, again)
    assert once.shape == crop.shape
    assert once.dtype == np.uint8
    assert np.abs(once.astype(int) - crop).mean() > 0.1


@pytest.mark.parametrize("kind", hard.LAYERS[:2], ids=["caption", "thing"])
def test_most_of_a_face_stays_visible(face: FaceTrack, kind) -> None:  # type: ignore[no-untyped-def]
    crop, mesh = face.crops[0], face.crop_landmarks_px[0]
    for seed in range(20):
        shown = kind(mesh, crop.shape[0], np.random.default_rng(seed))(crop)
        assert (np.abs(shown.astype(int) - crop).max(axis=2) > 12).mean() < 0.45
