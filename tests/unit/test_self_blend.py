"""The self-blend family: a seam where the mask says, nothing elsewhere, and no transform as a label."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.faces_samples import portrait
from unforge.faces import scan
from unforge.media.frame import Frame
from unforge.train import fakes
from unforge.train.fakes import _mask, self_blend

Face = tuple[NDArray[np.uint8], NDArray[np.float32]]


@cache
def the_face() -> Face:
    track = scan([Frame(0.0, portrait())]).tracks[0]
    return track.crops[0], track.crop_landmarks_px[0]


@pytest.fixture
def face() -> Face:
    return the_face()


def test_a_forgery_differs_from_its_partner_on_one_side_of_the_seam_only(face: Face) -> None:
    """Of the two sides, one is the partner pixel by pixel: only the seam, not the whole picture, tells."""
    for seed in range(40):
        fake = self_blend.make(*face, np.random.default_rng(seed), cue="colour", region="face")
        change = np.abs(fake.rgb.astype(float) - fake.real).mean(axis=2)
        inside, outside = change[fake.mask > 0.97], change[fake.mask == 0.0]
        if "geometry" not in fake.artefacts and fake.mask.max() > 0.97:
            assert min(inside.mean(), outside.mean()) <= 0.5
        assert max(change[fake.mask > 0.3].mean(), outside.mean()) >= _mask.MIN_CHANGE


def test_a_transform_is_no_label(face: Face) -> None:
    """The partner is the altered picture about half of the time."""
    altered = [
        not np.array_equal(self_blend.make(*face, np.random.default_rng(n), cue="sharpness").real, face[0])
        for n in range(120)
    ]
    assert 0.35 < np.mean(altered) < 0.65


@pytest.mark.parametrize("cue", list(self_blend.CUES))
def test_every_cue_can_be_forced(cue: str, face: Face) -> None:
    artefacts = set(self_blend.make(*face, np.random.default_rng(2), cue=cue).artefacts)
    assert artefacts <= set(fakes.ARTEFACTS)
    assert cue == "mixed" or cue in artefacts


@pytest.mark.parametrize("region", list(self_blend.REGIONS))
def test_every_region_can_be_forced(region: str, face: Face) -> None:
    fake = self_blend.make(*face, np.random.default_rng(5), region=region)
    assert fake.region == (region if region in fakes.REGIONS else "face")
    assert fake.mask.max() > 0.3
