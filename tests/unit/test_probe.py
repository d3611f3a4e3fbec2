"""The test of a mark: hide, examine again, compare; and the pictures that are shown to the examiner meanwhile."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.faces_samples import portrait
from unforge.evidence import Evidence, Region, abstention
from unforge.exhibit import Exhibit
from unforge.explain import locate, probe
from unforge.faces import FaceTrack, Scan, quality, scan
from unforge.media.frame import Frame

SIDE_PX = 224
Mask = NDArray[np.bool_]


class Painted:
    """Finds faces suspicious that have a sharp chequered patch, the more so the larger it is."""

    name = "painted"
    models = ()

    def __init__(self, patch: Mask) -> None:
        self.patch = patch
        self.seen: list[Exhibit] = []

    def examine(self, exhibit: Exhibit) -> Evidence:
        self.seen.append(exhibit)
        regions = [Region(time_s, time_s, llr, track.id, (0, 0, 9, 9)) for track in exhibit.tracks
                   for time_s, llr in zip(track.times_s.tolist(), map(self.llr, track.crops), strict=True)]  # fmt: skip
        return Evidence("manipulated", "painted-1", 1.0, "Seen.", tuple(regions))

    def llr(self, crop: NDArray[np.uint8]) -> float:
        return float(np.abs(np.diff(crop[..., 0].astype(float), axis=1))[self.patch[:, 1:]].mean()) / 40.0


@pytest.fixture(scope="module")
def patch() -> Mask:
    mask = np.zeros((SIDE_PX, SIDE_PX), np.bool_)
    mask[120:160, 80:140] = True
    return mask


@pytest.fixture(scope="module")
def track(patch: Mask) -> FaceTrack:
    """Three looks at a face with a chequered patch."""
    found = scan([Frame(t, portrait()) for t in (0.0, 0.5, 1.0)]).tracks[0]
    chequers = 255 * (np.indices((SIDE_PX, SIDE_PX)).sum(axis=0) % 2)
    found.crops[:, patch] = chequers[patch][:, None]
    return found


@pytest.fixture
def exhibit(track: FaceTrack) -> Exhibit:
    exhibit = Exhibit(Path("never opened.mp4"))
    exhibit.scan = Scan((track,), (0.0, 0.5, 1.0), ())
    return exhibit


def test_a_mark_on_what_the_examiner_reacts_to_is_confirmed(exhibit: Exhibit, track: FaceTrack, patch: Mask) -> None:
    found = probe.tested(exhibit, Painted(patch), track, [0, 2], [patch, patch])
    assert len(found) == 2
    for hidden in found:
        assert hidden is not None
        assert hidden.llr_before == pytest.approx(Painted(patch).llr(track.crops[0]))
        assert hidden.llr_marked < 0.3 * hidden.llr_before
        assert len(hidden.llr_random) == probe.DRAWS
        assert min(hidden.llr_random) > hidden.llr_marked + probe.CLEARLY
        assert hidden.confirmed


def test_a_mark_beside_what_the_examiner_reacts_to_is_not_confirmed(
    exhibit: Exhibit, track: FaceTrack, patch: Mask
) -> None:
    beside = np.roll(patch, -70, axis=0)
    (hidden,) = probe.tested(exhibit, Painted(patch), track, [1], [beside])
    assert hidden is not None
    assert hidden.llr_marked > 0.9 * hidden.llr_before
    assert not hidden.confirmed


def test_a_mark_that_is_no_better_than_random_ones_is_not_confirmed(exhibit: Exhibit, track: FaceTrack) -> None:
    everywhere = locate.oval(track.crop_landmarks_px[0], SIDE_PX, 1.1)
    (hidden,) = probe.tested(exhibit, Painted(everywhere), track, [0], [everywhere])
    assert hidden is not None
    assert hidden.llr_before > hidden.llr_marked
    assert not hidden.confirmed


def test_the_same_test_twice_gives_the_same_numbers(exhibit: Exhibit, track: FaceTrack, patch: Mask) -> None:
    first, second = (probe.tested(exhibit, Painted(patch), track, [0, 1], [patch, patch]) for _ in range(2))
    assert first == second


def test_one_examination_shows_the_same_person_as_seen_and_changed(
    exhibit: Exhibit, track: FaceTrack, patch: Mask
) -> None:
    examiner = Painted(patch)
    probe.tested(exhibit, examiner, track, [0, 2], [patch, patch])
    (stand_in,) = examiner.seen
    (person,) = stand_in.tracks
    unchanged = [np.array_equal(crop, track.crops[0]) for crop in person.crops]
    assert len(person) == 2 * probe.PER_LOOK
    assert unchanged[: probe.PER_LOOK] == [n % 2 == 0 for n in range(probe.PER_LOOK)]
    assert sum(unchanged) > len(person) / 2
    assert len(set(person.times_s.tolist())) == len(person)
    assert stand_in.path == exhibit.path
    assert exhibit.tracks == (track,)


def test_an_examiner_who_weighs_by_the_quality_of_the_track_weighs_as_before(
    exhibit: Exhibit, track: FaceTrack, patch: Mask
) -> None:
    class Careful(Painted):
        """Believes nothing of people who are blurred for the most part."""

        def examine(self, exhibit: Exhibit) -> Evidence:
            answer = super().examine(exhibit)
            blurred = np.median([quality.sharpness(crop) for crop in exhibit.tracks[0].crops]) < self.least
            return replace(answer, regions=() if blurred else answer.regions)

        least = 0.98 * quality.sharpness(track.crops[0])

    (hidden,) = probe.tested(exhibit, Careful(patch), track, [1], [patch])
    assert hidden is not None
    assert hidden.confirmed


def test_what_cannot_be_tested_is_told_as_that(exhibit: Exhibit, track: FaceTrack, patch: Mask) -> None:
    class Silent(Painted):
        def examine(self, exhibit: Exhibit) -> Evidence:
            return abstention("manipulated", "silent-1", "Too dark.")

    nothing, everything = np.zeros_like(patch), np.ones_like(patch)
    assert probe.tested(exhibit, Silent(patch), track, [0], [patch]) == (None,)
    examiner = Painted(patch)
    assert probe.tested(exhibit, examiner, track, [0, 1], [nothing, everything]) == (None, None)
    assert not examiner.seen
    some = probe.tested(exhibit, examiner, track, [0, 1], [nothing, patch])
    assert some[0] is None
    assert some[1] is not None


def test_hiding_blurs_the_region_and_leaves_the_rest(track: FaceTrack, patch: Mask) -> None:
    crop = track.crops[0]
    hidden = probe.hide(crop, patch, np.random.default_rng(0)).astype(int)
    far = cv2.dilate(patch.astype(np.uint8), np.ones((31, 31), np.uint8)) == 0
    assert np.array_equal(hidden[far], crop[far])
    core = np.s_[130:150, 90:130]
    assert np.abs(np.diff(hidden[core], axis=1)).mean() < 0.1 * np.abs(np.diff(crop[core].astype(int), axis=1)).mean()
    assert hidden[core].min() > 60


@pytest.mark.parametrize("area_px", [1, 500, 20_000])
def test_a_random_region_has_the_area_that_was_asked_for_and_stays_inside(area_px: int, track: FaceTrack) -> None:
    domain = locate.oval(track.crop_landmarks_px[0], SIDE_PX, 1.2)
    first, second = (probe.random_region(area_px, domain, np.random.default_rng(seed)) for seed in (0, 1))
    for region in (first, second):
        assert int(region.sum()) == min(area_px, int(domain.sum()))
        assert not (region & ~domain).any()
    assert area_px > domain.sum() or not np.array_equal(first, second)
