"""The cloak of the wheel on real faces: what may be seen of it, and that random noise does nothing.

What it stops is measured, not tested (docs/protect.md): here stands what must hold whatever the figures say.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from unforge.bench import material
from unforge.media.image import read_image
from unforge.protect import already, cloak, judge, targets
from unforge.protect.ways import ATTACKERS, CHANNELS

FACES = 24

DATA = Path(os.environ.get("UNFORGE_DATA", "../shared/data"))
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (DATA / "manifest.csv").is_file(), reason="the data collection is not there"),
]


@pytest.fixture(scope="module")
def pairs() -> list[judge.Pair]:
    """Validation stills with a face, before and after."""
    made: list[judge.Pair] = []
    items = [item for item in material.read(DATA, "val", "image") if not item.fake]
    for item in items[:: max(1, len(items) // (2 * FACES))]:
        rgb = read_image(DATA / item.path).rgb
        meshes = cloak.faces(rgb).meshes_px
        if meshes and len(made) < FACES:
            made.append(judge.Pair(rgb, cloak.Cloak().picture(rgb, meshes), meshes[:1]))
    assert len(made) == FACES
    return made


def test_a_cloak_is_hard_to_see(pairs: list[judge.Pair]) -> None:
    seen = [judge.seen(pair) for pair in pairs]
    assert np.median([one.psnr_face_db for one in seen]) >= 37.0
    assert np.median([one.psnr_frame_db for one in seen]) >= 40.0
    assert np.median([one.ssim_frame for one in seen]) >= 0.96
    assert max(np.abs(pair.protected.astype(int) - pair.original).max() for pair in pairs) <= cloak.Cloak().most_levels


def test_random_noise_of_the_same_size_disables_nothing(pairs: list[judge.Pair]) -> None:
    real = [target for target in targets.all_targets() if target.name in ("full-range", "short-range", "landmarks")]
    found = judge.judge(pairs, real, CHANNELS[:1], ATTACKERS[:1])
    for cell in found.cells:
        assert cell.stopped_by_random.value is not None
        assert cell.stopped_by_random.value <= 0.1, cell.target


def test_a_cloak_is_recognised_and_a_bare_face_is_not(pairs: list[judge.Pair]) -> None:
    cloaked = [already.is_cloaked(pair.protected, pair.meshes_px[0]) for pair in pairs]
    bare = [already.is_cloaked(pair.original, pair.meshes_px[0]) for pair in pairs]
    assert np.mean(cloaked) >= 0.9
    assert np.mean(bare) <= 0.05
